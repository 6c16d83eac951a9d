"""Zero-concentrated differential privacy, for mechanisms that are not exactly Gaussian.

A mechanism is ρ-zCDP when its Rényi divergence of every order α > 1 between neighbours is at most ρα (Bun &
Steinke 2016). μ-GDP implies ρ = μ²/2; the converse fails, so the (ε, δ) bounds are slightly weaker.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq, minimize_scalar

from tenfold.privacy.gaussian import positive, probability

TIGHTNESS = 1e-9  # by which a root that does not hold is taken down


def _log_delta(epsilon: float, rho: float) -> float:
    def bound(log_excess: float) -> float:
        excess = math.exp(log_excess)  # α − 1
        alpha = 1 + excess
        return excess * (alpha * rho - epsilon) + alpha * math.log(excess / alpha) - math.log(excess)

    middle = math.log(max(epsilon / rho, 1e-6))  # the best α is of the order of ε/ρ
    found = minimize_scalar(bound, bounds=(middle - 12, middle + 3), method="bounded", options={"xatol": 1e-9})
    return float(found.fun)


def concentrated_delta(epsilon: float, rho: float) -> float:
    """Return a δ for which every ρ-zCDP mechanism is (ε, δ)-DP.

    δ = min over α > 1 of e^{(α−1)(αρ−ε)}(1 − 1/α)^α/(α − 1) (Canonne, Kamath & Steinke 2020, Proposition 12);
    any α gives a valid δ, so that an imperfect minimum costs only tightness.

    Raises InvalidBudget if ε ≤ 0, ρ ≤ 0, or either is not a finite number.
    """
    return min(1.0, math.exp(min(_log_delta(positive(epsilon, "epsilon"), positive(rho, "rho")), 0.0)))


def concentrated_rho(epsilon: float, delta: float) -> float:
    """Return a ρ, the largest to one part in 10⁷, for which every ρ-zCDP mechanism is (ε, δ)-DP.

    ``concentrated_delta(epsilon, rho)`` never exceeds δ: the root is taken down until it does not.

    Raises InvalidBudget if ε ≤ 0, δ is outside (0, 1), or either is not a finite number.
    """
    epsilon, delta = positive(epsilon, "epsilon"), probability(delta, "delta")
    target = math.log(delta)
    low = high = 1.0
    while _log_delta(epsilon, high) < target:
        high *= 2
    while _log_delta(epsilon, low) > target:
        low /= 2
    root = low if low == high else brentq(lambda rho: _log_delta(epsilon, rho) - target, low, high, rtol=1e-12)
    rho = float(root)
    while concentrated_delta(epsilon, rho) > delta:  # the minimum over α is found to about 10⁻⁷ of δ only
        rho *= 1 - TIGHTNESS
    return rho
