"""The paper's iteration: its invariants, its proven rate, its closed forms."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.dp_john import polytopes
from tenfold.dp_john.certificate import certify
from tenfold.dp_john.fixed_point import averaged, fixed_point, last_iterate, rounds, rounds_for


def naive(A: np.ndarray, updates: int) -> tuple[np.ndarray, np.ndarray]:
    """The iteration as it is written down, with an explicit inverse."""
    n, d = A.shape
    weights = np.full(n, d / n)
    total = np.zeros(n)
    for _ in range(updates):
        total += weights
        inverse = np.linalg.inv(A.T @ np.diag(weights) @ A)
        weights = np.array([w * (a @ inverse @ a) for w, a in zip(weights, A, strict=True)])
    return total / updates, weights


def test_equals_the_naive_iteration() -> None:
    A = polytopes.log_spaced(30, 4, np.random.default_rng(0))
    for ours, theirs in zip(fixed_point(A, 25), naive(A, 25), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@given(st.integers(1, 5), st.integers(0, 60), st.integers(1, 60), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_rate_that_is_proven(d: int, more: int, updates: int, seed: int) -> None:
    A = polytopes.gaussian(d + more, d, np.random.default_rng(seed))
    mean, _ = fixed_point(A, updates)
    assert certify(A, mean).max_leverage <= (len(A) / d) ** (1 / updates) * (1 + 1e-9)


@pytest.mark.parametrize("tolerance", [0.5, 0.1, 0.02])
def test_the_rounds_that_suffice(tolerance: float) -> None:
    A = polytopes.gaussian(300, 6, np.random.default_rng(1))
    updates = rounds_for(300, 6, tolerance)
    assert certify(A, fixed_point(A, updates)[0]).meets(tolerance)
    assert (300 / 6) ** (1 / updates) <= 1 + tolerance < (300 / 6) ** (1 / (updates - 1))


def test_every_round_keeps_the_sum_and_the_sign() -> None:
    A = polytopes.log_spaced(200, 7, np.random.default_rng(2))
    for done in islice(rounds(A), 50):
        assert done.last.sum() == pytest.approx(7, abs=1e-10)
        assert done.averaged.sum() == pytest.approx(7, abs=1e-10)
        assert done.last.min() >= 0


def test_the_log_determinant_never_falls() -> None:
    A = polytopes.gaussian(100, 4, np.random.default_rng(3))
    values = [np.linalg.slogdet((A.T * done.weights) @ A)[1] for done in islice(rounds(A), 40)]
    assert np.diff(values).min() >= -1e-12


@pytest.mark.parametrize(
    "A", [np.eye(5), polytopes.hypercube_signs(5), polytopes.regular_polygon(9), np.diag([1.0, 10.0, 1e3])]
)
def test_equal_weights_that_are_optimal_stay(A: np.ndarray) -> None:
    n, d = A.shape
    for weights in fixed_point(A, 20):
        np.testing.assert_allclose(weights, d / n, rtol=1e-12)


def test_redundant_rows_lose_their_weight() -> None:
    A = np.concatenate([np.eye(3), 0.3 * np.eye(3)])
    _, last = fixed_point(A, 60)
    np.testing.assert_allclose(last, [1, 1, 1, 0, 0, 0], atol=1e-12)


def test_the_last_iterate_is_ahead_of_the_average() -> None:
    A = polytopes.gaussian(500, 8, np.random.default_rng(4))
    mean, last = fixed_point(A, 100)
    assert certify(A, last).gap < certify(A, mean).gap / 2


@pytest.mark.parametrize("solve", [averaged, last_iterate])
def test_stopping_is_by_certificate(solve: object) -> None:
    A = polytopes.gaussian(200, 5, np.random.default_rng(5))
    solution = solve(A, 0.05, 10_000)  # type: ignore[operator]
    assert certify(A, solution.weights).max_leverage == pytest.approx(solution.certificate.max_leverage, rel=1e-9)
    assert solution.certificate.meets(0.05)
    short = solve(A, 0.05, 3)  # type: ignore[operator]
    assert short.updates == 3 and not short.certificate.meets(0.05)


@pytest.mark.parametrize("arguments", [(10, 2, 0.0), (10, 2, -1.0), (2, 10, 0.1), (10, 0, 0.1)])
def test_invalid_arguments(arguments: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError):
        rounds_for(*arguments)
    with pytest.raises(ValueError, match="at least 1"):
        fixed_point(np.eye(2), 0)
