"""Mechanisms that are broken on purpose: an audit that does not catch them is no audit.

Each has the signature of ``observation.observe_*``. Never use them to release anything.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tenfold.dp_john.calibration import Calibration, calibrate
from tenfold.dp_john.canaries import CanaryPair
from tenfold.dp_john.iterate_perturbation import noisy_rounds, quadratic_form
from tenfold.dp_john.observation import OBSERVE, Observation, Observe
from tenfold.dp_john.truncated_noise import noisy_fixed_point
from tenfold.privacy.noise import NoiseSource

Rows = Float[np.ndarray, "n d"]
Array = Float[np.ndarray, "..."]


class HalvedNoise(NoiseSource):
    """A source whose Gaussian noise has half the standard deviation it was asked for."""

    def gaussian(self, shape: tuple[int, ...], sd: float | Array) -> Array:
        """Return N(0, sd²/4)."""
        return super().gaussian(shape, sd) / 2


def half_noise(mode: str) -> Observe:
    """Return the observation of ``mode`` run with half of its noise."""

    def observe(A: Rows, canary: CanaryPair, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
        return OBSERVE[mode](A, canary, calibration, HalvedNoise(source.insecure_seed), runs)

    return observe


def leaked_matrix(A: Rows, canary: CanaryPair, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
    """Noisy weights, but AᵀW̄A is released as it is: "the weights are private, and Q follows from them"."""
    stack = np.broadcast_to(A, (runs, *A.shape))
    averaged = noisy_rounds(stack, calibration, source).averaged
    leaked = quadratic_form(stack, averaged)
    on_rows, on_neighbour = (quadratic_form(rows, averaged) for rows in (canary.rows, canary.neighbour))
    difference = on_neighbour - on_rows
    scores = np.sum((leaked - on_rows) * difference, axis=(1, 2)) / np.sum(difference**2, axis=(1, 2))
    return Observation(scores, np.zeros(0))  # 0 on the input and 1 on the neighbour, whatever the noise


def zero_row(A: Rows, canary: CanaryPair, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
    """Multiplicative noise without the check for zero rows: a zero row's weight stays exactly 0.

    The canary's row is set to zero on the input, and to length ``closeness`` on the neighbour.
    """
    rows = A.copy()
    rows[canary.row] = 0.0 if np.array_equal(A, canary.rows) else canary.closeness * canary.rows[canary.row]
    noise = calibrate("paper", None, None, None, n=A.shape[0], d=A.shape[1], noise_sd=0.15, rounds=3)
    last = np.stack([noisy_fixed_point(rows, noise, source)[1] for _ in range(runs)])
    return Observation((last[:, canary.row] > 0).astype(float), np.zeros(0))


PLANTED_BUGS: dict[str, tuple[str, Observe]] = {
    "half noise, input": ("input", half_noise("input")),
    "half noise, iterate": ("iterate", half_noise("iterate")),
    "half noise, moment": ("moment", half_noise("moment")),
    "leaked matrix": ("iterate", leaked_matrix),
    "zero row": ("input", zero_row),
}
