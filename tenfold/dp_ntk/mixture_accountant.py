"""δ of a Gaussian mechanism whose shift is random and public: G = ΦR + √λ₀N with R published.

Given R, replacing record i moves row i of G by Rᵀ(φ − φ'), of squared length D²χ²_k in distribution for
‖φ − φ'‖ = D, since the data do not depend on R. Releasing (R, G) is therefore (ε, δ)-DP with
δ = ∫ δ_Gauss(ε; D√(c/λ₀)) dχ²_k(c), D the diameter of the features.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy import stats
from scipy.optimize import brentq
from scipy.special import log_ndtr

from tenfold.privacy.gaussian import positive, probability

BINS = 2000
TAIL = 1e-12  # mass beyond the last edge, which counts in full
ROUNDING = 1e-9


@lru_cache(maxsize=64)
def _edges(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the bins' upper edges and masses; masses are differences of the upper tail, rounded up by the tail."""
    law = stats.chi2(samples)
    upper = law.isf(np.geomspace(0.5, TAIL, BINS // 2))
    lower = law.ppf(np.linspace(0.5 / (BINS // 2), 0.5, BINS // 2, endpoint=False))
    edges = np.concatenate([lower, upper])
    return edges, -np.diff(law.sf(np.concatenate([[0.0], edges])))


def gaussian_deltas(epsilon: float, mus: Float[np.ndarray, " b"]) -> Float[np.ndarray, " b"]:
    """Return δ = Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ) for each μ ≥ 0, vectorised (Balle & Wang 2018, Theorem 8)."""
    mus = np.asarray(mus, dtype=np.float64)
    safe = np.maximum(mus, 1e-9)  # δ is 0 in float64 there
    accept = log_ndtr(safe / 2 - epsilon / safe)
    reject = epsilon + log_ndtr(-safe / 2 - epsilon / safe)
    return np.where(reject < accept, np.exp(accept) * -np.expm1(np.minimum(reject - accept, 0.0)), 0.0)


def mixture_delta(
    epsilon: float, distance: float, noise_variance: float, samples: int, *, label_mu: float = 0.0
) -> float:
    """Return an upper bound on δ(ε) by upper sums plus the tail mass: δ_Gauss grows with c, so no bin is understated.

    ``distance`` D ≥ ‖φ − φ'‖, ``noise_variance`` λ₀, ``samples`` k; ``label_mu`` is the μ of a Gaussian release
    of the labels beside it, whose square adds.

    Raises InvalidBudget if ε, D or λ₀ is not finite and above 0.
    """
    epsilon, distance = positive(epsilon, "epsilon"), positive(distance, "distance")
    variance = positive(noise_variance, "noise_variance")
    edges, masses = _edges(samples)
    mus = np.sqrt(distance**2 * edges / variance + label_mu**2)
    return float(masses @ gaussian_deltas(epsilon, mus) + TAIL)


def midpoint_delta(epsilon: float, distance: float, noise_variance: float, samples: int, bins: int = 200) -> float:
    """Return what midpoint quantiles give instead: not a bound. Kept to measure by how much it understates δ."""
    c = stats.chi2(samples).ppf((np.arange(bins) + 0.5) / bins)
    return float(gaussian_deltas(epsilon, distance * np.sqrt(c / noise_variance)).mean())


def smallest_noise_variance(
    epsilon: float, delta: float, distance: float, samples: int, *, label_mu: float = 0.0
) -> float:
    """Return λ₀, rounded up by one part in 10⁹, that makes (R, G) and the noisy labels (ε, δ)-DP.

    Raises InvalidBudget if ε ≤ 0, δ is outside (0, 1) or below what the tail mass leaves, D ≤ 0, or the labels alone
    exceed the budget.
    """
    from tenfold.privacy.gaussian import InvalidBudget, gaussian_delta

    epsilon, delta = positive(epsilon, "epsilon"), probability(delta, "delta")
    if delta <= 10 * TAIL:
        raise InvalidBudget(f"delta = {delta:g} is below the accountant's resolution of {10 * TAIL:g}")
    if label_mu > 0 and gaussian_delta(epsilon, label_mu) >= delta:
        raise InvalidBudget("the labels' release alone takes the whole budget: give it a smaller share")

    def excess(log_variance: float) -> float:
        return mixture_delta(epsilon, distance, math.exp(log_variance), samples, label_mu=label_mu) - delta

    low = high = 2 * math.log(distance)
    while excess(high) > 0:
        high += 2
    while excess(low) <= 0:
        low -= 2
    return math.exp(brentq(excess, low, high, xtol=1e-12, rtol=1e-12)) * (1 + ROUNDING)
