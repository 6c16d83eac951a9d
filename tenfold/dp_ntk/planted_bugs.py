"""Mechanisms that are broken on purpose: an audit that does not catch them is no audit. Never release with them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tenfold.dp_ntk.calibration import Calibration
from tenfold.dp_ntk.mechanisms import noisy_samples
from tenfold.dp_ntk.observation import KERNEL, OBSERVE, Canary, Observation, Observe
from tenfold.dp_ntk.regression import fit_woodbury
from tenfold.dp_ntk.sampling import factor, sample_by_factor
from tenfold.privacy.noise import NoiseSource

Array = Float[np.ndarray, "..."]
QUERY = np.array([0.6, 0.6, 0.5])
RIDGE = 1.0


class HalvedNoise(NoiseSource):
    """A source whose Gaussian noise has half the standard deviation it was asked for."""

    def gaussian(self, shape: tuple[int, ...], sd: float | Array) -> Array:
        """Return N(0, sd²/4); unit draws are public projections, and are left as they are."""
        drawn = super().gaussian(shape, sd)
        return drawn if np.ndim(sd) == 0 and sd == 1.0 else drawn / 2


def half_noise(mode: str) -> Observe:
    """Return the observation of ``mode`` run with half of its noise."""

    def observe(c: Canary, neighbour: bool, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
        return OBSERVE[mode](c, neighbour, calibration, HalvedNoise(source.insecure_seed), runs)

    return observe


def raw_cross_terms(
    c: Canary, neighbour: bool, calibration: Calibration, source: NoiseSource, runs: int
) -> Observation:
    """α̃ from k private samples, but queries answered with the raw records: f(x) = K(x, X)α̃.

    One answer, less what the other records contribute, is K(x, x_i)α̃_i: the record's own kernel value, free of noise.
    """
    assert calibration.samples is not None
    X, Y = c.sides()[neighbour]
    F = factor(KERNEL.matrix(X))
    runs = min(runs, 2000)  # certain in each
    answers = np.empty(runs)
    others = np.delete(np.arange(len(X)), c.row)
    for run in range(runs):
        alpha = fit_woodbury(sample_by_factor(F, min(calibration.samples, 50), source), Y, RIDGE)
        score = (KERNEL.matrix(QUERY[None], X) @ alpha)[0, 0]
        known = (KERNEL.matrix(QUERY[None], c.rows[others]) @ alpha[others])[0, 0]
        answers[run] = (score - known) / alpha[c.row, 0]
    on_rows, on_neighbour = (float(KERNEL.matrix(QUERY[None], rows[[c.row]])[0, 0]) for rows in (c.rows, c.neighbour))
    return Observation((answers - on_rows) / (on_neighbour - on_rows), np.zeros(0))


def exact_targets(c: Canary, neighbour: bool, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
    """Private samples G, but α solved with the exact labels: (GGᵀ/k + λI)α gives every label back."""
    assert calibration.samples is not None
    X, Y = c.sides()[neighbour]
    runs = min(runs, 2000)
    scores = np.empty(runs)
    features = KERNEL.features(X)
    for run in range(runs):
        projections = source.gaussian((features.shape[1], calibration.samples), 1.0)
        G = noisy_samples(features @ projections, calibration, source)
        alpha = fit_woodbury(G, Y, RIDGE)
        labels = G @ (G.T @ alpha) / calibration.samples + RIDGE * alpha
        scores[run] = -labels[c.row, 0]  # the label of class 0, which the neighbour lacks
    return Observation(scores, np.zeros(0))
