"""Clustered bootstrap: against a loop, against copies, and coverage where the answer is known."""

import numpy as np
import pytest

from tenfold.metrics.bootstrap import InvalidSamples
from tenfold.metrics.clustered import cluster_sums, clustered_difference, clustered_estimate, holm


def ratio(sums):
    whole = np.asarray(sums[..., 1], dtype=float)
    return np.divide(sums[..., 0], whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def table(clusters=30, seed=0):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 20, clusters)
    return np.stack([generator.binomial(sizes, generator.beta(2, 3, clusters)), sizes], axis=1).astype(float)


def test_sums_are_of_the_items_of_each_cluster():
    sums = cluster_sums(np.array(["b", "a", "b"]), np.array([[1.0, 10], [2, 20], [4, 40]]))
    assert sums.tolist() == [[2, 20], [5, 50]]
    with pytest.raises(InvalidSamples, match="one cluster per row"):
        cluster_sums(np.array(["a"]), np.ones((2, 1)))


def test_the_interval_is_that_of_a_loop_over_resamples():
    sums, generator = table(), np.random.default_rng(7)
    draws = []
    for _ in range(4000):
        own = sums[generator.integers(0, len(sums), len(sums))].sum(axis=0)
        draws.append(own[0] / own[1])
    found = clustered_estimate(sums, ratio, seed=3, resamples=4000)
    assert found.value == ratio(sums.sum(axis=0)) and found.n == 30
    assert found.interval == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=0.01)


def test_doubling_every_item_leaves_the_interval_as_it_is():
    generator = np.random.default_rng(1)
    clusters, columns = generator.integers(0, 12, 300), generator.integers(0, 2, (300, 2)).astype(float)
    columns[:, 1] = 1
    once = clustered_estimate(cluster_sums(clusters, columns), ratio, seed=0)
    twice = clustered_estimate(cluster_sums(np.tile(clusters, 2), np.tile(columns, (2, 1))), ratio, seed=0)
    assert once.interval == pytest.approx(twice.interval)
    alone = clustered_estimate(cluster_sums(np.arange(600), np.tile(columns, (2, 1))), ratio, seed=0)
    assert np.ptp(alone.interval) < np.ptp(twice.interval)  # items taken for independent would be too sure


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    hits = 0
    for seed in range(200):
        low, high = clustered_estimate(table(60, seed), ratio, seed=seed, resamples=400).interval
        hits += low <= 0.4 <= high  # the mean of beta(2, 3)
    assert 0.88 <= hits / 200 <= 0.99


def test_strata_that_are_given_take_their_difference_out_of_the_spread():
    low, high = np.tile([[1.0, 10]], (15, 1)), np.tile([[9.0, 10]], (15, 1))
    sums, strata = np.concatenate([low, high]), np.repeat(["low", "high"], 15)
    assert clustered_estimate(sums, ratio, seed=0, strata=strata).interval == pytest.approx((0.5, 0.5))
    assert np.ptp(clustered_estimate(sums, ratio, seed=0).interval) > 0.2
    with pytest.raises(InvalidSamples, match="stratum of each"):
        clustered_estimate(sums, ratio, seed=0, strata=strata[:3])


def test_a_paired_difference_draws_the_same_clusters_for_both():
    sums = table()
    better = sums - [[0.0, 0]] + np.stack([0.1 * sums[:, 1], np.zeros(len(sums))], axis=1)
    found = clustered_difference(better, sums, ratio, seed=0)
    assert found.value == pytest.approx(0.1) and found.interval == pytest.approx((0.1, 0.1))
    assert found.p_value < 0.01
    same = clustered_difference(sums, sums, ratio, seed=0)
    assert same.value == 0 and same.p_value == 1
    with pytest.raises(InvalidSamples, match="the same clusters"):
        clustered_difference(sums, sums[1:], ratio, seed=0)


def test_what_is_not_defined_is_none_and_left_out_of_resamples():
    empty = np.zeros((5, 2))
    assert clustered_estimate(empty, ratio, seed=0) is None
    assert clustered_difference(empty, empty, ratio, seed=0) is None
    rare = np.concatenate([[[1.0, 1]], empty])
    assert clustered_estimate(rare, ratio, seed=0) is None  # one cluster says nothing of a spread
    assert clustered_difference(rare, rare - [[0.5, 0]] * (rare > 0), ratio, seed=0) is None
    few = np.concatenate([[[1.0, 1], [0, 1]], empty])
    found = clustered_estimate(few, ratio, seed=0)
    assert found.n == 2 and found.interval == (0, 1)
    assert clustered_difference(few, np.ones((7, 2)), ratio, seed=0).n == 2
    with pytest.raises(InvalidSamples, match="1 cluster"):
        clustered_estimate(rare[:1], ratio, seed=0)


def test_the_p_value_is_two_sided_and_never_zero():
    first = np.array([[3.0, 10], [4, 10], [6, 10], [7, 10], [9, 10], [2, 10]])
    second = np.tile([[5.0, 10]], (6, 1))
    found = clustered_difference(first, second, ratio, seed=0, resamples=999)
    counts = np.random.default_rng(0).multinomial(6, np.full(6, 1 / 6), size=999)
    draws = np.round(ratio(counts @ first) - 0.5, 12)
    side = min(np.sum(draws <= 0), np.sum(draws >= 0))
    assert side > 10 and found.p_value == pytest.approx(2 * (side + 1) / 1000)
    assert clustered_difference(second + np.array([1.0, 0]), second, ratio, seed=0, resamples=999).p_value == 2 / 1000
    back = clustered_difference(second, first, ratio, seed=0, resamples=999)
    assert back.p_value == found.p_value and back.value == -found.value


def test_rounding_takes_no_side_of_zero():
    sums = table()

    def dusty(summed):
        return ratio(summed) + 1e-16 * (np.asarray(summed[..., 2]) if summed.shape[-1] > 2 else 0)

    wide = np.concatenate([sums, np.full((len(sums), 1), 5.0)], axis=1)
    plain = np.concatenate([sums, np.zeros((len(sums), 1))], axis=1)
    assert dusty(wide.sum(axis=0)) != dusty(plain.sum(axis=0))
    found = clustered_difference(wide, plain, dusty, seed=0)
    assert found.value == 0 and found.interval == (0, 0) and found.p_value == 1


def test_parts_must_each_be_defined():
    two = np.stack([table(6), table(6, 1)], axis=1)  # two sets of answers to six clusters
    two[2:, 1] = 0
    found = clustered_estimate(two, lambda sums: np.nanmean(ratio(sums), axis=-1), seed=0)
    least = clustered_estimate(two, lambda sums: np.nanmean(ratio(sums), axis=-1), seed=0, parts=ratio)
    assert (found.n, least.n) == (6, 2)


def test_holm_is_the_rule_of_the_book():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.9]) == [1, 1] and holm([]) == []
    with pytest.raises(InvalidSamples, match="between 0 and 1"):
        holm([0.5, 1.2])
