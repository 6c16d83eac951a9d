"""Truncated Laplace noise on X: the paper's release X̃ for the cross terms K(x, X̃).

Each coordinate has density ∝ exp(−|z|/b) on [−A, A], with b = √d·β/ε and A = b·ln(1 + (e^ε − 1)/(2δ)): the
truncated Laplace mechanism of Geng, Ding, Guo & Kumar (2020) at ℓ1-sensitivity √d·β, for a row that moves by β in ℓ2.
The bound A is the one-dimensional one; it also serves d coordinates, because the mass that a shift s pushes out
of [−A, A] is superadditive in s, so that splitting a shift over coordinates only lowers δ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.privacy.gaussian import positive, probability
from tenfold.privacy.noise import NoiseSource


@dataclass(frozen=True)
class TruncatedLaplace:
    """Scale b and bound A of every coordinate's noise, for an ℓ1-sensitivity at an (ε, δ)."""

    scale: float
    bound: float
    sensitivity: float

    def draw(self, shape: tuple[int, ...], source: NoiseSource) -> np.ndarray:
        """Return independent noise, by inverting the distribution function."""
        u = source.uniform(shape) - 0.5
        inside = -math.expm1(-self.bound / self.scale)  # mass of the untruncated Laplace within ±A
        return -self.scale * np.sign(u) * np.log1p(-2 * np.abs(u) * inside)

    @property
    def sd(self) -> float:
        """The standard deviation of one coordinate."""
        a = self.bound / self.scale
        tail = math.exp(-a)
        return self.scale * math.sqrt((2 - tail * (a * a + 2 * a + 2)) / (1 - tail))

    def exact_delta(self, epsilon: float, shifts: Float[np.ndarray, " d"]) -> float:
        """Return a bound on δ(ε) for a row that moves by ``shifts``: outputs that the neighbour cannot give.

        Inside the common support the loss is at most ‖s‖₁/b ≤ ε, so only the mass outside it counts:
        1 − Π(1 − tail(s_i)), tail(s) being the mass of [−A, −A + |s|].
        """
        if np.abs(shifts).sum() / self.scale > epsilon * (1 + 1e-12):
            raise ValueError("the shifts exceed the ℓ1-sensitivity that ε was calibrated for")
        a = self.bound / self.scale
        s = np.minimum(np.abs(shifts), 2 * self.bound) / self.scale
        tails = 0.5 * np.exp(-a) * np.expm1(np.minimum(s, a)) / -math.expm1(-a)
        return float(-np.expm1(np.sum(np.log1p(-tails))))


def truncated_laplace(epsilon: float, delta: float, closeness: float, dimension: int) -> TruncatedLaplace:
    """Return the noise that makes X̃ (ε, δ)-DP towards one row that moves by at most ``closeness`` in ℓ2.

    Raises InvalidBudget if ε ≤ 0, δ is outside (0, 1), or β ≤ 0.
    """
    epsilon, delta = positive(epsilon, "epsilon"), probability(delta, "delta")
    sensitivity = math.sqrt(dimension) * positive(closeness, "closeness")
    scale = sensitivity / epsilon
    return TruncatedLaplace(scale, scale * math.log1p(math.expm1(epsilon) / (2 * delta)), sensitivity)
