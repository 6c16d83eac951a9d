"""Noise from budgets: three accountants, temperatures, peers."""

import math

import dp_accounting
import pytest
from dp_accounting.pld import privacy_loss_distribution

from tenfold.dp_cross_attention.calibration import setting, unit_noise
from tenfold.dp_cross_attention.errors import InvalidSetting, LogitBoundTooLarge
from tenfold.dp_cross_attention.tree_memory import calibrate
from tenfold.privacy.gaussian import InvalidBudget, compose

BASE = {"rows": 10, "dimension": 4, "value_dimension": 2, "radius": 1.0}


@pytest.mark.parametrize(("epsilon", "noise"), [(0.1, 36.3), (1.0, 4.225), (4.0, 1.194), (8.0, 0.653)])
def test_the_analytic_noise_is_that_of_dp_accounting(epsilon, noise):
    found = unit_noise(epsilon, 1e-6)
    assert found == pytest.approx(noise, rel=2e-3)
    assert found == pytest.approx(dp_accounting.get_sigma_gaussian(epsilon, 1e-6), rel=1e-4)


def test_the_noise_is_private_by_the_loss_distribution():
    loss = privacy_loss_distribution.from_gaussian_mechanism(unit_noise(1.0, 1e-6), value_discretization_interval=1e-4)
    assert loss.get_epsilon_for_delta(1e-6) == pytest.approx(1.0, abs=2e-3)


def test_other_accountants_cost_more_and_the_classical_one_stops_at_one():
    analytic, concentrated, classical = (
        unit_noise(1.0, 1e-6, name) for name in ("analytic", "concentrated", "classical")
    )
    assert analytic < concentrated < classical
    with pytest.raises(InvalidBudget, match="above ε = 1"):
        unit_noise(1.01, 1e-6, "classical")
    with pytest.raises(InvalidSetting):
        unit_noise(1.0, 1e-6, "guessed")


def test_temperatures_by_name_and_by_number():
    assert setting(**BASE, temperature="d").temperature == 4  # the paper's 1/d
    assert setting(**BASE, temperature="sqrt_d").temperature == 2  # ordinary attention's
    assert setting(**BASE, temperature=0.3).temperature == 0.3
    assert setting(**BASE).temperature == 4
    with pytest.raises(InvalidSetting):
        setting(**BASE, temperature="1/d")
    with pytest.raises(InvalidBudget):
        setting(**BASE, temperature=0.0)


def test_public_numbers_are_checked():
    with pytest.raises(LogitBoundTooLarge):
        setting(**{**BASE, "radius": 20.0})
    with pytest.raises(InvalidSetting):
        setting(**BASE, features="fourier")
    with pytest.raises(InvalidSetting):
        setting(**BASE, neighbours="close")
    with pytest.raises(InvalidBudget):
        setting(**BASE, value_radius=-1.0)


def test_heads_compose_to_the_budget():
    mu = 1 / unit_noise(1.0, 1e-6)
    assert compose([mu / math.sqrt(96)] * 96) == pytest.approx(mu)


def spent(event):
    """Return the ε at δ = 10⁻⁶ that dp_accounting's PLD accountant gives an event."""
    accountant = dp_accounting.pld.PLDAccountant(value_discretization_interval=1e-3)
    return accountant.compose(event).get_epsilon(1e-6)


def test_composed_heads_are_private_by_an_independent_accountant():
    mu = 1 / unit_noise(1.0, 1e-6)
    one = dp_accounting.GaussianDpEvent(math.sqrt(24) / mu)
    assert spent(dp_accounting.SelfComposedDpEvent(one, 24)) == pytest.approx(1.0, abs=5e-3)
    assert spent(dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(1 / mu), 24)) > 5  # unshared


def test_the_calibration_of_all_trees_is_private_by_an_independent_accountant():
    known = setting(rows=64, dimension=2, value_dimension=2, radius=1.0, temperature=1.0, degree=2)
    trees = calibrate(known, 1.0, 1e-6)
    one = dp_accounting.GaussianDpEvent(1 / trees.share)
    assert spent(dp_accounting.SelfComposedDpEvent(one, trees.releases)) == pytest.approx(1.0, abs=5e-3)
