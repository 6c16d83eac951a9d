"""Bootstrap intervals of statistics of sums, clustered: what shares a template or a page is drawn together.

A statistic is a function of summed columns, such as a ratio of two counts. Items are first summed by cluster; a
resample draws clusters with replacement and sums their rows, all resamples in one matrix product. Items of one cluster
may be as alike as copies: doubling every item leaves the interval as it is.

Legend:  N items · K clusters · C columns · R resamples
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from tenfold.metrics.bootstrap import Estimate, InvalidSamples, resample_counts
from tenfold.metrics.intervals import CONFIDENCE

RESAMPLES = 2000
DECIMALS = 12  # of differences between resamples: what lies beyond is rounding, and takes no side of zero
Statistic = Callable[[Any], Any]  # sums (*R, …) → values (*R,), NaN where it is not defined


@dataclass(frozen=True)
class Difference(Estimate):
    """A paired difference with its interval over ``n`` clusters that define it, and its two-sided p-value."""

    p_value: float


def cluster_sums(clusters: np.ndarray, columns: Float[np.ndarray, "N C"]) -> Float[np.ndarray, "K C"]:
    """Return the sums of columns over the items of each cluster; ``clusters`` (N,) names the cluster of each item.

    Raises InvalidSamples unless there is one name per item.
    """
    table = np.asarray(columns, dtype=float)
    names, place = np.unique(clusters, return_inverse=True)
    if table.ndim != 2 or len(table) != len(place):
        raise InvalidSamples(f"columns of shape {table.shape} need one cluster per row, not {len(place)}")
    sums = [np.bincount(place, weights=column, minlength=len(names)) for column in table.T]
    return np.stack(sums, axis=1)


def clustered_estimate(
    sums: np.ndarray,
    statistic: Statistic,
    *,
    seed: int,
    strata: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    parts: Statistic | None = None,
) -> Estimate | None:
    """Return a statistic of all sums with its percentile interval over clusters; None where it is not defined.

    Its ``n`` counts the clusters whose own sums define the statistic, or the least often defined of its ``parts``
    (sums (K, …) → (K, P)): fewer than two give no interval, and None.

    ``sums`` (K, …) has one row of counts per cluster. ``strata`` (K,) names the stratum of each cluster, where strata
    are given and not drawn, such as the categories of a benchmark: each keeps its number of clusters. Resamples in
    which the statistic is not defined are left out.
    Raises InvalidSamples for fewer than two clusters, or if no resample defines the statistic.
    """
    value = float(statistic(sums.sum(axis=0)))
    draws = statistic(_resampled(sums, strata, seed, resamples))
    n = _defining(sums, parts or statistic)
    return None if np.isnan(value) or n < 2 else Estimate(value, _interval(draws), n)


def clustered_difference(
    first: np.ndarray,
    second: np.ndarray,
    statistic: Statistic,
    *,
    seed: int,
    strata: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    parts: Statistic | None = None,
) -> Difference | None:
    """Return the statistic of ``first`` less that of ``second``, on the same clusters in the same order.

    Every resample draws the same clusters for both. The p-value is twice the smaller share of resamples on one side of
    zero, each share with one resample added. None where either statistic is not defined, or is by fewer than two
    clusters; ``n`` is the smaller of their two numbers, ``parts`` as in ``clustered_estimate``.
    Raises InvalidSamples for tables of different shapes, and as ``clustered_estimate`` does.
    """
    if first.shape != second.shape:
        raise InvalidSamples(f"two sets of answers need the same clusters, not {first.shape} and {second.shape}")
    value = float(np.round(statistic(first.sum(axis=0)) - statistic(second.sum(axis=0)), DECIMALS))
    draws = statistic(_resampled(first, strata, seed, resamples)) - statistic(
        _resampled(second, strata, seed, resamples)
    )
    draws = np.round(draws, DECIMALS)
    n = min(_defining(sums, parts or statistic) for sums in (first, second))
    if np.isnan(value) or n < 2:
        return None
    interval, kept = _interval(draws), draws[~np.isnan(draws)]
    sides = (1 + np.count_nonzero(kept <= 0), 1 + np.count_nonzero(kept >= 0))
    return Difference(value, interval, n, float(min(1.0, 2 * min(sides) / (1 + len(kept)))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979): rejecting those below α keeps the family's error at α.

    Raises InvalidSamples for a value outside [0, 1].
    """
    values = np.asarray(p_values, dtype=float)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise InvalidSamples(f"p-values must be a row of numbers between 0 and 1, not {p_values!r}")
    order = np.argsort(values, kind="stable")
    scaled = values[order] * (len(values) - np.arange(len(values)))
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return [float(value) for value in adjusted]


def _resampled(sums: np.ndarray, strata: np.ndarray | None, seed: int, resamples: int) -> np.ndarray:
    """Return the summed columns of each resample, (R, …)."""
    if len(sums) < 2:
        raise InvalidSamples(f"{len(sums)} cluster(s): an interval over clusters needs two or more")
    names, place = np.unique(np.zeros(len(sums)) if strata is None else strata, return_inverse=True)
    if place.shape != (len(sums),):
        raise InvalidSamples(f"strata of shape {place.shape} must name the stratum of each of {len(sums)} clusters")
    generator, total = np.random.default_rng(seed), np.zeros((resamples, *sums.shape[1:]))
    for stratum in range(len(names)):
        own = sums[place == stratum].astype(float)
        counts = resample_counts(len(own), resamples, generator)  # (R, K)
        total += (counts @ own.reshape(len(own), -1)).reshape(total.shape)
    return total


def _defining(sums: np.ndarray, statistic: Statistic) -> int:
    """Return how many clusters define a statistic by themselves; of several, the least."""
    defined = ~np.isnan(np.asarray(statistic(sums), dtype=float)).reshape(len(sums), -1)
    return int(np.count_nonzero(defined, axis=0).min())


def _interval(draws: Float[np.ndarray, " R"]) -> tuple[float, float]:
    defined = draws[~np.isnan(draws)]
    if not len(defined):
        raise InvalidSamples("the statistic is defined in no resample")
    tails = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tails, 1 - tails])
    return float(low), float(high)
