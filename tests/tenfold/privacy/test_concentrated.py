"""zCDP conversion against dp_accounting and against Gaussian DP."""

import dp_accounting
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tenfold.privacy.concentrated import concentrated_delta, concentrated_rho
from tenfold.privacy.gaussian import InvalidBudget, gaussian_mu

ORDERS = 1 + np.geomspace(1e-2, 1e5, 20_000)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 4.0, 8.0])
def test_agrees_with_the_renyi_accountant_of_dp_accounting(epsilon):
    rho = concentrated_rho(epsilon, 1e-6)
    assert dp_accounting.rdp.compute_epsilon(ORDERS, rho * ORDERS, 1e-6)[0] == pytest.approx(epsilon, rel=1e-5)


@given(st.floats(0.05, 30), st.floats(1e-10, 0.1))
@example(0.05078125, 4.782137018700388e-09)  # where the root alone exceeds δ, by 5 parts in 10⁸
def test_never_better_than_the_exact_curve_of_the_gaussian(epsilon, delta):
    rho = concentrated_rho(epsilon, delta)
    assert concentrated_delta(epsilon, rho) <= delta
    assert 0.3 * gaussian_mu(epsilon, delta) < (2 * rho) ** 0.5 < gaussian_mu(epsilon, delta)


@given(st.floats(0.05, 30), st.floats(1e-10, 0.1))
def test_more_budget_allows_more(epsilon, delta):
    assert concentrated_rho(1.1 * epsilon, delta) > concentrated_rho(epsilon, delta)
    assert concentrated_rho(epsilon, 1.1 * delta) > concentrated_rho(epsilon, delta)


def test_refusals():
    for epsilon, delta in [(0, 1e-6), (1, 0), (1, 1), (float("nan"), 1e-6)]:
        with pytest.raises(InvalidBudget):
            concentrated_rho(epsilon, delta)
    with pytest.raises(InvalidBudget):
        concentrated_delta(1.0, 0)
