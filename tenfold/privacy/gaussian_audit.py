"""The audit of a Gaussian-DP claim by one threshold, which needs no luck in the tails.

``tenfold.privacy.audit`` chooses among thousands of thresholds, which serves mechanisms of unknown shape; where the
score is Gaussian, the median is the best threshold, and a few percent too little noise show at ε ≤ 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from tenfold.privacy.audit import InvalidScores, clopper_pearson
from tenfold.privacy.gaussian import gaussian_epsilon, positive, probability


@dataclass(frozen=True)
class GaussianAudit:
    """A lower bound on μ that holds with probability ``confidence``, and the ε at δ that it implies."""

    claimed_mu: float
    mu_lower_bound: float
    delta: float
    runs: int
    confidence: float

    @property
    def epsilon_lower_bound(self) -> float:
        """The ε at δ of the lower bound on μ; 0 where that is 0."""
        return gaussian_epsilon(self.delta, self.mu_lower_bound) if self.mu_lower_bound > 0 else 0.0

    @property
    def violation(self) -> bool:
        """Whether the audit refutes the claimed μ."""
        return self.mu_lower_bound > self.claimed_mu


def audit_gaussian(
    scores: Float[np.ndarray, " runs"],
    neighbour_scores: Float[np.ndarray, " runs"],
    *,
    claimed_mu: float,
    delta: float,
    confidence: float = 0.95,
) -> GaussianAudit:
    """Bound μ from below: μ ≥ Φ⁻¹(1 − FPR) − Φ⁻¹(FNR) for any test (Dong, Roth & Su 2022, Definition 4).

    The test is "score above t", t the median of the first halves of the runs together; FPR on ``scores`` and FNR on
    ``neighbour_scores`` are bounded from above on the second halves (Clopper–Pearson, the error shared). The
    neighbour is to have the higher scores. Runs must be independent.

    Raises InvalidScores if there are too few runs, the shape is wrong, or a score is NaN; InvalidBudget if
    ``claimed_mu`` ≤ 0, or ``delta`` or ``confidence`` is outside (0, 1).
    """
    claimed_mu, delta = positive(claimed_mu, "claimed_mu"), probability(delta, "delta")
    error = (1 - probability(confidence, "confidence")) / 2
    null, other = np.asarray(scores, dtype=np.float64), np.asarray(neighbour_scores, dtype=np.float64)
    if min(null.size, other.size) < 8 or null.ndim != 1 or other.ndim != 1 or np.isnan(null.sum() + other.sum()):
        raise InvalidScores(
            f"scores must be one-dimensional, at least 8 each and free of NaN, not of shapes {null.shape} and "
            f"{other.shape}"
        )
    cut, cut_other = null.size // 2, other.size // 2
    threshold = np.median(np.concatenate([null[:cut], other[:cut_other]]))
    null, other = null[cut:], other[cut_other:]
    false_positive = float(clopper_pearson(np.array((null > threshold).sum()), null.size, error)[1])
    false_negative = float(clopper_pearson(np.array((other <= threshold).sum()), other.size, error)[1])
    mu = float(ndtri(1 - false_positive) - ndtri(false_negative)) if max(false_positive, false_negative) < 1 else 0.0
    return GaussianAudit(claimed_mu, max(mu, 0.0), delta, 2 * (null.size + other.size), confidence)
