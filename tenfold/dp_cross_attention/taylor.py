"""The Taylor polynomial of the exponential, which stands for softmax's e^s.

Legend: s a logit, B ≥ |s| its public bound, g the degree, T_g(s) = Σ_{j≤g} s^j/j!.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import factorial

from tenfold.dp_cross_attention.errors import InvalidSetting, LogitBoundTooLarge, OddDegree

LARGEST_LOGIT = 80.0  # e^80 · 10^6 rows is 10^41: squared, it still fits float64 with room


def taylor(s: Float[np.ndarray, ...] | float, degree: int) -> np.ndarray:
    """Return T_g(s), elementwise, float64."""
    coefficients = 1 / factorial(np.arange(degree + 1), exact=False)
    return np.polynomial.polynomial.polyval(np.asarray(s, dtype=np.float64), coefficients)


def logit_bound(bound: float) -> float:
    """Return B if e^B can be summed over rows.

    Raises InvalidSetting if B is not a finite number above zero; LogitBoundTooLarge if B > 80.
    """
    if not math.isfinite(bound) or bound <= 0:
        raise InvalidSetting(f"the logit bound B = radius²/temperature = {bound} must be finite and above 0")
    if bound > LARGEST_LOGIT:
        raise LogitBoundTooLarge(
            f"B = radius²/temperature = {bound:g} exceeds {LARGEST_LOGIT:g}: e^B overflows, and noise ∝ e^B hides "
            "everything long before. Raise the temperature or shorten the vectors (a smaller radius)."
        )
    return float(bound)


def even_degree(degree: object) -> int:
    """Return the degree if it is even and at least 2.

    Raises OddDegree if the degree is odd; InvalidSetting if it is not a whole number of at least 2.
    """
    if isinstance(degree, bool) or not isinstance(degree, int | np.integer) or degree < 1:
        raise InvalidSetting(f"degree = {degree!r} must be an even whole number of at least 2")
    if degree % 2:
        raise OddDegree(
            f"degree = {degree} is odd: T_g(s) turns negative, so that the sensitivity 2ρ_v√T_g(B) is not a bound. "
            f"Take {degree + 1}."
        )
    return int(degree)


def truncation_error(bound: float, degree: int) -> float:
    """Return ε_s = max over |s| ≤ B of |T_g(s) − e^s|/e^s.

    d/ds T_g(s)e^{−s} = −s^g e^{−s}/g! changes sign at 0 at most, where the error is 0, so the largest error is at
    an end.
    """
    ends = np.array([-bound, bound])
    return float(np.abs(taylor(ends, degree) * np.exp(-ends) - 1).max())


def attention_error_bound(bound: float, degree: int) -> float:
    """Return a bound on ‖attention with T_g − attention with e^s‖ in units of ρ_v, for every query, finite for every B.

    The polynomial reweights the rows by c(s) = T_g(s)e^{−s}, which is monotone for even g, between c(B) and c(−B). Two
    distributions whose ratio lies within a factor e^h of a constant are at most tanh(h/4) apart in total variation,
    and Σ(p − p')v is at most twice that times ρ_v.
    **Deviation:** the usual form is 2ε_s/(1 − ε_s), about twice as large and void from ε_s = 1 on.
    """
    bound, degree = logit_bound(bound), even_degree(degree)
    spread = 2 * bound + math.log(float(taylor(-bound, degree))) - math.log(float(taylor(bound, degree)))
    return 2 * math.tanh(spread / 4)  # h = ln c(−B) − ln c(B)


def usual_error_bound(bound: float, degree: int) -> float:
    """Return 2ε_s/(1 − ε_s), which times Attn(q, K, |V|) bounds the truncation error; infinite from ε_s = 1."""
    error = truncation_error(bound, degree)
    return 2 * error / (1 - error) if error < 1 else math.inf


def degree_for(bound: float, error: float) -> int:
    """Return the least degree, odd ones included, whose ε_s at B is at most ``error``."""
    degree = 1
    while truncation_error(bound, degree) > error:
        degree += 1
    return degree


def smallest(bound: float, degree: int) -> float:
    """Return min T_g over [−B, B], above 0 for even g: T_g is convex and T_g' = T_{g−1} has one real root."""
    degree = even_degree(degree)
    if taylor(-bound, degree - 1) >= 0:
        return float(taylor(-bound, degree))
    root = brentq(lambda s: float(taylor(s, degree - 1)), -bound, 0.0)
    return float(taylor(root, degree))
