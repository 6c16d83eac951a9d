"""Measurements: their intervals hold what they should."""

import numpy as np
import pytest

from tenfold.metrics.measurements import difference_of, mean_of, share_of, slope_over_seeds


def test_means_have_students_interval():
    mean = mean_of([1.0, 2.0, 3.0], "", "")
    assert mean["value"] == 2 and mean["interval"] == pytest.approx(
        [2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5], abs=1e-4
    )
    assert mean_of([2.0, 2.0], "", "")["interval"] is None
    assert mean_of([2.0], "", "")["interval"] is None


def test_shares_have_clopper_and_pearsons():
    assert share_of(20, 20, "")["interval"] == pytest.approx([0.8316, 1.0], abs=1e-4)


def test_slopes_are_of_the_logarithms():
    x = np.array([10.0, 20.0, 40.0])
    found = slope_over_seeds(x, {0: 5 / x, 1: 7 / x**0.9}, "")
    assert found["value"] == pytest.approx(-0.95) and found["seeds"] == 2


def test_differences_are_paired():
    found = difference_of([2.0, 3.0, 4.1], [1.0, 2.0, 3.0], "", "")
    assert found["value"] == pytest.approx(1.0333, abs=1e-4) and found["interval"][0] > 0.5
