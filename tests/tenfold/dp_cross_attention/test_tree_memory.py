"""The paper's route: right without noise, composed over all trees, never better for copies."""

import numpy as np
import pytest

from tenfold.dp_cross_attention import TreeMemory
from tenfold.dp_cross_attention.errors import BoundViolated
from tenfold.dp_cross_attention.features import TaylorFeatures, features_of
from tenfold.dp_cross_attention.tree_memory import advanced_share, calibrate, coordinate_bound, releases_of
from tenfold.privacy.gaussian import compose, gaussian_mu
from tests.tenfold.dp_cross_attention.conftest import PUBLIC


def fit(data, **more):
    return TreeMemory.fit(data.keys, data.values, **{"epsilon": 1.0, "insecure_seed": 0, "degree": 2, **PUBLIC, **more})


def oracle(data):
    P, Q = (features_of(TaylorFeatures(3, 2, 1.0), rows) for rows in (data.keys, data.queries))
    return Q @ P.T @ np.concatenate([data.values, np.ones((1000, 1))], axis=1)


def test_without_noise_moments_are_exact_and_bands_are_near(memory_rows):
    exact = oracle(memory_rows)
    moments = fit(memory_rows, query="moments", noise="none")
    assert moments.sums(memory_rows.queries) == pytest.approx(exact, rel=1e-9, abs=1e-7)
    errors = [
        np.abs(fit(memory_rows, noise="none").sums(memory_rows.queries, alpha=alpha)[:, -1] / exact[:, -1] - 1).max()
        for alpha in (0.01, 0.1, 0.5)
    ]
    assert errors == sorted(errors) and errors[0] < 0.05 < errors[-1]
    attention = moments.query(memory_rows.queries)
    assert attention == pytest.approx(exact[:, :-1] / exact[:, -1:], abs=1e-9)


@pytest.mark.parametrize(("query", "statistics"), [("bands", 1), ("moments", 3)])
def test_all_trees_together_spend_the_budget(memory_rows, query, statistics):
    calibration = fit(memory_rows, query=query).calibration
    trees = 10 * statistics + 2  # r features with their statistics, and two scalars, of each of d_v + 1 columns
    assert calibration.releases == 3 * trees == releases_of(10, 2, query)
    assert compose([calibration.share] * calibration.releases) == pytest.approx(gaussian_mu(1.0, 1e-6))


def test_pure_trees_compose_by_the_advanced_theorem():
    share = advanced_share(1.0, 1e-6, 60)
    spent = share * np.sqrt(2 * 60 * np.log(1e6)) + 60 * share * np.expm1(share)
    assert spent == pytest.approx(1.0)


def test_the_noise_of_a_tree_is_that_of_its_calibration(memory_rows):
    noisy, plain = fit(memory_rows), fit(memory_rows, noise="none")
    nodes = noisy._copies[0][0] - plain._copies[0][0]
    calibration = noisy.calibration
    assert nodes[..., 0].std() == pytest.approx(calibration.scale(1.0, "signed"), rel=0.03)
    assert nodes[..., -1].std() == pytest.approx(calibration.scale(1.0, "nonnegative"), rel=0.03)


def test_copies_share_the_budget_and_do_not_help(memory_rows):
    exact = fit(memory_rows, noise="none").sums(memory_rows.queries)
    errors = {}
    for copies in (1, 9):
        found = [
            fit(memory_rows, copies=copies, insecure_seed=seed).sums(memory_rows.queries) - exact for seed in range(8)
        ]
        errors[copies] = np.sqrt(np.mean(np.square(found)))
    assert fit(memory_rows, copies=9).calibration.share == pytest.approx(fit(memory_rows).calibration.share / 3)
    assert errors[9] > errors[1]


def test_coordinates_lie_within_their_public_range():
    generator = np.random.default_rng(0)
    for bound, degree in ((1.0, 2), (3.0, 4), (0.5, 6)):
        keys = generator.standard_normal((2000, 2))
        keys *= np.sqrt(bound) / np.linalg.norm(keys, axis=1, keepdims=True)
        keys[0] = [np.sqrt(bound), 0]
        largest = np.abs(features_of(TaylorFeatures(2, degree, 1.0), keys)).max()
        assert largest <= coordinate_bound(bound, degree) * (1 + 1e-12)
        assert largest > 0.999 * coordinate_bound(bound, degree)


def test_bounds_are_kept(memory_rows):
    with pytest.raises(BoundViolated):
        TreeMemory.fit(2 * memory_rows.keys, memory_rows.values, epsilon=1.0, **PUBLIC)
    known = fit(memory_rows).calibration.setting
    assert calibrate(known, 1.0, 1e-6, noise="laplace").share < 0.1
