"""The gap gallery reproduces the numbers it argues with."""

import numpy as np
import pytest
from scipy import stats

from tenfold.dp_john.findings import (
    duplicate_weight_change,
    holder_ratios,
    matrix_subspace,
    randomised_response_miss_rate,
    replacement_lower_bound,
    required_truncated_sd,
    sketch_sensitivity,
    truncation_mass,
    zero_row_weights,
)


@pytest.mark.parametrize("seed", range(3))
def test_an_exact_matrix_gives_away_its_rows_subspace(seed):
    own, neighbour = matrix_subspace(5, 4, np.random.default_rng(seed))
    assert own < 1e-12
    assert neighbour > 0.1
    with pytest.raises(ValueError, match="below 10"):
        matrix_subspace(10, 4, np.random.default_rng(seed))


def test_truncation_mass_has_the_known_values():
    mass = truncation_mass(np.array([0.1, 0.2, 0.5]))
    assert mass == pytest.approx([2e-8, 1e-4, 1e-3], rel=0.4)
    summed = mass * 1000 * 100  # n = 1000, T = 100
    assert summed[0] < 1 < summed[1] < summed[2]


@pytest.mark.parametrize("sd", [0.1, 0.3, 1.0])
def test_truncation_mass_is_that_of_the_truncated_normal(sd):
    beyond = 1.5 / 1.001 - 1
    expected = stats.truncnorm(-0.5 / sd, 0.5 / sd, scale=sd).sf(beyond)
    assert truncation_mass(np.array([sd]))[0] == pytest.approx(expected, rel=1e-6)


def test_the_rounds_need_more_noise_than_truncation_permits():
    epsilons, tolerances = np.array([1.0, 8.0, 1000.0]), np.array([0.1, 0.01])
    needed, limit = required_truncated_sd(epsilons, tolerances, lipschitz_closeness=1e-3, n=1000, delta=1e-6)
    assert (needed[:2] > limit).all()
    assert needed[2, 0] < 1.2 * limit  # only an ε of the order of 1/ξ and more comes near
    truncated = stats.truncnorm(-1e-3, 1e-3, scale=0.5 / 1e-3)
    assert truncated.std() == pytest.approx(limit, rel=1e-3)


def test_the_ellipsoid_has_no_lipschitz_constant():
    closeness = np.array([1e-2, 1e-3, 1e-4, 1e-5])
    ratios = holder_ratios(closeness)
    assert ratios[[0, -1]] == pytest.approx([14, 444], rel=0.03)
    assert ratios * np.sqrt(closeness) == pytest.approx(np.full(4, 1.4), rel=0.05)


def test_a_duplicate_row_moves_the_weights_without_limit():
    updates, eta = np.array([10, 100, 300]), 1e-5
    average, last = duplicate_weight_change(updates, eta)
    assert last == pytest.approx(updates * eta, rel=0.05)
    assert average == pytest.approx(updates * eta / 2, rel=0.15)


def test_a_sketched_score_has_no_relative_sensitivity():
    offsets = np.array([1e-4, 1e-6, 1e-8, 1e-10])
    sketched, exact = sketch_sensitivity(offsets)
    assert (np.diff(sketched) > 5).all()  # 2 log 100 = 9.2 for every factor of 100
    assert exact.max() < 0.1


def test_a_zero_row_keeps_weight_zero():
    zero, moved = zero_row_weights(4, 0.2, 50, insecure_seed=0)
    assert (zero == 0).all()
    assert (moved > 0).all()


def test_free_replacement_has_a_floor_on_the_miss_rate():
    epsilons = np.array([0.5, 1.0, 2.0])
    bound = replacement_lower_bound(epsilons, 1e-6)
    assert bound[1] == pytest.approx(0.27, abs=0.005)
    assert randomised_response_miss_rate(epsilons, 200_000, 0) == pytest.approx(bound, abs=0.005)
