"""Adaptive queries: gradient search finds more than chance, less than the bounds, and averaging gains nothing."""

import numpy as np
import pytest

from tenfold.dp_cross_attention.adaptive import (
    averaged_error,
    cauchy_schwarz_bound,
    gradient_search,
    net_bound,
    standardised_noise,
)
from tenfold.dp_cross_attention.features import TaylorFeatures
from tenfold.dp_cross_attention.mixtures import unit

FEATURES = TaylorFeatures(3, 4, 1.0)


@pytest.fixture
def noise():
    return np.random.default_rng(0).standard_normal((FEATURES.count, 4))


def test_the_noise_at_a_query_is_standard():
    query = np.array([[0.3, -0.2, 0.6]])
    drawn = [
        standardised_noise(FEATURES, np.random.default_rng(seed).standard_normal((35, 4)), query) for seed in range(500)
    ]
    assert np.std(drawn) == pytest.approx(1.0, abs=0.06)


def test_gradient_search_beats_its_starts_and_keeps_within_the_bounds(noise):
    starts = 0.9 * unit(np.random.default_rng(1).standard_normal((32, 3)))
    found, heights = gradient_search(FEATURES, noise, 1.0, starts, updates=100)
    before = np.abs(standardised_noise(FEATURES, noise, starts)).max(axis=1)
    assert (heights >= before - 1e-9).mean() > 0.9 and heights.max() > before.max()
    assert heights == pytest.approx(np.abs(standardised_noise(FEATURES, noise, found)).max(axis=1))
    assert np.linalg.norm(found, axis=1).max() <= 1 + 1e-12
    dense = unit(np.random.default_rng(2).standard_normal((40_000, 3)))
    assert heights.max() > 0.98 * np.abs(standardised_noise(FEATURES, noise, dense)).max()
    assert heights.max() < net_bound(3, 4, 1.0, 4, 1e-3)
    assert heights.max() < cauchy_schwarz_bound(noise)


def test_the_net_bound_holds_for_many_draws():
    queries = unit(np.random.default_rng(0).standard_normal((500, 3)))
    limit = net_bound(3, 4, 1.0, 4, 0.01)
    largest = [
        np.abs(standardised_noise(FEATURES, np.random.default_rng(seed).standard_normal((35, 4)), queries)).max()
        for seed in range(200)
    ]
    assert max(largest) < limit


def test_averaging_ten_thousand_answers_leaves_the_error(noise):
    target = np.array([0.5, -0.3, 0.2])
    left, fresh = averaged_error(FEATURES, noise, target, 1.0, 0.05, 10_000, np.random.default_rng(0))
    assert left > 0.8 and fresh == 0.01
