"""Bootstrap over seeds and items."""

import numpy as np
import pytest

from tenfold.metrics.bootstrap import InvalidSamples, nested_difference


def test_seeds_and_items_are_resampled_and_tasks_weigh_the_same():
    generator = np.random.default_rng(0)
    few, many = generator.normal(1, 0.1, (3, 20)), generator.normal(0, 0.1, (3, 500))
    found = nested_difference([few, many], seed=0, resamples=400)
    assert found.value == pytest.approx((few.mean() + many.mean()) / 2)
    assert found.interval[0] < found.value < found.interval[1] and found.n == 520
    apart = nested_difference([few + np.array([[-1.0], [0.0], [1.0]])], seed=0, resamples=400)
    assert np.diff(apart.interval) > 10 * np.diff(nested_difference([few], seed=0, resamples=400).interval)


@pytest.mark.parametrize("tables", [[], [np.zeros((0, 3))], [np.full((2, 3), np.nan)]])
def test_no_values_are_refused(tables: list[np.ndarray]):
    with pytest.raises(InvalidSamples, match="no task"):
        nested_difference(tables, seed=0)
