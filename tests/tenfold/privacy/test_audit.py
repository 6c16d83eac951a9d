"""The audit bounds ε from below, and notices noise of the wrong size."""

import math

import numpy as np
import pytest
from scipy import stats

from tenfold.privacy.audit import InvalidScores, audit_scores, clopper_pearson, noise_sd_test
from tenfold.privacy.gaussian import InvalidBudget, gaussian_mu

DELTA = 1e-5


def pair(claimed_epsilon, noise, seed, runs=10_000):
    """Scores of a Gaussian mechanism that claims ε and adds ``noise`` times the noise it needs."""
    generator = np.random.default_rng(seed)
    mu = gaussian_mu(claimed_epsilon, DELTA)
    return audit_scores(
        generator.normal(0, noise, runs),
        generator.normal(mu, noise, runs),
        claimed_epsilon=claimed_epsilon,
        delta=DELTA,
    )


def test_correct_noise_raises_no_alarm():
    results = [pair(4.0, 1.0, seed) for seed in range(40)]
    assert sum(result.violation for result in results) <= 2  # 5% allowed, Bonferroni makes it rarer
    assert np.mean([result.epsilon_lower_bound for result in results]) > 2.5


def test_half_the_noise_is_caught_at_a_claimed_epsilon_of_four():
    results = [pair(4.0, 0.5, seed) for seed in range(10)]
    assert min(result.epsilon_lower_bound for result in results) > 6


def test_half_the_noise_mostly_passes_the_ratio_at_a_claimed_epsilon_of_one():
    assert np.mean([pair(1.0, 0.5, seed).epsilon_from_ratio > 1 for seed in range(10)]) < 0.5


def test_choosing_the_threshold_does_not_bias_the_bound():
    generator = np.random.default_rng(0)
    positive = [
        audit_scores(*generator.normal(0, 1, (2, 400)), claimed_epsilon=1.0, delta=DELTA).epsilon_lower_bound > 0
        for _ in range(300)
    ]
    assert np.mean(positive) <= 0.06  # the input and itself: 5% of bounds may be above 0


def test_both_directions_are_tried():
    generator = np.random.default_rng(0)
    low, high = generator.normal(0, 1, 10_000), generator.normal(2, 1, 10_000)
    forwards = audit_scores(low, high, claimed_epsilon=1.0, delta=DELTA).epsilon_lower_bound
    backwards = audit_scores(-low, -high, claimed_epsilon=1.0, delta=DELTA).mu_lower_bound
    assert forwards > 4
    assert backwards == 0  # the score must be higher on the neighbour; a reversed one shows nothing


def test_an_event_that_never_happens_on_the_input_refutes():
    never, sometimes = np.zeros(5000), (np.arange(5000) % 20 == 0).astype(float)
    result = audit_scores(never, sometimes, claimed_epsilon=1.0, delta=DELTA)
    assert result.epsilon_from_ratio > 2


def test_identical_outputs_and_infinite_scores():
    assert audit_scores(np.zeros(100), np.zeros(100), claimed_epsilon=1.0, delta=DELTA).epsilon_lower_bound == 0
    certain = audit_scores(np.full(4000, -np.inf), np.full(4000, np.inf), claimed_epsilon=4.0, delta=DELTA)
    assert certain.violation


@pytest.mark.parametrize("k", [0, 1, 37, 99, 100])
def test_clopper_pearson_agrees_with_scipy(k):
    lower, upper = clopper_pearson(np.array(k), 100, 0.025)
    expected = stats.binomtest(k, 100).proportion_ci(0.95, method="exact")
    assert float(lower) == pytest.approx(expected.low, abs=1e-9)
    assert float(upper) == pytest.approx(expected.high, abs=1e-9)


@pytest.mark.parametrize(("factor", "caught"), [(1.0, False), (0.5, True), (0.95, True)])
def test_the_noise_test_sees_too_little_noise(factor, caught):
    noise = np.random.default_rng(0).normal(0, 3.0 * factor, 20_000)
    result = noise_sd_test(noise, 3.0)
    assert (result.p_too_small < 1e-4) is caught
    assert result.alarm is caught
    assert result.observed_sd == pytest.approx(3.0 * factor, rel=0.02)


def test_the_noise_test_sees_too_much_noise():
    result = noise_sd_test(np.random.default_rng(0).normal(0, 1.1, 20_000), 1.0)
    assert result.p_too_small > 0.5
    assert result.p_value < 1e-4


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((10, 2)), np.full(10, np.nan)])
def test_bad_scores_are_refused(bad):
    with pytest.raises(InvalidScores):
        audit_scores(bad, np.zeros(100), claimed_epsilon=1.0, delta=DELTA)


def test_bad_budgets_and_empty_noise_are_refused():
    scores = np.arange(100.0)
    for epsilon, delta in [(0, DELTA), (1.0, 1.0), (math.nan, DELTA)]:
        with pytest.raises(InvalidBudget):
            audit_scores(scores, scores, claimed_epsilon=epsilon, delta=delta)
    with pytest.raises(InvalidScores):
        noise_sd_test(np.zeros(0), 1.0)
