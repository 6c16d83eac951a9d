"""Gaussian differential privacy: μ, (ε, δ), the noise multiplier, and composition.

A mechanism is μ-GDP when telling two neighbouring inputs apart is at least as hard as telling N(0, 1) from
N(μ, 1) (Dong, Roth & Su 2022, Definition 4). Adding N(0, σ²) to each coordinate of a function with
ℓ2-sensitivity Δ is μ-GDP with μ = Δ/σ, whatever the neighbour relation under which Δ was proved.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real

from scipy.optimize import brentq
from scipy.special import log_ndtr

from tenfold.arguments import plain

LARGEST = 1e100
ROUNDING = 1e-12  # the root finder stops well within this relative error


class InvalidBudget(ValueError):
    """A privacy budget outside the range where it means anything."""


def positive(value: object, name: str) -> float:
    """Return ``value`` as a float above zero and at most 10¹⁰⁰, whose square is a number, too.

    Raises InvalidBudget if ``value`` is not a real number, is NaN, is not above zero, or is larger.
    """
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidBudget(f"{name} must be a real number above 0, not {type(value).__name__}")
    number = float(value)
    if not math.isfinite(number) or number <= 0:
        raise InvalidBudget(f"{name} = {number} must be finite and above 0")
    if number > LARGEST:
        raise InvalidBudget(f"{name} = {number:g} must be at most {LARGEST:g}, so that its square is finite")
    return number


def probability(value: object, name: str) -> float:
    """Return ``value`` as a float strictly between zero and one.

    Raises InvalidBudget if ``value`` is not a real number in the open interval (0, 1).
    """
    number = positive(value, name)
    if number >= 1:
        raise InvalidBudget(f"{name} = {number} must lie strictly between 0 and 1")
    return number


def _log_delta(epsilon: float, mu: float) -> float:
    accept = log_ndtr(mu / 2 - epsilon / mu)
    reject = epsilon + log_ndtr(-mu / 2 - epsilon / mu)
    if reject >= accept:  # the difference is below float64's resolution
        return -math.inf
    return float(accept + math.log(-math.expm1(reject - accept)))


def gaussian_delta(epsilon: float, mu: float) -> float:
    """Return the smallest δ for which every μ-GDP mechanism is (ε, δ)-DP.

    δ = Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ), in logarithms (Balle & Wang 2018, Theorem 8; Dong, Roth & Su
    2022, Corollary 1).

    Raises InvalidBudget if ε < 0, μ ≤ 0, or either is not a finite number.
    """
    if epsilon != 0:
        positive(epsilon, "epsilon")
    return math.exp(_log_delta(float(epsilon), positive(mu, "mu")))


def gaussian_mu(epsilon: float, delta: float) -> float:
    """Return the largest μ for which every μ-GDP mechanism is (ε, δ)-DP, rounded down by one part in 10¹².

    Raises InvalidBudget if ε ≤ 0, δ is outside (0, 1), or either is not a finite number.
    """
    epsilon, delta = positive(epsilon, "epsilon"), probability(delta, "delta")
    target = math.log(delta)

    def excess(mu: float) -> float:
        return max(_log_delta(epsilon, mu), -1e6) - target

    low = high = 1.0
    while excess(high) < 0:
        high *= 2
    while excess(low) > 0:
        low /= 2
    root = low if low == high else brentq(excess, low, high, xtol=1e-300, rtol=1e-14, maxiter=500)
    return float(root) * (1 - ROUNDING)


def gaussian_epsilon(delta: float, mu: float) -> float:
    """Return the smallest ε for which every μ-GDP mechanism is (ε, δ)-DP, rounded up by one part in 10¹².

    The ε is 0 when δ ≥ 2Φ(μ/2) − 1, the total variation distance.

    Raises InvalidBudget if δ is outside (0, 1), μ ≤ 0, or either is not a finite number.
    """
    delta, mu = probability(delta, "delta"), positive(mu, "mu")
    target = math.log(delta)

    def excess(epsilon: float) -> float:
        return max(_log_delta(epsilon, mu), -1e6) - target

    if excess(0.0) <= 0:
        return 0.0
    high = 1.0
    while excess(high) > 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-300, rtol=1e-14, maxiter=500)) * (1 + ROUNDING)


def noise_multiplier(epsilon: float, delta: float) -> float:
    """Return σ/Δ, the noise's standard deviation per unit of ℓ2-sensitivity, that makes (ε, δ)-DP: 1/μ.

    Raises InvalidBudget if ε ≤ 0, δ is outside (0, 1), or either is not a finite number.
    """
    return 1 / gaussian_mu(epsilon, delta)


def compose(mus: Iterable[float]) -> float:
    """Return the μ of releasing all of several μ_i-GDP outputs, adaptively chosen: μ² = Σμ_i².

    Each mechanism may depend on the outputs before it, but each μ_i must hold whatever those were
    (Dong, Roth & Su 2022, Corollary 2).

    Raises InvalidBudget if there is no μ_i, or one is not a finite number above zero.
    """
    parts = [positive(mu, "mu") for mu in mus]
    if not parts:
        raise InvalidBudget("nothing to compose: give at least one mu")
    return math.hypot(*parts)


def split(mu: float, share: float) -> tuple[float, float]:
    """Return (μ√share, μ√(1 − share)), two budgets that compose to μ.

    Raises InvalidBudget if μ ≤ 0 or ``share`` is outside (0, 1).
    """
    mu, share = positive(mu, "mu"), probability(share, "share")
    return mu * math.sqrt(share), mu * math.sqrt(1 - share)


def pure_epsilon(mu: float) -> float:
    """Return the largest ε for which every (ε, 0)-DP mechanism is μ-GDP: log Φ(μ/2) − log Φ(−μ/2).

    The trade-off curve of ε-DP is two straight lines that meet at (1/(1+e^ε), 1/(1+e^ε)); a convex Gaussian
    curve through the same three points lies below it.

    Raises InvalidBudget if μ ≤ 0 or μ is not a finite number.
    """
    mu = positive(mu, "mu")
    return float(log_ndtr(mu / 2) - log_ndtr(-mu / 2)) * (1 - ROUNDING)
