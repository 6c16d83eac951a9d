"""Where private noise comes from: the operating system's entropy, or a seed that says it is insecure.

Both sources feed the same bytes-to-noise transforms, so what is tested with a seed is what runs in private.
The transforms are float64: the set of values they can return is finite, and depends on the value the noise is
added to (Mironov 2012). Such noise is research-grade, not hardened, as every ``PrivacyStatement`` says.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from tenfold.arguments import whole

Array = Float[np.ndarray, "..."]


class InvalidNoise(ValueError):
    """A standard deviation or a seed from which no noise can be drawn."""


class NoiseSource:
    """A stream of independent noise.

    Without a seed every draw reads the operating system's entropy, and nothing about it can be replayed.
    With ``insecure_seed`` the stream reproduces; whoever knows the seed can subtract the noise. ``pay`` is called once,
    before anything is drawn: a release that is refused earlier costs nothing, and what ``pay`` raises prevents it.

    Raises InvalidNoise if ``insecure_seed`` is neither None nor an integer ≥ 0.
    """

    def __init__(self, insecure_seed: int | None = None, pay: Callable[[], None] | None = None) -> None:
        self._pay = pay
        self._entropy: Callable[[int], bytes] = os.urandom
        if insecure_seed is not None:
            insecure_seed = whole(insecure_seed, "insecure_seed", least=0, error=InvalidNoise, says=", or None")
            self._entropy = np.random.default_rng(insecure_seed).bytes
        self.insecure_seed = insecure_seed

    def _bytes(self, count: int) -> bytes:
        if self._pay is not None:
            self._pay()
            self._pay = None
        return self._entropy(count)

    def _bits(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.frombuffer(self._bytes(8 * math.prod(shape)), dtype=np.uint64).reshape(shape)

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Return float64 numbers in the open interval (0, 1), on a grid of 2⁻⁵²."""
        return ((self._bits(shape) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52

    def gaussian(self, shape: tuple[int, ...], sd: float | Array) -> Array:
        """Return independent N(0, sd²), float64; ``sd`` is a number or broadcasts to ``shape``.

        One bit gives the sign and 63 the lower tail, so that values out to 9.1 sd can occur.

        Raises InvalidNoise if a standard deviation is not finite and above zero.
        """
        if not np.all(np.isfinite(sd)) or not np.all(np.asarray(sd) > 0):
            raise InvalidNoise(f"the noise's sd must be finite and above 0, not {np.min(sd)} to {np.max(sd)}")
        bits = self._bits(shape)
        tail = ((bits >> np.uint64(1)).astype(np.float64) + 0.5) * 2.0**-64  # uniform on (0, ½]
        sign = 1.0 - 2.0 * (bits & np.uint64(1)).astype(np.float64)
        return sd * sign * ndtri(tail)

    def symmetric_gaussian(self, shape: tuple[int, ...], sd: float | Array) -> Float[np.ndarray, "... d d"]:
        """Return symmetric Gaussian matrices, isotropic in the Frobenius norm.

        The sd is ``sd`` on the diagonal and sd/√2 off it. Added to a symmetric matrix of Frobenius
        sensitivity Δ, it is (Δ/sd)-GDP. ``shape`` is (…, d, d).

        Raises InvalidNoise if a standard deviation is not finite and above zero, or ``shape`` is not square.
        """
        if len(shape) < 2 or shape[-1] != shape[-2]:
            raise InvalidNoise(f"symmetric noise needs a square shape, not {shape}")
        square = self.gaussian(shape, sd)
        return (square + np.swapaxes(square, -1, -2)) / 2

    def below(self, bound: int) -> int:
        """Return a whole number, exactly uniform from 0 to ``bound`` − 1: bits that overshoot are redrawn.

        Raises InvalidNoise if ``bound`` is below 1.
        """
        if bound < 1:
            raise InvalidNoise(f"there is no whole number from 0 to {bound - 1}")
        bits = (bound - 1).bit_length()
        while True:
            drawn = int.from_bytes(self._bytes((bits + 7) // 8), "little") & ((1 << bits) - 1)
            if drawn < bound:
                return drawn

    def gumbel(self, shape: tuple[int, ...]) -> Array:
        """Return standard Gumbel noise, float64: the arg max of scores plus this samples their softmax."""
        return -np.log(-np.log(self.uniform(shape)))


def symmetric_gaussian_norm_bound(d: int, sd: float, failure_probability: float) -> float:
    """Return a bound on the spectral norm of ``symmetric_gaussian((d, d), sd)``, wrong with probability β.

    β is ``failure_probability``. The bound is sd·(√(2d) + √(2 ln(2/β))): the mean of the largest eigenvalue is at
    most sd·√(2d) (a Gaussian orthogonal ensemble times sd/√2), and that eigenvalue is 1-Lipschitz in the Frobenius
    norm, in which the noise is isotropic.
    """
    return sd * (math.sqrt(2 * d) + math.sqrt(2 * math.log(2 / failure_probability)))
