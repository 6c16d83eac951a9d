"""Distances between sets of features: known values, naive oracles, and what is refused."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from tenfold.metrics import generation
from tenfold.metrics.bootstrap import InvalidSamples, paired_difference
from tenfold.metrics.generation import (
    Moments,
    frechet_difference,
    frechet_distance,
    frechet_from_moments,
    inception_style_score,
    inside_manifold,
    kernel_distance,
    moments,
    precision_recall,
)

GENERATOR = np.random.default_rng(0)
REAL = GENERATOR.standard_normal((600, 6)) @ GENERATOR.standard_normal((6, 6))


def test_frechet_distance_of_gaussians_is_the_closed_form():
    first = Moments(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 10)
    second = Moments(np.array([1.0, 0, 2]), np.diag([4.0, 4.0, 1.0]), 10)
    assert frechet_from_moments(first, second) == pytest.approx(5 + 1 + 0 + 4)  # |μ|² + Σ (√a − √b)²


def test_frechet_distance_agrees_with_the_general_matrix_root():
    other = REAL[:300] * [1, 2, 1, 0.5, 1, 1] + 0.3
    a, b = moments(REAL[:300]), moments(other)
    expected = ((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance + b.covariance)
    expected -= 2 * np.trace(sqrtm(a.covariance @ b.covariance)).real
    found = frechet_distance(REAL[:300], other)
    assert found.value == pytest.approx(expected, rel=1e-8) and found.n == 300
    assert found.interval[0] < found.value < found.interval[1]


def test_a_rank_deficient_covariance_stays_real_and_exact():
    flat = REAL.copy()
    flat[:, 3] = 0
    assert frechet_distance(flat, flat).value == pytest.approx(0, abs=1e-6 * np.trace(np.cov(flat.T)))


def test_halves_of_one_set_are_near_and_a_shift_is_far():
    halves = frechet_distance(REAL[:300], REAL[300:])
    shifted = frechet_distance(REAL[:300], REAL[300:] + 1)
    assert 0 <= halves.value < 0.03 * np.trace(np.cov(REAL.T)) and shifted.value > halves.interval[1] + 4


def test_resampled_moments_are_those_of_the_repeated_rows(monkeypatch):
    monkeypatch.setattr(generation, "WORKING_SET", 2 * 50 * 6)  # two resamples at a time
    rows = REAL[:50] + 100  # a mean far from 0 must not cancel the covariance away
    counts = generation.resample_counts(50, 5, np.random.default_rng(1))
    found = generation._resampled_moments(rows, counts)
    for place, row in enumerate(counts):
        repeated = np.repeat(rows, row.astype(int), axis=0)
        assert found.mean[place] == pytest.approx(repeated.mean(axis=0))
        assert found.covariance[place] == pytest.approx(np.cov(repeated.T), abs=1e-9)


def test_difference_shares_the_reference_and_has_the_right_sign():
    near, far = REAL[:200] + 0.05, REAL[200:400] + 0.8
    found = frechet_difference(far, near, REAL[400:])
    assert found.value > 0 and found.interval[0] > 0
    alone = frechet_distance(far, REAL[400:]).value - frechet_distance(near, REAL[400:]).value
    assert found.value == pytest.approx(alone)


def naive_kernel_distance(a, b):
    def k(x, y):
        return (x @ y / len(x) + 1) ** 3

    n = len(a)
    within = [sum(k(s[i], s[j]) for i in range(n) for j in range(n) if i != j) / n / (n - 1) for s in (a, b)]
    return sum(within) - 2 * sum(k(x, y) for x in a for y in b) / n / n


def test_kernel_distance_is_the_unbiased_sum_over_pairs():
    a, b = REAL[:12] / 3, REAL[20:32] / 3 + 0.4
    assert kernel_distance(a, b).value == pytest.approx(naive_kernel_distance(a, b))


def test_kernel_distance_is_unbiased_in_its_resamples_and_in_blocks(monkeypatch):
    small = REAL / 4
    values = [kernel_distance(small[i : i + 40], small[i + 40 : i + 80], resamples=50).value for i in range(0, 520, 80)]
    assert abs(np.mean(values)) < 3 * np.std(values, ddof=1) / np.sqrt(len(values)) and min(values) < 0
    drawn = generation._block_distances(small[:300], small[300:] + 1, 200, np.random.default_rng(3))
    assert drawn[1:].mean() == pytest.approx(drawn[0], rel=0.1)
    monkeypatch.setattr(generation, "LARGEST_BLOCK", 100)
    assert kernel_distance(small[:300], small[300:] + 1).value == pytest.approx(drawn[0], rel=0.2)


def test_the_score_runs_from_one_to_the_number_of_classes():
    assert inception_style_score(np.full((50, 4), 0.25)).value == pytest.approx(1)
    assert inception_style_score(np.eye(4)[np.arange(200) % 4]).value == pytest.approx(4)
    p = GENERATOR.dirichlet(np.full(4, 0.3), size=300)
    kl = (p * np.log(p / p.mean(axis=0))).sum(axis=1).mean()
    found = inception_style_score(p)
    assert found.value == pytest.approx(np.exp(kl)) and found.interval[0] < found.value < found.interval[1]


def test_precision_and_recall_tell_collapse_from_noise():
    real, alike = REAL[:300], REAL[300:]
    narrow, wide = alike * 0.05, alike * 4
    (p, r), (p_narrow, r_narrow), (p_wide, _) = (precision_recall(real, g) for g in (alike, narrow, wide))
    assert p.value > 0.8 and r.value > 0.8
    assert p_narrow.value > 0.9 and r_narrow.value < 0.2 and p_wide.value < 0.6
    assert precision_recall(real, real)[0].value == 1


def test_the_manifold_is_the_union_of_balls():
    judged, manifold, k = REAL[:40], REAL[40:100], 3
    between = np.linalg.norm(manifold[:, None] - manifold, axis=2)
    radii = np.sort(between, axis=1)[:, k]
    expected = (np.linalg.norm(judged[:, None] - manifold, axis=2) <= radii).any(axis=1)
    assert (inside_manifold(judged, manifold, k) == expected).all() and 0 < expected.mean() < 1


BAD = {
    "equally many": (REAL[:200], REAL[:199]),
    "not of one network": (REAL[:200], REAL[:200, :5]),
    "NaN": (REAL[:200], np.where(np.arange(1200).reshape(200, 6) == 7, np.nan, REAL[:200])),
    "at least two rows": (REAL[:1], REAL[:1]),
}


@pytest.mark.parametrize("message", BAD)
@pytest.mark.parametrize("metric", [frechet_distance, kernel_distance, precision_recall])
def test_what_is_no_set_of_features_is_refused(metric, message):
    with pytest.raises(InvalidSamples, match=message):
        metric(*BAD[message])


def test_other_wrong_arguments_are_refused():
    with pytest.raises(InvalidSamples, match="singular"):
        frechet_distance(REAL[:6], REAL[6:12])
    with pytest.raises(InvalidSamples, match="k from 1"):
        precision_recall(REAL[:5], REAL[5:10], k=5)
    with pytest.raises(InvalidSamples, match="sum to 1"):
        inception_style_score(np.full((9, 4), 0.3))


def test_paired_difference_covers_the_mean_and_needs_pairs():
    noise = GENERATOR.standard_normal(4000)
    found = paired_difference(noise + 0.1 + 0.01 * GENERATOR.standard_normal(4000), noise, seed=0)
    assert found.interval[0] < 0.1 < found.interval[1] and found.interval[1] - found.interval[0] < 0.002
    with pytest.raises(InvalidSamples, match="one length"):
        paired_difference(noise, noise[1:], seed=0)
    with pytest.raises(InvalidSamples, match="NaN"):
        paired_difference(noise, noise * np.nan, seed=0)
