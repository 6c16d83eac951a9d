"""The default solver: invariances, closed forms, conditioning, precision, memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.dp_john import polytopes
from tenfold.dp_john.active_set import active_set
from tenfold.dp_john.certificate import certify
from tenfold.dp_john.interior_point import RestrictedProblem
from tenfold.dp_john.polytope import NonFiniteRow, RankDeficient, ZeroRow
from tenfold.dp_john.solver import john_ellipsoid

POLYTOPES = st.builds(
    lambda d, more, seed: polytopes.gaussian(d + more, d, np.random.default_rng(seed)),
    st.integers(1, 6),
    st.integers(0, 80),
    st.integers(0, 2**32 - 1),
)
SEEDS = st.integers(0, 2**32 - 1)
FINE = 1e-9


def optimum(A: np.ndarray) -> np.ndarray:
    return john_ellipsoid(A, FINE).ellipsoid.matrix


def close(Q: np.ndarray, R: np.ndarray) -> None:
    """Two optima to certificate 1e-9 differ by its root at most: log det is strongly concave."""
    root = np.linalg.inv(np.linalg.cholesky(R))
    np.testing.assert_allclose(root @ Q @ root.T, np.eye(len(Q)), atol=3e-4)


@given(POLYTOPES, st.sampled_from([0.3, 1e-2, 1e-5, 1e-8]))
@settings(max_examples=60, deadline=None)
def test_weights_and_ellipsoid_are_what_they_claim(A: np.ndarray, tolerance: float) -> None:
    d = A.shape[1]
    result = john_ellipsoid(A, tolerance)
    assert result.weights.sum() == pytest.approx(d, abs=1e-10)
    assert result.weights.min() >= 0
    assert 1 - 1e-9 <= result.certificate.max_leverage <= 1 + tolerance
    assert certify(A, result.weights).max_leverage == pytest.approx(result.certificate.max_leverage, rel=1e-8)
    points = result.ellipsoid.boundary(200, np.random.default_rng(0))
    assert np.abs(points @ A.T).max() <= 1 + 1e-9  # E/√m ⊆ P
    assert result.ellipsoid.worst_violation(A) == pytest.approx(0, abs=1e-9)  # and it touches P
    assert result.privacy is None


@given(POLYTOPES, SEEDS)
@settings(max_examples=25, deadline=None)
def test_order_and_signs_of_the_rows_do_not_matter(A: np.ndarray, seed: int) -> None:
    generator = np.random.default_rng(seed)
    order, signs = generator.permutation(len(A)), generator.choice([-1.0, 1.0], len(A))
    close(optimum(A[order] * signs[:, None]), optimum(A))


@given(POLYTOPES, SEEDS, st.floats(1e-6, 1e6))
@settings(max_examples=25, deadline=None)
def test_equivariance(A: np.ndarray, seed: int, factor: float) -> None:
    d = A.shape[1]
    G = np.random.default_rng(seed).standard_normal((d, d)) + 2 * d * np.eye(d)
    Q = optimum(A)
    close(optimum(A @ G), G.T @ Q @ G)
    close(optimum(factor * A), factor**2 * Q)


@given(POLYTOPES)
@settings(max_examples=25, deadline=None)
def test_duplicated_rows_keep_the_ellipsoid(A: np.ndarray) -> None:
    close(optimum(np.concatenate([A, A])), optimum(A))


@given(POLYTOPES, SEEDS)
@settings(max_examples=25, deadline=None)
def test_redundant_rows_get_no_weight(A: np.ndarray, seed: int) -> None:
    generator = np.random.default_rng(seed)
    inner = 0.9 * A[generator.integers(len(A), size=20)]
    weights = john_ellipsoid(np.concatenate([A, inner]), FINE).weights
    np.testing.assert_allclose(weights[len(A) :], 0, atol=1e-6)


@pytest.mark.parametrize("d", [1, 2, 7])
def test_orthogonal_rows(d: int) -> None:
    orthogonal, _ = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))
    for A in (np.eye(d), orthogonal, 3 * orthogonal):
        result = john_ellipsoid(A, 1e-9)
        np.testing.assert_allclose(result.weights, 1, rtol=1e-9)
        np.testing.assert_allclose(result.ellipsoid.matrix, A.T @ A, atol=1e-9)


@pytest.mark.parametrize("d", [3, 8, 12])
def test_all_sign_vectors_give_a_ball(d: int) -> None:
    close(optimum(polytopes.hypercube_signs(d)), d * np.eye(d))


@pytest.mark.parametrize("k", [2, 3, 7, 500])
def test_a_regular_polygon_gives_its_circle(k: int) -> None:
    close(optimum(polytopes.regular_polygon(k)), np.eye(2))


def test_a_parallelepiped_has_weights_one() -> None:
    A = polytopes.gaussian(6, 6, np.random.default_rng(0))
    np.testing.assert_allclose(john_ellipsoid(A, 1e-9).weights, 1, rtol=1e-9)


def test_condition_1e8() -> None:
    generator = np.random.default_rng(1)
    whole = polytopes.gaussian(3000, 8, generator)
    left, _ = np.linalg.qr(generator.standard_normal((8, 8)))
    right, _ = np.linalg.qr(generator.standard_normal((8, 8)))
    A = whole @ (left * np.geomspace(1, 1e-8, 8)) @ right
    result = john_ellipsoid(A, 1e-4)
    assert 1 - 1e-9 <= certify(A, result.weights).max_leverage <= 1 + 1e-4 + 1e-6
    assert certify(whole, result.weights).max_leverage <= 1 + 1e-4 + 1e-6  # the weights do not see the map
    points = result.ellipsoid.boundary(500, generator)
    assert np.abs(points @ A.T).max() <= 1 + 1e-6
    expected = john_ellipsoid(whole, 1e-4).ellipsoid.log_volume + 32 * np.log(10)  # −log|det|
    assert result.ellipsoid.log_volume == pytest.approx(expected, abs=8e-4)


def test_float32_rows_give_the_same_ellipsoid() -> None:
    A = polytopes.log_spaced(2000, 6, np.random.default_rng(2))
    single = john_ellipsoid(A.astype(np.float32), 1e-6)
    assert certify(A, single.weights).gap < 1e-3
    assert single.ellipsoid.worst_violation(A) < 1e-3


@pytest.mark.parametrize("family", ["gaussian", "heavy", "sphere", "clusters", "outliers"])
def test_hard_shapes_converge_in_few_updates(family: str) -> None:
    generator = np.random.default_rng(3)
    A = polytopes.gaussian(4000, 12, generator)
    if family == "heavy":
        A = generator.standard_cauchy((4000, 12))
    elif family == "sphere":
        A /= np.linalg.norm(A, axis=1, keepdims=True)
    elif family == "clusters":
        A[:, 4:] *= 1e-3
        A[:50, 4:] *= 1e3
    elif family == "outliers":
        A[:7] *= 1e4
    assert john_ellipsoid(A, 1e-6).updates < 150


def test_conjugate_gradients_and_cholesky_find_the_same_weights() -> None:
    X = polytopes.gaussian(200, 6, np.random.default_rng(4))
    found = []
    for dense_rows in (0, 1000):
        problem = RestrictedProblem(X, np.full(200, 6 / 200), dense_rows)
        problem.solve(1e-8, 60)
        assert problem.gap <= 1e-8
        full = np.zeros(200)
        full[problem.indices] = problem.weights
        found.append((X.T * full) @ X)
    close(*found)


def test_a_selection_that_does_not_span_is_widened() -> None:
    """Equal leverages: the first 312 of 2048 sign vectors lie in a hyperplane."""
    A = polytopes.hypercube_signs(12)
    assert np.linalg.matrix_rank(A[:312]) < 12
    assert active_set(A, 1e-3, 200).certificate.meets(1e-3)  # type: ignore[union-attr]


def test_bad_rows_and_arguments_are_rejected() -> None:
    A = polytopes.gaussian(20, 3, np.random.default_rng(5))
    for value, error in [(0.0, ZeroRow), (np.nan, NonFiniteRow)]:
        broken = A.copy()
        broken[4] = value
        with pytest.raises(error, match="Row 4"):
            john_ellipsoid(broken)
    with pytest.raises(RankDeficient, match="rank 2, not 3"):
        john_ellipsoid(A[:, [0, 1, 1]])
    with pytest.raises(RankDeficient, match="2 rows"):
        john_ellipsoid(A[:2])
    for tolerance in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="tolerance"):
            john_ellipsoid(A, tolerance)
    with pytest.raises(ValueError, match="unknown method"):
        john_ellipsoid(A, method="simplex")  # type: ignore[arg-type]


PEAK = """
import sys
import numpy as np
from tenfold.dp_john.solver import john_ellipsoid
def peak():  # bytes; VmHWM begins anew at exec, unlike ru_maxrss
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
small = np.random.default_rng(0).standard_normal((500, 20))
john_ellipsoid(small)
before = peak()
A = np.load(sys.argv[1], mmap_mode="r" if sys.argv[2] == "mapped" else None)
john_ellipsoid(A, 1e-3)
print((peak() - before) / A.nbytes)
"""


@pytest.mark.parametrize("how", ["loaded", "mapped"])
def test_peak_memory_is_within_three_times_the_input(how: str, tmp_path: Path) -> None:
    A = polytopes.gaussian(400_000, 20, np.random.default_rng(6))  # 64 MB
    np.save(tmp_path / "A.npy", A)
    command = [sys.executable, "-c", PEAK, str(tmp_path / "A.npy"), how]
    ratio = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert 0.5 < ratio <= 3  # A itself is counted, so a ratio near 0 would mean that nothing was measured
