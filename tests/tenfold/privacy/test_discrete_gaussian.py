"""The exact sampler draws the discrete Gaussian."""

import numpy as np
import pytest
from scipy import stats

from tenfold.privacy.discrete_gaussian import discrete_gaussian
from tenfold.privacy.noise import InvalidNoise, NoiseSource


@pytest.mark.parametrize("variance", [1, 2, 9])
@pytest.mark.parametrize("seed", [None, 0])
def test_frequencies_are_those_of_the_discrete_gaussian(variance, seed):
    draws = discrete_gaussian((6000,), variance, NoiseSource(seed))
    support = np.arange(-60, 61)
    probability = np.exp(-(support**2) / (2 * variance))
    probability /= probability.sum()
    expected = probability * len(draws)
    kept = expected > 10
    observed = np.array([np.sum(draws == value) for value in support])
    tail = len(draws) - observed[kept].sum()
    statistic = np.sum((observed[kept] - expected[kept]) ** 2 / expected[kept])
    statistic += (tail - expected[~kept].sum()) ** 2 / expected[~kept].sum()
    assert stats.chi2.sf(statistic, kept.sum()) > 1e-6


def test_a_wide_one_looks_like_the_gaussian():
    draws = discrete_gaussian((100, 100), 4000**2, NoiseSource(1))
    assert draws.dtype == np.int64
    assert stats.kstest(draws.ravel(), "norm", args=(0, 4000)).pvalue > 1e-6


def test_uniform_whole_numbers_are_uniform():
    source = NoiseSource(0)
    counts = np.bincount([source.below(5) for _ in range(20_000)], minlength=5)
    assert len(counts) == 5
    assert stats.chisquare(counts).pvalue > 1e-6
    assert source.below(1) == 0
    assert 0 <= source.below(10**40) < 10**40


@pytest.mark.parametrize("variance", [0, -1, 1.5, True, np.ones(2)])
def test_impossible_variances_are_refused(variance):
    with pytest.raises(InvalidNoise):
        discrete_gaussian((2,), variance, NoiseSource(0))
    with pytest.raises(InvalidNoise):
        NoiseSource(0).below(0)
