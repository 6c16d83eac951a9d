"""A search for neighbours that move more than the proven bounds allow, and the worst ratio found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_john.iterate_perturbation import log_scores, quadratic_form
from tenfold.dp_john.sensitivity import (
    SensitivityUnbounded,
    moment_sensitivity,
    quadratic_form_sensitivity,
    round_sensitivity,
)

ROUNDING = 1e-13  # of log τ in float64: bounds far below it, of rows with next to no weight, test nothing

Array = Float[np.ndarray, "..."]


@dataclass(frozen=True)
class WorstRatios:
    """The largest observed change divided by its proven bound: below 1, or the proof is wrong.

    ``own_exact`` compares the moved row's change with the bound that uses the true λ_max(M) and ‖a_i‖.
    """

    own: float
    own_exact: float
    others: float
    total: float
    matrix: float
    moment: float
    trials: int


def neighbour_row(row: Array, bound: float, floor: float, closeness: float, generator: np.random.Generator) -> Array:
    """Return a row within the norm bounds at ``closeness`` from ``row``, radially or at random."""
    directions = [row, -row, generator.standard_normal(row.shape), generator.standard_normal(row.shape)]
    generator.shuffle(directions)
    for direction in directions:
        moved = row + closeness * direction / np.linalg.norm(direction)
        if floor <= np.linalg.norm(moved) <= bound:
            return moved
    return row


def _rows(n: int, d: int, floor: float, bound: float, generator: np.random.Generator) -> Array:
    scales = np.geomspace(1.0, 10 ** generator.uniform(-3, 0), d)  # from round to nearly flat
    rows = generator.standard_normal((n, d)) * scales
    lengths = generator.uniform(floor, bound, (n, 1))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True) * lengths


def search(trials: int, seed: int) -> WorstRatios:
    """Try random inputs, weights, ridges and closenesses, one row moved radially or at random."""
    generator = np.random.default_rng(seed)
    worst = np.zeros(6)
    done = 0
    while done < trials:
        n, d = int(generator.integers(2, 9)), int(generator.integers(1, 5))
        floor, bound = 0.5, float(generator.uniform(0.6, 2.0))
        ridge, closeness = 10 ** generator.uniform(-3, 1), 10 ** generator.uniform(-4, -0.3)
        weights = generator.dirichlet(np.full(n, 10 ** generator.uniform(-1, 1))) * d
        A = _rows(n, d, floor, bound, generator)
        row = int(generator.integers(n))
        neighbour = A.copy()
        neighbour[row] = neighbour_row(A[row], bound, floor, closeness, generator)
        try:
            ratios = _ratios(A, neighbour, row, weights, ridge, closeness, bound, floor)
        except SensitivityUnbounded:
            continue
        worst = np.maximum(worst, ratios)
        done += 1
    own, own_exact, others, total, matrix, moment = worst.tolist()
    return WorstRatios(own, own_exact, others, total, matrix, moment, trials)


def _ratios(
    A: Array,
    neighbour: Array,
    row: int,
    weights: Array,
    ridge: float,
    closeness: float,
    bound: float,
    floor: float,
) -> Array:
    sensitivity = round_sensitivity(
        weights, closeness=closeness, row_norm_bound=bound, row_norm_floor=floor, ridge=ridge
    )
    change = np.abs(log_scores(neighbour, weights, ridge) - log_scores(A, weights, ridge))
    others = np.delete(change, row)
    Q, moved = quadratic_form(A, weights), quadratic_form(neighbour, weights)
    largest = max(np.linalg.eigvalsh(Q)[-1], np.linalg.eigvalsh(moved)[-1]) + ridge
    shortest = min(np.linalg.norm(A[row]), np.linalg.norm(neighbour[row]))
    exact = sensitivity.others[row] + 2 * np.log1p(closeness * np.sqrt(largest / ridge) / shortest)
    matrix_bound = quadratic_form_sensitivity(weights, closeness=closeness, row_norm_bound=bound)
    replaced = neighbour.copy()
    replaced[row] = bound * np.roll(A[row], 1) / np.linalg.norm(A[row])
    moment = np.linalg.norm(replaced.T @ replaced - A.T @ A) / moment_sensitivity("replace", bound)
    return np.array(
        [
            change[row] / (sensitivity.own[row] + ROUNDING),
            change[row] / (exact + ROUNDING),
            others.max(initial=0.0) / (sensitivity.others[row] + ROUNDING),
            np.linalg.norm(change) / sensitivity.total,
            np.linalg.norm(moved - Q) / matrix_bound,
            moment,
        ]
    )
