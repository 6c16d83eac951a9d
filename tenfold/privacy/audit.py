"""White-box audits: how much privacy a mechanism is seen to lose, and whether its noise has the sd it claims.

An audit can refute a claim, never prove one. Scores come from many runs on two neighbouring inputs; any
function of the output may be the score, the log-likelihood ratio being the most powerful.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats
from scipy.special import ndtri

from tenfold.privacy.gaussian import gaussian_epsilon, positive, probability

MAX_THRESHOLDS = 2000
NOISE_ALARM = 1e-6  # so small that an audit of many correct mechanisms stays silent; half the noise has p = 0
Array = Float[np.ndarray, "..."]
IntArray = Int[np.ndarray, "..."]


class InvalidScores(ValueError):
    """Scores from which no audit can be made."""


@dataclass(frozen=True)
class AuditResult:
    """Lower bounds on what a mechanism loses, which hold together with probability ``confidence``.

    ``epsilon_from_ratio`` is ln((TPR − δ)/FPR), for any mechanism. ``epsilon_from_gaussian`` inverts the
    Gaussian trade-off curve: it refutes the claim "μ-GDP with the μ of (ε, δ)", which is what Gaussian
    noise claims. ``true_positive_rate`` and ``false_positive_rate`` are those at the ratio's threshold.
    """

    claimed_epsilon: float
    delta: float
    epsilon_from_ratio: float
    epsilon_from_gaussian: float
    mu_lower_bound: float
    true_positive_rate: float
    false_positive_rate: float
    runs: int
    confidence: float

    @property
    def epsilon_lower_bound(self) -> float:
        """The larger of the two lower bounds."""
        return max(self.epsilon_from_ratio, self.epsilon_from_gaussian)

    @property
    def violation(self) -> bool:
        """Whether the audit refutes the claimed ε."""
        return self.epsilon_lower_bound > self.claimed_epsilon


@dataclass(frozen=True)
class NoiseTest:
    """A chi-square test of noise against its claimed standard deviation.

    ``p_too_small`` is small when there is less noise than claimed; ``p_value`` is two-sided.
    """

    claimed_sd: float
    observed_sd: float
    draws: int
    p_too_small: float
    p_value: float

    @property
    def alarm(self) -> bool:
        """Whether there is less noise than claimed."""
        return self.p_too_small < NOISE_ALARM


def clopper_pearson(successes: IntArray, runs: int, error: float) -> tuple[Array, Array]:
    """Return exact (lower, upper) bounds on a rate, each wrong with probability at most ``error``."""
    k = np.asarray(successes, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        lower = np.where(k > 0, stats.beta.ppf(error, np.maximum(k, 1), runs - k + 1), 0.0)
        upper = np.where(k < runs, stats.beta.isf(error, k + 1, np.maximum(runs - k, 1)), 1.0)
    return lower, upper


def _bounds(
    thresholds: Float[np.ndarray, " t"],
    scores: Float[np.ndarray, " runs"],
    neighbour_scores: Float[np.ndarray, " runs"],
    error: float,
) -> tuple[Float[np.ndarray, "2 t"], Float[np.ndarray, "2 t"]]:
    """Return bounds (TPR ≥, FPR ≤) of each event: score ≥ t, and score < t with exchanged roles."""
    below = np.searchsorted(np.sort(scores), thresholds)  # number of scores < t
    below_neighbour = np.searchsorted(np.sort(neighbour_scores), thresholds)
    low, high = clopper_pearson(np.stack([scores.size - below, below]), scores.size, error)
    low_neighbour, high_neighbour = clopper_pearson(
        np.stack([neighbour_scores.size - below_neighbour, below_neighbour]), neighbour_scores.size, error
    )
    return np.stack([low_neighbour[0], low[1]]), np.stack([high[0], high_neighbour[1]])


def _ratio_epsilon(tpr: Array, fpr: Array, delta: float) -> np.ndarray:
    return np.log(np.maximum(tpr - delta, fpr) / fpr)  # ln((TPR − δ)/FPR), never below 0


def _gaussian_mu(tpr: Array, fpr: Array) -> np.ndarray:
    inside = (tpr > 0) & (fpr < 1)
    mu = ndtri(np.where(inside, tpr, 0.5)) - ndtri(np.where(inside, fpr, 0.5))  # Φ⁻¹(TPR) − Φ⁻¹(FPR)
    return np.where(inside, np.maximum(mu, 0.0), 0.0)


def _validated(scores: Float[np.ndarray, " runs"], name: str) -> Float[np.ndarray, " runs"]:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim != 1 or scores.size < 8:
        raise InvalidScores(f"{name} must be one-dimensional with at least 8 runs, not shape {scores.shape}")
    if np.isnan(scores).any():
        raise InvalidScores(f"{name} has {int(np.isnan(scores).sum())} NaN: score every run")
    return scores


def audit_scores(
    scores: Float[np.ndarray, " runs"],
    neighbour_scores: Float[np.ndarray, " runs"],
    *,
    claimed_epsilon: float,
    delta: float,
    confidence: float = 0.95,
) -> AuditResult:
    """Bound from below the ε that runs on an input and on its neighbour are consistent with.

    The threshold and the direction are chosen on the first half of the runs, the Clopper–Pearson bounds
    are taken on the second; the error is shared by four one-sided bounds. Runs must be independent. Infinite
    scores are allowed.

    Raises InvalidScores if there are too few runs, the shape is wrong, or a score is NaN; InvalidBudget if
    ``claimed_epsilon`` ≤ 0, or ``delta`` or ``confidence`` is outside (0, 1).
    """
    claimed_epsilon, delta = positive(claimed_epsilon, "claimed_epsilon"), probability(delta, "delta")
    error = (1 - probability(confidence, "confidence")) / 4
    null, other = _validated(scores, "scores"), _validated(neighbour_scores, "neighbour_scores")
    cut, cut_other = null.size // 2, other.size // 2

    candidates = np.unique(np.concatenate([null[:cut], other[:cut_other]]))
    candidates = candidates[:: max(1, candidates.size // MAX_THRESHOLDS)]
    tpr, fpr = _bounds(candidates, null[:cut], other[:cut_other], error)
    choices = [np.argmax(_ratio_epsilon(tpr, fpr, delta)), np.argmax(_gaussian_mu(tpr, fpr))]

    directions, positions = np.unravel_index(choices, tpr.shape)
    tpr, fpr = _bounds(candidates[positions], null[cut:], other[cut_other:], error)
    tpr, fpr = tpr[directions, [0, 1]], fpr[directions, [0, 1]]  # one column a choice
    mu = float(_gaussian_mu(tpr[1], fpr[1]))
    return AuditResult(
        claimed_epsilon=claimed_epsilon,
        delta=delta,
        epsilon_from_ratio=float(_ratio_epsilon(tpr[0], fpr[0], delta)),
        epsilon_from_gaussian=gaussian_epsilon(delta, mu) if mu > 0 else 0.0,
        mu_lower_bound=mu,
        true_positive_rate=float(tpr[0]),
        false_positive_rate=float(fpr[0]),
        runs=null.size + other.size,
        confidence=confidence,
    )


def noise_sd_test(noise: Array, claimed_sd: float) -> NoiseTest:
    """Test whether independent zero-mean Gaussian ``noise`` has the claimed standard deviation.

    Σz²/sd² is chi-square with as many degrees of freedom as draws.

    Raises InvalidScores if there is no noise or it is not finite; InvalidBudget if ``claimed_sd`` is not finite and
    above zero.
    """
    claimed_sd = positive(claimed_sd, "claimed_sd")
    flat = np.asarray(noise, dtype=np.float64).ravel()
    if flat.size == 0 or not np.isfinite(flat).all():
        raise InvalidScores("the noise to test must be finite and not empty")
    statistic = float(np.sum((flat / claimed_sd) ** 2))
    below, above = stats.chi2.cdf(statistic, flat.size), stats.chi2.sf(statistic, flat.size)
    return NoiseTest(
        claimed_sd=claimed_sd,
        observed_sd=claimed_sd * float(np.sqrt(statistic / flat.size)),
        draws=flat.size,
        p_too_small=float(below),
        p_value=float(min(1.0, 2 * min(below, above))),
    )
