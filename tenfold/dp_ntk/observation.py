"""Many independent runs of a private mode's own code on one small input, scored by an observer.

The observer knows everything but the noise and which of two inputs it was; the score is the log-likelihood ratio of
what was released, between neighbour and input. Runs are a leading axis.

Legend:  n records · d features · k samples · C classes
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_ntk.calibration import Calibration, calibrate
from tenfold.dp_ntk.kernel import LimitKernel
from tenfold.dp_ntk.mechanisms import (
    centred,
    noisy_moments,
    noisy_samples,
    noisy_targets,
    perturb_cross_rows,
    perturb_rows,
)
from tenfold.dp_ntk.sampling import factor, sample_by_factor
from tenfold.privacy.noise import NoiseSource

KERNEL = LimitKernel()
Array = Float[np.ndarray, "..."]


@dataclass(frozen=True)
class Canary:
    """Neighbouring records X, X' (n, d) and targets Y, Y' (n, C): row ``row`` differs, and perhaps its label."""

    name: str
    rows: Float[np.ndarray, "n d"]
    neighbour: Float[np.ndarray, "n d"]
    targets: Float[np.ndarray, "n C"]
    neighbour_targets: Float[np.ndarray, "n C"]
    row: int

    @property
    def distance(self) -> float:
        """How far the record moves."""
        return float(np.linalg.norm(self.rows[self.row] - self.neighbour[self.row]))

    def sides(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Return (X, Y) and (X', Y')."""
        return (self.rows, self.targets), (self.neighbour, self.neighbour_targets)

    def kernels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return K of both inputs."""
        return KERNEL.matrix(self.rows), KERNEL.matrix(self.neighbour)


@dataclass(frozen=True)
class Observation:
    """Scores of the runs (runs,), higher on the neighbour, and their noise divided by its claimed sd."""

    scores: Float[np.ndarray, " runs"]
    noise: Float[np.ndarray, " draws"]


#: Runs a mechanism on the canary's rows, or on the neighbour's where the flag is set.
Observe = Callable[[Canary, bool, Calibration, NoiseSource, int], Observation]


def likelihood_ratio(released: Array, on_rows: Array, on_neighbour: Array, sd: float) -> Float[np.ndarray, " runs"]:
    """Return log N(released; on_neighbour, sd²) − log N(released; on_rows, sd²) of each run."""
    terms = (released - (on_rows + on_neighbour) / 2) * (on_neighbour - on_rows) / sd**2
    return terms.reshape(len(terms), -1).sum(axis=1)


def _stack(array: Array, runs: int) -> Array:
    return np.broadcast_to(array, (runs, *array.shape))


def observe_input(c: Canary, neighbour: bool, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
    """Run mode ``input``: noisy records, and noisy targets where labels are private."""
    X, Y = c.sides()[neighbour]
    assert calibration.noise_sd is not None
    released = perturb_rows(_stack(X, runs), calibration, source)
    scores = likelihood_ratio(released, c.rows, c.neighbour, calibration.noise_sd)
    noise = [((released - X) / calibration.noise_sd).ravel()]
    scores = scores + _label_scores(c, Y, calibration, source, runs, noise)
    return Observation(scores, np.concatenate(noise))


def _label_scores(
    c: Canary, Y: Array, calibration: Calibration, source: NoiseSource, runs: int, noise: list[Array]
) -> Array:
    sd = calibration.label_noise_sd
    if sd is None:
        return np.zeros(runs)
    released = noisy_targets(_stack(Y, runs), calibration, source)
    noise.append(((released - Y) / sd).ravel())
    return likelihood_ratio(released, c.targets, c.neighbour_targets, sd)


def observe_ridge_sample(
    c: Canary, neighbour: bool, calibration: Calibration, source: NoiseSource, runs: int
) -> Observation:
    """Run mode ``ridge-sample`` with fresh public projections in every run."""
    X, Y = c.sides()[neighbour]
    assert calibration.noise_variance is not None and calibration.samples is not None
    sd = float(np.sqrt(calibration.noise_variance))
    features = KERNEL.features(X)  # (n, d²), small here
    projections = source.gaussian((runs, features.shape[1], calibration.samples), 1.0)
    on_rows, on_neighbour = (KERNEL.features(rows) @ projections for rows in (c.rows, c.neighbour))
    signal = on_neighbour if neighbour else on_rows
    released = noisy_samples(signal, calibration, source)
    scores = likelihood_ratio(released, on_rows, on_neighbour, sd)
    noise = [((released - signal) / sd).ravel()]
    scores = scores + _label_scores(c, Y, calibration, source, runs, noise)
    return Observation(scores, np.concatenate(noise))


def observe_ssp(c: Canary, neighbour: bool, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
    """Run mode ``ssp`` with the unit records themselves as public features."""
    X, Y = c.sides()[neighbour]
    assert calibration.noise_sd is not None and calibration.cross_noise_sd is not None
    gram, cross = noisy_moments(_stack(X, runs), _stack(centred(Y), runs), calibration, source)
    moments = [(rows.T @ rows, rows.T @ centred(Y_)) for rows, Y_ in c.sides()]
    scores = likelihood_ratio(gram, moments[0][0], moments[1][0], calibration.noise_sd)
    scores = scores + likelihood_ratio(cross, moments[0][1], moments[1][1], calibration.cross_noise_sd)
    exact = X.T @ X
    upper = np.triu_indices(len(exact), 1)
    difference = (gram - exact) / calibration.noise_sd
    diagonal = np.diagonal(difference, axis1=-2, axis2=-1).ravel()
    noise = np.concatenate([diagonal, np.sqrt(2) * difference[:, upper[0], upper[1]].ravel()])
    cross_noise = (cross - X.T @ centred(Y)) / calibration.cross_noise_sd
    return Observation(scores, np.concatenate([noise, cross_noise.ravel()]))


def sample_scores(
    c: Canary, neighbour: bool, samples: int, source: NoiseSource, runs: int
) -> Float[np.ndarray, " runs"]:
    """Return the log-likelihood ratio of k draws of N(0, K), the paper's mechanism without its cross terms."""
    K, moved = c.kernels()
    drawn = sample_by_factor(factor(moved if neighbour else K), runs * samples, source)  # (n, runs·k)
    difference = np.linalg.inv(K) - np.linalg.inv(moved)
    quadratic = np.einsum("nr,nr->r", drawn, difference @ drawn).reshape(runs, samples).sum(axis=1)
    log_determinants = np.linalg.slogdet(K)[1] - np.linalg.slogdet(moved)[1]
    return (quadratic + samples * log_determinants) / 2


def observe_paper(c: Canary, neighbour: bool, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
    """Run mode ``paper``: k draws of N(0, K), and the truncated Laplace noise on the record that differs."""
    assert calibration.samples is not None and calibration.laplace_scale is not None
    X, _ = c.sides()[neighbour]
    scores = sample_scores(c, neighbour, calibration.samples, source, runs)
    released = perturb_cross_rows(_stack(X, runs), calibration, source)[:, c.row]
    scale, bound = calibration.laplace_scale, calibration.laplace_bound
    own, other = (np.abs(released - rows[c.row]) for rows in (c.rows, c.neighbour))
    laplace = (own - other).sum(axis=1) / scale
    laplace = np.where((own > bound).any(axis=1), np.inf, laplace)  # only the neighbour can give it
    laplace = np.where((other > bound).any(axis=1), -np.inf, laplace)
    return Observation(scores + laplace, np.zeros(0))


OBSERVE: dict[str, Observe] = {
    "input": observe_input,
    "ridge-sample": observe_ridge_sample,
    "ssp": observe_ssp,
    "paper": observe_paper,
}


def calibration_for(mode: str, canary: Canary, epsilon: float, delta: float) -> Calibration:
    """Return the calibration of a canary's audit, from the canary's own public numbers."""
    n, d = canary.rows.shape
    moves_labels = not np.array_equal(canary.targets, canary.neighbour_targets)
    share = 0.5 if moves_labels else 0.0
    match mode:
        case "input":
            return calibrate(mode, epsilon, delta, d=d, n=n, closeness=canary.distance, label_share=share)
        case "ridge-sample":
            return calibrate(mode, epsilon, delta, d=d, samples=8, diameter=KERNEL.diameter(), label_share=share)
        case "ssp":
            return calibrate(mode, epsilon, delta, d=d, classes=canary.targets.shape[1])
        case _:
            eta = 0.99 * min(float(np.linalg.eigvalsh(K)[0]) for K in canary.kernels())
            return calibrate(mode, epsilon, delta, d=d, n=n, closeness=canary.distance, eta_min=eta)
