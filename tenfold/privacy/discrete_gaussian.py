"""Exact samples of the discrete Gaussian, in integer arithmetic from uniform bits.

Source: Canonne, Kamath & Steinke 2020, Algorithms 1–3. No floating-point number is involved, so that the
guarantee holds for what is computed and not only for real arithmetic. Adding it to an integer vector of
ℓ2-sensitivity Δ is ρ-zCDP with ρ = Δ²/(2σ²) (Theorem 14). Timing is not constant.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from jaxtyping import Int

from tenfold.arguments import whole
from tenfold.privacy.noise import InvalidNoise, NoiseSource

Integers = Int[np.ndarray, "..."]


def _bernoulli_exp(numerator: int, denominator: int, source: NoiseSource) -> bool:
    """Return True with probability exp(−numerator/denominator), ≥ 0 (Algorithm 1)."""
    while numerator > denominator:  # exp(−γ) = exp(−1)·exp(−(γ − 1))
        if not _bernoulli_exp(1, 1, source):
            return False
        numerator -= denominator
    k = 1
    while source.below(denominator * k) < numerator:  # Bernoulli(γ/k)
        k += 1
    return k % 2 == 1


def _discrete_laplace(scale: int, source: NoiseSource) -> int:
    """Return x with probability proportional to exp(−|x|/scale) (Algorithm 2)."""
    while True:
        remainder = source.below(scale)
        if not _bernoulli_exp(remainder, scale, source):
            continue
        quotient = 0
        while _bernoulli_exp(1, 1, source):
            quotient += 1
        magnitude = remainder + scale * quotient
        negative = source.below(2) == 1
        if negative and magnitude == 0:
            continue
        return -magnitude if negative else magnitude


def discrete_gaussian(shape: tuple[int, ...], variance: int, source: NoiseSource) -> Integers:
    """Return independent integers x with probability proportional to exp(−x²/(2·variance)), int64.

    Algorithm 3: a discrete Laplace candidate, accepted with the ratio of the two.

    Raises InvalidNoise if ``variance`` is not a whole number above zero.
    """
    variance = whole(variance, "variance", least=1, error=InvalidNoise)
    scale = math.isqrt(variance) + 1
    draws = [_one(variance, scale, source) for _ in range(math.prod(shape))]
    return np.array(draws, dtype=np.int64).reshape(shape)


def _one(variance: int, scale: int, source: NoiseSource) -> int:
    while True:
        candidate = _discrete_laplace(scale, source)
        distance = (abs(candidate) - Fraction(variance, scale)) ** 2 / (2 * variance)
        if _bernoulli_exp(distance.numerator, distance.denominator, source):
            return candidate
