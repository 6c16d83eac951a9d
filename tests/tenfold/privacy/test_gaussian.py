"""The Gaussian accountant: known values, inverses, dp_accounting as an oracle, refusals."""

import math

import dp_accounting
import numpy as np
import pytest
from dp_accounting.pld import privacy_loss_distribution
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tenfold.privacy.gaussian import (
    InvalidBudget,
    compose,
    gaussian_delta,
    gaussian_epsilon,
    gaussian_mu,
    noise_multiplier,
    pure_epsilon,
    split,
)

epsilons = st.floats(0.01, 50)
deltas = st.floats(1e-12, 0.3)


@pytest.mark.parametrize(("epsilon", "mu"), [(1, 0.2367), (2, 0.4483), (4, 0.8379), (8, 1.5315)])
def test_known_values_at_delta_one_in_a_million(epsilon, mu):
    assert gaussian_mu(epsilon, 1e-6) == pytest.approx(mu, abs=5e-5)


@given(epsilons, deltas)
def test_mu_never_spends_more_than_delta_and_wastes_none(epsilon, delta):
    mu = gaussian_mu(epsilon, delta)
    assert gaussian_delta(epsilon, mu) <= delta
    assert gaussian_delta(epsilon, mu * (1 + 1e-9)) > delta
    assert gaussian_epsilon(delta, mu) == pytest.approx(epsilon, rel=1e-6)


@given(epsilons, deltas)
def test_more_budget_means_less_noise(epsilon, delta):
    assert noise_multiplier(epsilon * 1.1, delta) < noise_multiplier(epsilon, delta)
    assert noise_multiplier(epsilon, delta * 1.1) < noise_multiplier(epsilon, delta)


@given(st.floats(0.05, 20), st.floats(1e-10, 0.1))
def test_agrees_with_the_analytic_calibration_of_dp_accounting(epsilon, delta):
    assert noise_multiplier(epsilon, delta) == pytest.approx(dp_accounting.get_sigma_gaussian(epsilon, delta), rel=1e-6)


@pytest.mark.parametrize("mu", [0.2, 1.0, 3.0])
def test_agrees_with_the_privacy_loss_distribution_of_dp_accounting(mu):
    loss = privacy_loss_distribution.from_gaussian_mechanism(1 / mu)
    assert gaussian_epsilon(1e-6, mu) == pytest.approx(loss.get_epsilon_for_delta(1e-6), abs=1e-3)


@pytest.mark.parametrize(("epsilon", "mu"), [(0.0, 0.5), (1.0, 0.3), (3.0, 2.0)])
def test_delta_is_the_supremum_over_events_of_two_gaussians(epsilon, mu):
    thresholds = np.linspace(-20, 20, 200_001)
    events = stats.norm.sf(thresholds, loc=mu) - math.exp(epsilon) * stats.norm.sf(thresholds)
    assert gaussian_delta(epsilon, mu) == pytest.approx(events.max(), rel=1e-6)


def test_extremes_stay_finite():
    assert 0 < gaussian_mu(1e-4, 1e-15) < gaussian_mu(1e5, 1e-300) < gaussian_mu(1e5, 0.5)
    assert gaussian_delta(1000.0, 1e-3) == 0
    assert gaussian_epsilon(0.99, 0.1) == 0


def test_composition_adds_squares():
    assert compose([3.0, 4.0]) == 5
    assert compose([0.1] * 49) == pytest.approx(0.1 * math.sqrt(49))
    loss = privacy_loss_distribution.from_gaussian_mechanism(2.0).self_compose(9)
    assert gaussian_epsilon(1e-5, compose([0.5] * 9)) == pytest.approx(loss.get_epsilon_for_delta(1e-5), abs=1e-2)


@given(st.floats(1e-3, 10), st.floats(0.01, 0.99))
def test_split_composes_back(mu, share):
    assert compose(split(mu, share)) == pytest.approx(mu)


@given(st.floats(0.01, 5))
def test_pure_privacy_is_no_stronger_than_the_gaussian_curve_it_is_charged_for(mu):
    epsilon = pure_epsilon(mu)
    alpha = np.linspace(1e-6, 1 - 1e-6, 2001)
    pure = np.maximum(np.maximum(0, 1 - np.exp(epsilon) * alpha), np.exp(-epsilon) * (1 - alpha))
    gaussian = stats.norm.cdf(stats.norm.isf(alpha) - mu)
    assert (pure >= gaussian - 1e-12).all()
    corner = 1 / (1 + math.exp(epsilon))  # where the two curves touch, so that nothing is wasted
    assert stats.norm.cdf(stats.norm.isf(corner) - mu) == pytest.approx(corner, rel=1e-6)


@pytest.mark.parametrize("bad", [0, -1, math.nan, math.inf, "1", None, np.ones(1), True])
def test_impossible_epsilons_are_refused(bad):
    with pytest.raises(InvalidBudget, match="epsilon"):
        gaussian_mu(bad, 1e-6)


@pytest.mark.parametrize("bad", [0, 1, 1.5, -0.1, math.nan, "1e-6", None])
def test_impossible_deltas_are_refused(bad):
    with pytest.raises(InvalidBudget, match="delta"):
        gaussian_mu(1.0, bad)
    with pytest.raises(InvalidBudget, match="delta"):
        gaussian_epsilon(bad, 1.0)


def test_composition_of_nothing_or_of_nonsense_is_refused():
    for bad in ([], [0.0], [1.0, math.nan]):
        with pytest.raises(InvalidBudget):
            compose(bad)
