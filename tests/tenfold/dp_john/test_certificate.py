"""The certificate: what it proves, and that it is exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.dp_john import polytopes
from tenfold.dp_john.certificate import InvalidWeights, certify, leverage_scores
from tenfold.dp_john.ellipsoid import Ellipsoid, NotPositiveDefinite
from tenfold.dp_john.polytope import RankDeficient
from tenfold.dp_john.solver import john_ellipsoid

SIZES = st.tuples(st.integers(1, 6), st.integers(0, 40), st.integers(0, 2**32 - 1))


def draw(size: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, int]:
    d, more, seed = size
    generator = np.random.default_rng(seed)
    A = polytopes.gaussian(d + more, d, generator)
    weights = generator.exponential(size=len(A))
    return A, weights * (d / weights.sum()), d


@given(SIZES)
@settings(max_examples=60, deadline=None)
def test_scores_are_those_of_the_inverse_and_sum_to_the_dimension(size: tuple[int, int, int]) -> None:
    A, weights, d = draw(size)
    scores = leverage_scores(A, weights)
    inverse = np.linalg.inv(A.T @ (weights[:, None] * A))
    np.testing.assert_allclose(scores, np.einsum("ij,jk,ik->i", A, inverse, A), rtol=1e-6)
    assert weights @ scores == pytest.approx(d, rel=1e-10)
    assert certify(A, weights).max_leverage >= 1 - 1e-9


@given(SIZES)
@settings(max_examples=30, deadline=None)
def test_the_volume_gap_bounds_the_distance_from_the_best(size: tuple[int, int, int]) -> None:
    A, weights, _ = draw(size)
    certificate = certify(A, weights)
    Q = A.T @ (weights[:, None] * A)
    inside = Ellipsoid((Q + Q.T) / 2).scaled(certificate.max_leverage**-0.5)
    best = john_ellipsoid(A, 1e-6)
    assert inside.worst_violation(A) <= 1e-9 + 1e-14 * np.linalg.cond(Q)
    assert best.ellipsoid.log_volume - inside.log_volume <= certificate.volume_gap + 1e-9
    assert best.ellipsoid.log_volume >= inside.log_volume - best.certificate.volume_gap - 1e-9


def test_the_polytope_lies_in_the_ellipsoid_times_root_d() -> None:
    generator = np.random.default_rng(5)
    A = polytopes.gaussian(60, 3, generator)
    weights = john_ellipsoid(A, 1e-2).weights
    Q = A.T @ (weights[:, None] * A)
    directions = generator.standard_normal((2000, 3))
    vertices = directions / np.abs(directions @ A.T).max(axis=1, keepdims=True)  # on the boundary of P
    assert np.einsum("ij,jk,ik->i", vertices, Q, vertices).max() <= 3 + 1e-9


def test_the_certificate_does_not_depend_on_the_scale_of_the_weights() -> None:
    A, weights, _ = draw((4, 30, 6))
    assert certify(A, 7 * weights).max_leverage == pytest.approx(certify(A, weights).max_leverage, rel=1e-12)


def test_rows_without_weight_count_in_the_maximum() -> None:
    A = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    certificate = certify(A, np.array([1.0, 1.0, 0.0]))
    assert certificate.max_leverage == pytest.approx(9)
    assert certificate.worst_row == 2
    assert certificate.worst_violation == pytest.approx(2)
    assert certificate.volume_gap == pytest.approx(np.log(9))
    assert not certificate.meets(1e-3)


@pytest.mark.parametrize("weights", [np.ones(3), np.array([1.0, -1.0]), np.array([np.nan, 1.0]), np.zeros(2)])
def test_invalid_weights(weights: np.ndarray) -> None:
    with pytest.raises(InvalidWeights):
        certify(np.eye(2), weights)


def test_weights_that_leave_a_direction_out() -> None:
    with pytest.raises(RankDeficient):
        certify(np.eye(2), np.array([2.0, 0.0]))


def test_ellipsoid_identities() -> None:
    generator = np.random.default_rng(7)
    root = generator.standard_normal((4, 4))
    E = Ellipsoid(root.T @ root)
    points = E.boundary(500, generator)
    np.testing.assert_allclose(np.einsum("ij,jk,ik->i", points, E.matrix, points), 1, rtol=1e-9)
    assert E.contains(0.999 * points).all() and not E.contains(1.001 * points).any()
    assert E.scaled(2).log_volume == pytest.approx(E.log_volume + 4 * np.log(2))
    assert Ellipsoid(np.eye(2)).log_volume == pytest.approx(np.log(np.pi))
    assert Ellipsoid(4 * np.eye(3)).log_mean_radius == pytest.approx(-np.log(2))
    A = polytopes.gaussian(50, 4, generator)
    assert E.largest_in(A).worst_violation(A) == pytest.approx(0, abs=1e-12)
    assert E.worst_violation(A) == pytest.approx(np.abs(A @ E.boundary(200_000, generator).T).max() - 1, rel=0.02)


@pytest.mark.parametrize("Q", [np.zeros((2, 3)), np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([1.0, -1.0])])
def test_not_an_ellipsoid(Q: np.ndarray) -> None:
    with pytest.raises(NotPositiveDefinite):
        Ellipsoid(Q)
