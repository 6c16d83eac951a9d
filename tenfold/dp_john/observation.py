"""Many independent runs of a private mode's own code on one input, scored by an observer.

The observer knows everything but the noise and which of two inputs it was. The score is the log-likelihood
ratio of all that was released, between the neighbour and the input.
Runs are a leading axis: the mechanisms' functions take it as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax

from tenfold.dp_john.calibration import Calibration
from tenfold.dp_john.canaries import CanaryPair
from tenfold.dp_john.input_perturbation import perturb_rows, perturb_rows_exactly
from tenfold.dp_john.iterate_perturbation import log_scores, noisy_rounds, quadratic_form, release_matrix
from tenfold.dp_john.moment_perturbation import (
    candidate_levels,
    noisy_moment,
    positive_moment,
    row_scores,
    select_level,
    selection_target,
    utilities,
)
from tenfold.privacy.noise import NoiseSource

Rows = Float[np.ndarray, "n d"]


@dataclass(frozen=True)
class Observation:
    """Scores of the runs (runs,), higher on the neighbour, and their noise divided by its claimed sd."""

    scores: Float[np.ndarray, " runs"]
    noise: Float[np.ndarray, " draws"]


Observe = Callable[[Rows, CanaryPair, Calibration, NoiseSource, int], Observation]


def _likelihood_ratio(
    released: Float[np.ndarray, "runs ..."],
    on_rows: Float[np.ndarray, "runs ..."],
    on_neighbour: Float[np.ndarray, "runs ..."],
    sd: float | Float[np.ndarray, "runs ..."],
) -> Float[np.ndarray, " runs"]:
    """Return log N(released; on_neighbour, sd²) − log N(released; on_rows, sd²) of each run."""
    middle = (on_rows + on_neighbour) / 2
    terms = (released - middle) * (on_neighbour - on_rows) / sd**2
    return terms.reshape(len(terms), -1).sum(axis=1)


def _symmetric_noise(noise: Float[np.ndarray, "runs d d"]) -> Float[np.ndarray, " draws"]:
    """Return the independent entries of isotropic symmetric noise, scaled to the same sd."""
    upper = np.triu_indices(noise.shape[-1], 1)
    diagonal = np.diagonal(noise, axis1=-2, axis2=-1)
    return np.concatenate([diagonal.ravel(), np.sqrt(2) * noise[..., upper[0], upper[1]].ravel()])


def observe_input(A: Rows, canary: CanaryPair, calibration: Calibration, source: NoiseSource, runs: int) -> Observation:
    """Run mode ``input`` on A (the canary's rows or its neighbour)."""
    assert calibration.noise_sd is not None
    stack = np.broadcast_to(A, (runs, *A.shape))
    released = perturb_rows(stack, calibration, source)
    scores = _likelihood_ratio(released, canary.rows, canary.neighbour, calibration.noise_sd)
    return Observation(scores, ((released - A) / calibration.noise_sd).ravel())


def observe_input_exact(
    A: Rows, canary: CanaryPair, calibration: Calibration, source: NoiseSource, runs: int
) -> Observation:
    """Run mode ``input_exact`` on A; the discrete Gaussian's likelihood ratio is that of the Gaussian on
    the grid.
    """
    assert calibration.noise_sd is not None and calibration.grid_step is not None
    step = calibration.grid_step
    released = perturb_rows_exactly(np.broadcast_to(A, (runs, *A.shape)), calibration, source)
    on_rows, on_neighbour, exact = (np.rint(rows / step) * step for rows in (canary.rows, canary.neighbour, A))
    scores = _likelihood_ratio(released, on_rows, on_neighbour, calibration.noise_sd)
    return Observation(scores, ((released - exact) / calibration.noise_sd).ravel())


def observe_iterate(
    A: Rows, canary: CanaryPair, calibration: Calibration, source: NoiseSource, runs: int
) -> Observation:
    """Run mode ``iterate`` on A: all noisy rounds and the noisy matrix."""
    assert calibration.ridge is not None
    stack = np.broadcast_to(A, (runs, *A.shape))
    transcript = noisy_rounds(stack, calibration, source)
    scores, noise = np.zeros(runs), []
    for before, noisy, sd in zip(transcript.log_weights, transcript.noisy, transcript.noise_sds, strict=True):
        weights = np.exp(before)
        on_rows, on_neighbour, exact = (
            before + log_scores(np.broadcast_to(rows, stack.shape), weights, calibration.ridge)
            for rows in (canary.rows, canary.neighbour, A)
        )
        scores += _likelihood_ratio(noisy, on_rows, on_neighbour, sd[:, None])
        noise.append(((noisy - exact) / sd[:, None]).ravel())
    averaged = transcript.averaged
    matrix, sd = release_matrix(stack, averaged, calibration, source)
    on_rows, on_neighbour, exact = (quadratic_form(rows, averaged) for rows in (canary.rows, canary.neighbour, A))
    scores += _likelihood_ratio(matrix, on_rows, on_neighbour, sd[:, None, None])
    noise.append(_symmetric_noise((matrix - exact) / sd[:, None, None]))
    return Observation(scores, np.concatenate(noise))


def observe_moment(
    A: Rows, canary: CanaryPair, calibration: Calibration, source: NoiseSource, runs: int
) -> Observation:
    """Run mode ``moment`` on A: the noisy moment and the selected level."""
    assert calibration.noise_sd and calibration.row_norm_bound and calibration.selection_epsilon
    stack = np.broadcast_to(A, (runs, *A.shape))
    noisy = noisy_moment(stack, calibration, source)
    on_rows, on_neighbour, exact = (rows.T @ rows for rows in (canary.rows, canary.neighbour, A))
    scores = _likelihood_ratio(noisy, on_rows, on_neighbour, calibration.noise_sd)
    S = positive_moment(noisy, calibration)
    selected = select_level(stack, S, calibration, source)
    levels = candidate_levels(S, calibration.row_norm_bound)
    for rows, sign in ((canary.rows, -1.0), (canary.neighbour, 1.0)):
        row_levels = row_scores(np.broadcast_to(rows, (runs, *rows.shape)), S)
        u = utilities(row_levels, levels, selection_target(len(rows), calibration))
        log_probability = log_softmax(calibration.selection_epsilon / 2 * u, axis=-1)
        scores = scores + sign * log_probability[np.arange(runs), selected]
    return Observation(scores, _symmetric_noise((noisy - exact) / calibration.noise_sd))


OBSERVE: dict[str, Observe] = {
    "input": observe_input,
    "input_exact": observe_input_exact,
    "iterate": observe_iterate,
    "moment": observe_moment,
}
