"""Intervals at 95 % are those of the textbooks."""

import numpy as np
import pytest
from scipy import stats

from tenfold.metrics.intervals import least_squares, proportion, student, welch


def test_students_interval():
    assert student([1.0, 2.0, 3.0]) == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)


@pytest.mark.parametrize("values", [[2.0], [2.0, 2.0]])
def test_values_that_do_not_vary_have_none(values: list[float]):
    assert student(values) is None and welch(values, [1.0]) is None


def test_welchs_interval():
    first, second = [1.0, 2.0, 3.5, 4.0], [0.5, 0.6, 0.9]
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert welch(first, second) == pytest.approx((expected.low, expected.high))


def test_welchs_interval_holds_the_difference_in_95_of_100():
    generator, covered = np.random.default_rng(0), 0
    for _ in range(400):
        found = welch(generator.normal(1.0, 1.0, 8), generator.normal(0.5, 2.0, 12))
        assert found is not None
        covered += found[0] <= 0.5 <= found[1]
    assert 0.91 < covered / 400 <= 1


def test_clopper_pearsons_and_wilsons_interval():
    assert proportion(20, 20) == pytest.approx((0.8316, 1.0), abs=1e-4)
    z, n, share = stats.norm.ppf(0.975), 50, 0.2
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert proportion(10, 50, method="wilson") == pytest.approx((centre - half, centre + half))


def test_least_squares_holds_the_true_slope_in_95_of_100():
    generator, x = np.random.default_rng(0), np.arange(6.0)
    found = [least_squares(x, 3 * x + generator.normal(size=6))[1] for _ in range(400)]
    assert np.mean([low <= 3 <= high for low, high in found]) == pytest.approx(0.95, abs=0.03)
    assert least_squares([0.0, 1.0], [0.0, 2.0]) == (2.0, None)
