"""Numbers behind the gaps between the paper's claims and a proof, and searches for violations of the bounds.

Legend:  n records · d features · m hidden units · k samples
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_ntk.covariance_accountant import (
    SingularCovariance,
    covariance_epsilon,
    deviation,
    whitened_eigenvalues,
)
from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel
from tenfold.dp_ntk.sensitivity import frobenius_sensitivity, moved, whitened_bound
from tenfold.dp_ntk.truncated_laplace import truncated_laplace
from tenfold.dp_ntk.validation import unit_rows

Rows = Float[np.ndarray, "n d"]
LARGEST_MOVE = 2.0  # between two records of norm 1


def group_epsilon(epsilon: float, closeness: float) -> float:
    """Return the ε that group privacy gives for a record replaced by any other: 2/β moves of β, ε each."""
    return epsilon * math.ceil(LARGEST_MOVE / closeness)


def spectral_bound(n: int, samples: int, failure: float = 0.05) -> float:
    """Return ρ = √((n² + ln(1/γ))/k) + (n² + ln(1/γ))/k, the paper's spectral error of K̃, constants as printed."""
    numerator = n * n + math.log(1 / failure)
    return math.sqrt(numerator / samples) + numerator / samples


def spectral_error(n: int, samples: int, generator: np.random.Generator) -> float:
    """Return ‖K^{-1/2}K̃K^{-1/2} − I‖₂ of one draw: its law does not depend on K, only on n and k."""
    noise = generator.standard_normal((n, samples))
    return float(np.abs(np.linalg.eigvalsh(noise @ noise.T / samples) - 1).max())


@dataclass(frozen=True)
class WorstRatios:
    """The largest observed change over its proven bound; above 1, a bound is wrong.

    ``matrix`` is ‖ΔK‖_F, ``diameter`` ‖φ(x) − φ(x')‖, ``whitened`` the exact Δ, ``sampling`` the exact ε of a pair
    within the theorem's condition over the theorem's ε, ``laplace`` the exact δ of the truncated Laplace noise.
    """

    matrix: float
    diameter: float
    whitened: float
    sampling: float
    laplace: float
    trials: int


def close_row(row: Float[np.ndarray, " d"], closeness: float, generator: np.random.Generator) -> np.ndarray:
    """Return a row of norm at most 1 at ``closeness`` from ``row``: outwards, inwards, or in a random direction."""
    directions = [row, -row, *generator.standard_normal((4, row.size))]
    generator.shuffle(directions)
    for direction in directions:
        changed = row + closeness * direction / np.linalg.norm(direction)
        if np.linalg.norm(changed) <= 1:
            return changed
    return row * (1 - closeness)


def search(trials: int, generator: np.random.Generator) -> WorstRatios:
    """Try random kernels, records, closenesses and budgets; rows may be aligned, which is the worst case for K."""
    worst = np.zeros(5)
    for _ in range(trials):
        n, d = int(generator.integers(2, 12)), int(generator.integers(2, 7))
        kernel: FiniteKernel | LimitKernel = LimitKernel()
        if generator.random() < 0.5:
            kernel = FiniteKernel.draw(int(generator.integers(2, 20)), d, generator)
        rows = unit_rows(generator.standard_normal((n, d)) * 10 ** generator.uniform(-2, 0, d))
        if generator.random() < 0.3:
            rows[:] = rows[0]
        rows *= generator.uniform(0.5, 1, (n, 1)) if generator.random() < 0.5 else 1.0
        closeness = 10 ** generator.uniform(-6, -0.5)
        changed = close_row(rows[0], closeness, generator)
        other = unit_rows(generator.standard_normal((1, d)))[0]
        worst = np.maximum(worst, _ratios(kernel, rows, changed, other, closeness, generator))
    matrix, diameter, whitened, sampling, laplace = worst.tolist()
    return WorstRatios(matrix, diameter, whitened, sampling, laplace, trials)


def _ratios(
    kernel: FiniteKernel | LimitKernel,
    rows: Rows,
    changed: np.ndarray,
    other: np.ndarray,
    closeness: float,
    generator: np.random.Generator,
) -> list[float]:
    n, d = rows.shape
    neighbour = rows.copy()
    neighbour[0] = changed
    K, K_neighbour = kernel.matrix(rows), kernel.matrix(neighbour)
    bound = frobenius_sensitivity(n, closeness, operator_norm=kernel.operator_norm)
    rounding = 1e-14 * float(np.linalg.norm(K))
    matrix = (float(np.linalg.norm(K_neighbour - K)) - rounding) / bound
    features = kernel.features(np.stack([rows[0], other]))
    diameter = float(np.linalg.norm(features[0] - features[1])) / kernel.diameter()
    epsilon, delta = float(10 ** generator.uniform(-0.5, 0.5)), float(10 ** generator.uniform(-6, -2))
    noise = truncated_laplace(epsilon, delta, closeness, d)
    laplace = noise.exact_delta(epsilon, changed - rows[0]) / delta
    whitened, sampling = _covariance_ratios(K, K_neighbour, closeness, kernel.operator_norm, epsilon, delta)
    return [matrix, diameter, whitened, sampling, laplace]


def _covariance_ratios(
    K: np.ndarray, K_neighbour: np.ndarray, closeness: float, operator_norm: float, epsilon: float, delta: float
) -> tuple[float, float]:
    """Return exact over bounded Δ, and exact over claimed ε at the k that the exact Δ affords; 0 where none applies."""
    smallest = min(float(np.linalg.eigvalsh(matrix)[0]) for matrix in (K, K_neighbour))
    if smallest < 1e-9:
        return 0.0, 0.0
    try:
        eigenvalues = whitened_eigenvalues(K, 0, K_neighbour[0])
    except SingularCovariance:
        return 0.0, 0.0
    exact = max(deviation(eigenvalues), deviation(1 / eigenvalues))
    ratio = exact / whitened_bound(len(K), closeness, smallest, operator_norm=operator_norm)
    log_term = 8 * math.log(1 / delta)
    if exact > epsilon / log_term or exact < 1e-9:
        return ratio, 0.0
    k = math.floor(epsilon**2 / (log_term * exact**2))
    return ratio, covariance_epsilon(delta, eigenvalues, min(k, 10**6)) / epsilon


def prediction_errors(
    K: Float[np.ndarray, "n n"],
    cross: Float[np.ndarray, "q n"],
    Y: Float[np.ndarray, "n C"],
    ridge: float,
    samples: list[int],
    draws: int,
    seed: int,
) -> Float[np.ndarray, "s r"]:
    """Return the root mean square of f̃ − f over queries, for each k (s of them) and draw."""
    from tenfold.dp_ntk.regression import fit_dense, fit_woodbury
    from tenfold.dp_ntk.sampling import factor, sample_by_factor
    from tenfold.privacy.noise import NoiseSource

    exact, F = cross @ fit_dense(K, Y, ridge), factor(K)
    source = NoiseSource(seed)
    return np.array(
        [
            [
                np.sqrt(np.mean((cross @ fit_woodbury(sample_by_factor(F, k, source), Y, ridge) - exact) ** 2))
                for _ in range(draws)
            ]
            for k in samples
        ]
    )


def after_duplicate(K: Float[np.ndarray, "n n"], row: int, copied: int) -> tuple[float, float]:
    """Return the smallest eigenvalue of K, and of K once record ``row`` equals record ``copied``: η_min is private."""
    changed = K[copied].copy()
    changed[row] = K[copied, copied]
    return float(np.linalg.eigvalsh(K)[0]), float(np.linalg.eigvalsh(moved(K, row, changed))[0])
