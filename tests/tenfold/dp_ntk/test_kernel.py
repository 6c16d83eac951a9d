"""Kernels against naive sums, their limits, and their symmetries."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.dp_ntk.kernel import BLOCK, FiniteKernel, LimitKernel, product_of_grams
from tenfold.dp_ntk.sampling import sample_by_features
from tenfold.dp_ntk.validation import NonFiniteRow, RowNotUnit, ZeroRow, check_unit, targets, unit_rows
from tenfold.privacy.noise import NoiseSource

GENERATOR = np.random.default_rng(0)
ROWS = unit_rows(GENERATOR.standard_normal((30, 5)))
ACTIVATIONS = ("quadratic", "relu")


def naive(weights, activation, x, y):
    """The kernel of the definition, one hidden unit at a time."""
    derivative = {"quadratic": lambda z: z, "relu": lambda z: float(z > 0)}[activation]
    return x @ y * np.mean([derivative(w @ x) * derivative(w @ y) for w in weights])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_finite_kernel_is_the_sum_over_hidden_units(activation):
    kernel = FiniteKernel.draw(7, 5, GENERATOR, activation=activation)
    expected = [[naive(kernel.weights, activation, x, y) for y in ROWS[:4]] for x in ROWS[:6]]
    assert kernel.matrix(ROWS[:6], ROWS[:4]) == pytest.approx(np.array(expected), abs=1e-12)
    features = kernel.features(ROWS)
    assert kernel.matrix(ROWS) == pytest.approx(features @ features.T, abs=1e-12)


KERNELS = {
    "finite quadratic": FiniteKernel.draw(9, 5, GENERATOR),
    "finite relu": FiniteKernel.draw(9, 5, GENERATOR, activation="relu"),
    "quadratic limit": LimitKernel(sd=1.3),
    "relu limit": LimitKernel(activation="relu"),
    "relu limit, both layers": LimitKernel(activation="relu", both_layers=True),
}


@pytest.mark.parametrize("name", KERNELS)
def test_symmetric_positive_and_equivariant(name):
    kernel = KERNELS[name]
    K = kernel.matrix(ROWS)
    assert np.array_equal(K, K.T) or pytest.approx(K.T, abs=1e-15) == K
    assert np.linalg.eigvalsh(K)[0] >= -1e-8 * np.linalg.norm(K)
    order = GENERATOR.permutation(len(ROWS))
    assert kernel.matrix(ROWS[order]) == pytest.approx(K[np.ix_(order, order)], abs=1e-8)
    assert kernel.matrix(ROWS, ROWS[:7]) == pytest.approx(K[:, :7], abs=1e-8)  # arccos near 1
    degree = 4 if "quadratic" in name else 2
    assert kernel.matrix(1.7 * ROWS) == pytest.approx(1.7**degree * K, rel=1e-7)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_rotating_rows_and_weights_together_changes_nothing(activation):
    rotation = np.linalg.qr(GENERATOR.standard_normal((5, 5)))[0]
    kernel = FiniteKernel.draw(9, 5, GENERATOR, activation=activation)
    turned = FiniteKernel(kernel.weights @ rotation, activation)
    assert turned.matrix(ROWS @ rotation) == pytest.approx(kernel.matrix(ROWS), abs=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_finite_width_reaches_its_limit(activation):
    limit = LimitKernel(activation=activation).matrix(ROWS)
    errors = [
        np.linalg.norm(FiniteKernel.draw(m, 5, np.random.default_rng(1), activation=activation).matrix(ROWS) - limit)
        for m in (100, 100_000)
    ]
    assert errors[1] < errors[0] / 8  # √1000 = 32 on average
    assert errors[1] < 0.02 * np.linalg.norm(limit)


def test_limits_at_known_angles():
    axes = np.eye(2)
    assert LimitKernel(activation="relu").matrix(axes) == pytest.approx(np.array([[0.5, 0], [0, 0.5]]))
    both = LimitKernel(activation="relu", both_layers=True).matrix(axes)
    assert both == pytest.approx(np.array([[1.0, 1 / (2 * np.pi)], [1 / (2 * np.pi), 1.0]]))
    assert LimitKernel(sd=2.0).matrix(ROWS) == pytest.approx(4 * (ROWS @ ROWS.T) ** 2)


@pytest.mark.parametrize("block", [1, 7, 30, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_do_not_change_the_matrix(block, dtype):
    """Sizes that force several blocks and a last one that is not full."""
    A, B = (GENERATOR.standard_normal((30, c)).astype(dtype) for c in (4, 6))
    expected = (A.astype(float) @ A.T) * (B.astype(float) @ B.T)
    found = product_of_grams((A, B), block=block)
    assert found.dtype == dtype and found == pytest.approx(expected, abs=1e-5 if dtype == np.float32 else 1e-12)
    pair = product_of_grams((A, B), (A[:11], B[:11]), block=block)
    assert pair == pytest.approx(expected[:, :11], abs=1e-5 if dtype == np.float32 else 1e-12)


def test_the_quadratic_kernel_has_rank_at_most_half_d_d_plus_1():
    few = unit_rows(GENERATOR.standard_normal((20, 3)))  # d(d + 1)/2 = 6
    for kernel in (FiniteKernel.draw(50, 3, GENERATOR), LimitKernel()):
        assert np.linalg.matrix_rank(kernel.matrix(few), tol=1e-10) == 6


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_features_stay_within_bound_and_diameter(seed):
    generator = np.random.default_rng(seed)
    d = int(generator.integers(1, 6))
    pair = unit_rows(generator.standard_normal((2, d))) * generator.uniform(0.1, 1, (2, 1))
    for kernel in (
        LimitKernel(),
        FiniteKernel.draw(4, d, generator),
        FiniteKernel.draw(4, d, generator, activation="relu"),
    ):
        features = kernel.features(pair)
        assert np.linalg.norm(features, axis=1).max() <= kernel.bound() * (1 + 1e-12)
        assert np.linalg.norm(features[0] - features[1]) <= kernel.diameter() * (1 + 1e-12)


def test_only_a_finite_relu_kernel_jumps():
    assert [KERNELS[name].smooth for name in KERNELS] == [True, False, True, True, True]
    kernel = FiniteKernel(np.array([[0.0, 1.0]]), "relu")  # one unit, on the edge of the first axis
    before, after = (kernel.matrix(np.array([[1.0, s * 1e-12]]))[0, 0] for s in (-1, 1))
    assert (before, after) == (0.0, pytest.approx(1.0))


def test_rows_are_scaled_one_by_one_or_refused():
    rows = unit_rows(np.array([[3.0, 4.0], [1e-200, 0.0], [1e200, 1e200]]))
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1)
    with pytest.raises(ZeroRow, match="row 1 of X is zero"):
        unit_rows(np.array([[1.0, 0.0], [0.0, 0.0]]))
    with pytest.raises(NonFiniteRow, match="row 0"):
        unit_rows(np.array([[np.inf, 0.0]]))
    with pytest.raises(RowNotUnit, match=r"row 1 of X is longer than 1"):
        check_unit(np.array([[1.0], [2.0]]))
    with pytest.raises(NonFiniteRow):
        check_unit(np.array([[np.nan]]))
    assert targets(np.array([0, 2]), 3).tolist() == [[1, -1, -1], [-1, -1, 1]]
    with pytest.raises(ValueError, match="from 0 to 2"):
        targets(np.array([3]), 3)


def peak_bytes(function):
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", KERNELS)
def test_no_more_memory_than_the_matrix_and_some_blocks(name):
    """A size that forces several blocks; (m, n, n) would be many times as much."""
    rows = unit_rows(GENERATOR.standard_normal((4 * BLOCK, 5))).astype(np.float32)
    assert peak_bytes(lambda: KERNELS[name].matrix(rows)) < 2.5 * 4 * len(rows) ** 2


def test_samples_by_features_need_no_matrix():
    rows = unit_rows(GENERATOR.standard_normal((4 * BLOCK, 5)))
    kernel = FiniteKernel.draw(64, 5, GENERATOR)
    assert peak_bytes(lambda: sample_by_features(kernel, rows, 3, NoiseSource(0))) < 0.2 * 8 * len(rows) ** 2
