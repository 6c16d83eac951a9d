"""Samples with covariance K by both routes, and regression on them."""

import numpy as np
import pytest
from scipy import stats

from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel
from tenfold.dp_ntk.regression import SingularSystem, fit_dense, fit_primal, fit_woodbury
from tenfold.dp_ntk.sampling import factor, project, sample_by_factor, sample_by_features, sampled_kernel
from tenfold.dp_ntk.validation import unit_rows
from tenfold.privacy.noise import NoiseSource

GENERATOR = np.random.default_rng(1)
ROWS = unit_rows(GENERATOR.standard_normal((8, 3)))
KERNELS = [FiniteKernel.draw(6, 3, GENERATOR), LimitKernel(sd=0.8)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_projections_are_those_of_the_features(kernel):
    directions = GENERATOR.standard_normal((4, 3, 6 if isinstance(kernel, FiniteKernel) else 3))
    expected = kernel.features(ROWS) @ directions.reshape(4, -1).T
    assert project(kernel, ROWS, directions) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("route", ["features", "factor"])
def test_both_routes_have_mean_k_and_the_stated_error(kernel, route):
    """E[K̃] = K and E‖K̃ − K‖²_F = (tr²K + ‖K‖²_F)/k, by 400 draws of k = 50."""
    K, k, runs = kernel.matrix(ROWS), 50, 400
    source = NoiseSource(3)
    if route == "features":
        G = sample_by_features(kernel, ROWS, k * runs, source)
    else:
        G = sample_by_factor(factor(K), k * runs, source)
    draws = np.stack([sampled_kernel(part) for part in np.split(G, runs, axis=1)])
    assert np.abs(draws.mean(axis=0) - K).max() < 6 * np.abs(K).max() * np.sqrt(2 / (k * runs))
    expected = (np.trace(K) ** 2 + np.sum(K**2)) / k
    errors = np.sum((draws - K) ** 2, axis=(1, 2))
    assert errors.mean() == pytest.approx(expected, rel=0.25)
    assert stats.kstest(G[0] / np.sqrt(K[0, 0]), "norm").pvalue > 1e-6


def test_factor_serves_a_singular_matrix_that_cholesky_refuses():
    rows = np.vstack([ROWS, ROWS])  # every record twice
    K = LimitKernel().matrix(rows)
    F = factor(K)
    assert pytest.approx(K, abs=1e-12) == F @ F.T
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(K.astype(np.float32) - 1e-7 * np.eye(16, dtype=np.float32))
    with pytest.raises(SingularSystem, match="not positive definite"):
        fit_dense(K - 1e-9 * np.eye(16), np.ones((16, 1)), 0.0)


@pytest.mark.parametrize("k", [3, 8, 40])
def test_woodbury_is_the_dense_solution(k):
    G, Y = GENERATOR.standard_normal((8, k)), GENERATOR.standard_normal((8, 2))
    for ridge in (0.1, 10.0):
        dense = fit_dense(sampled_kernel(G), Y, ridge)
        assert fit_woodbury(G, Y, ridge) == pytest.approx(dense, rel=1e-9)
        assert fit_primal(G, Y, ridge) == pytest.approx(G.T @ dense / k, rel=1e-8)
    with pytest.raises(SingularSystem, match="must be finite and above 0"):
        fit_woodbury(G, Y, 0.0)


def test_many_samples_give_the_predictions_without_privacy():
    kernel, Y = LimitKernel(), np.sign(ROWS[:, :1])
    K, F = kernel.matrix(ROWS), factor(kernel.matrix(ROWS))
    exact = K @ fit_dense(K, Y, 1.0)
    errors = []
    for k in (1000, 100_000):
        alpha = fit_woodbury(sample_by_factor(F, k, NoiseSource(5)), Y, 1.0)
        errors.append(np.abs(K @ alpha - exact).max())
    assert errors[1] < 0.02 and errors[1] < errors[0]
