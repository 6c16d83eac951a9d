"""The audit of a whole release by what it puts out, which knows nothing of how the noise was made or how large it is.

Runs of a public entry point on an input and on its neighbour give outputs (runs, k). On the first half of the runs the
auditor finds the direction in which they differ most for their spread; on the second half the distance of the two means
in that direction, in standard deviations, is an estimate of μ. Where the outputs are Gaussian its distribution is known
(noncentral t), so that a bound on μ holds with a stated confidence and the power against too little noise is a number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats
from scipy.optimize import brentq

from tenfold.privacy.audit import InvalidScores
from tenfold.privacy.gaussian import positive, probability

Outputs = Float[np.ndarray, "runs k"]
LEAST = 40  # runs of each, so that half of them show a spread


@dataclass(frozen=True)
class OutputAudit:
    """``mu_lower_bound`` holds with probability ``confidence``, if the outputs' noise is Gaussian; runs are of each."""

    claimed_mu: float
    mu_estimate: float
    mu_lower_bound: float
    runs: int
    confidence: float

    @property
    def violation(self) -> bool:
        """Whether the audit refutes the claimed μ."""
        return self.mu_lower_bound > self.claimed_mu

    def power(self, factor: float) -> float:
        """Return the probability with which ``factor`` of the noise that is due is caught, by as many runs.

        It counts on a pair of neighbours that attains the sensitivity, and on the best direction.
        """
        half = self.runs - self.runs // 2
        freedom, scale = 2 * half - 2, math.sqrt(half / 2)
        critical = stats.nct.isf(1 - self.confidence, freedom, self.claimed_mu * scale)
        return float(stats.nct.sf(critical, freedom, self.claimed_mu / factor * scale))


def audit_outputs(
    outputs: Outputs, neighbour_outputs: Outputs, *, claimed_mu: float, confidence: float = 0.999
) -> OutputAudit:
    """Bound μ from below by the outputs of independent releases on an input and on its neighbour, as many of each.

    An output without any spread that tells the neighbours apart gives an infinite bound.

    Raises InvalidScores if there are fewer than 40 runs of each, the shapes differ, or an output is not finite;
    InvalidBudget if ``claimed_mu`` ≤ 0 or ``confidence`` is outside (0, 1).
    """
    claimed_mu, error = positive(claimed_mu, "claimed_mu"), 1 - probability(confidence, "confidence")
    first, second = (np.asarray(found, dtype=np.float64) for found in (outputs, neighbour_outputs))
    if first.ndim != 2 or first.shape != second.shape or len(first) < LEAST:
        raise InvalidScores(
            f"outputs must be of one shape (runs, k), runs ≥ {LEAST}, not {first.shape}, {second.shape}"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InvalidScores("an output is not finite: leave out what may be infinite, or score it another way")
    cut = len(first) // 2
    shift = second[:cut].mean(axis=0) - first[:cut].mean(axis=0)
    variance = (first[:cut].var(axis=0) + second[:cut].var(axis=0)) / 2
    constant = variance <= (1e-12 * np.abs(first).max(axis=0)) ** 2
    if np.any(np.abs(shift[constant]) > 1e-9 * np.abs(first[:, constant]).max(axis=0)):
        return OutputAudit(claimed_mu, math.inf, math.inf, len(first), confidence)
    direction = np.divide(shift, variance, out=np.zeros_like(shift), where=~constant)
    low, high = first[cut:] @ direction, second[cut:] @ direction
    half, spread = len(low), math.sqrt((low.var(ddof=1) + high.var(ddof=1)) / 2)
    estimate = float(high.mean() - low.mean()) / spread if spread > 0 else 0.0
    return OutputAudit(claimed_mu, estimate, _lower_bound(estimate, half, error), len(first), confidence)


def _lower_bound(estimate: float, half: int, error: float) -> float:
    """Return the μ at which an estimate this large has probability ``error``; 0 where it is no larger than chance."""
    scale, freedom = math.sqrt(half / 2), 2 * half - 2

    def excess(mu: float) -> float:
        return float(stats.nct.sf(estimate * scale, freedom, mu * scale)) - error

    if estimate <= 0 or excess(0.0) >= 0:
        return 0.0
    return float(brentq(excess, 0.0, estimate, xtol=1e-6))
