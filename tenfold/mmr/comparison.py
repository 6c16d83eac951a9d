"""Totals and columns with intervals over images, models against each other, and how firm a ranking is.

Items of one image are drawn together: questions about one image are as alike as copies may be, and doubling every item
leaves an interval of a share as it is. Images are drawn within strata, those with questions of one task alone by that
task, the others together, so that resamples hold about as many items of each task as the set does. Points of a column
are divided by the possible points of the same resample before columns are added.

Legend:  N items · K images · C columns · M models · R resamples
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64

from tenfold.metrics.bootstrap import Estimate, resample_counts
from tenfold.metrics.clustered import (
    DECIMALS,
    RESAMPLES,
    Difference,
    cluster_sums,
    clustered_difference,
    clustered_estimate,
    holm,
)
from tenfold.metrics.intervals import CONFIDENCE
from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.items import ItemSet
from tenfold.mmr.scores import Scores, in_columns, possible
from tenfold.mmr.tasks import COLUMNS, TASKS, Column

Unit = Literal["points", "share"]
Scored = Scores | Float64[np.ndarray, "N 2"]
SEVERAL = "several"
LEAST_DIFFERING = 6  # images of a comparison: if all five favour one model, chance does so in 1 of 16 times, over 0.05


@dataclass(frozen=True)
class Comparison:
    """The difference of two models, the first less the second, and its p-value adjusted for all pairs (Holm 1979)."""

    first: str
    second: str
    difference: Difference
    adjusted: float


@dataclass(frozen=True)
class RankStability:
    """How firm an order of models is over resamples of images.

    ``order`` is that of the whole set, best first. ``tau`` is the mean of Kendall's τ between it and a resample's
    order, with the interval that holds 95 % of them; pairs that are level in the whole set are left out, and one that
    is level in a resample counts 0. ``kept`` is the share of resamples with the very same order, ``first_kept`` with
    the same best model.
    """

    order: tuple[str, ...]
    tau: float
    interval: tuple[float, float]
    kept: float
    first_kept: float
    resamples: int


def estimate(
    scored: Scored,
    items: ItemSet,
    *,
    columns: Sequence[Column] = COLUMNS,
    unit: Unit = "points",
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate | None:
    """Return the points of some columns with their interval over images; None where only one image has such items.

    In "points" columns add up, as in the benchmark's total; as "share" each counts the same, 0 to 1, and those without
    items are left out. ``n`` of the estimate counts images. Raises InvalidPredictions for points that do not belong to
    the items, columns that none of them has, or another unit; InvalidSamples for a set with fewer than two images.
    """
    sums, strata = _sums([scored], items)
    return clustered_estimate(sums, _statistic(items, columns, unit), seed=seed, strata=strata, resamples=resamples)


def column_estimates(scored: Scored, items: ItemSet, *, seed: int = 0) -> dict[Column, Estimate | None]:
    """Return the points of each column that has items, with intervals over images. Raises as ``estimate``."""
    present = [column for column, most in possible(items).items() if most]
    return {column: estimate(scored, items, columns=[column], seed=seed) for column in present}


def compare(
    first: Scored,
    second: Scored,
    items: ItemSet,
    *,
    columns: Sequence[Column] = COLUMNS,
    unit: Unit = "points",
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference | None:
    """Return the points of one model less those of another on the same items, paired, with interval and p-value.

    Both are resampled together, by image. None where fewer than ``LEAST_DIFFERING`` images have other points: resamples
    of so few say nothing of chance. Raises as ``estimate``.
    """
    if differing(first, second, items, columns=columns, unit=unit) < LEAST_DIFFERING:
        return None
    (one, strata), (other, _) = _sums([first], items), _sums([second], items)
    return clustered_difference(
        one, other, _statistic(items, columns, unit), seed=seed, strata=strata, resamples=resamples
    )


def differing(
    first: Scored, second: Scored, items: ItemSet, *, columns: Sequence[Column] = COLUMNS, unit: Unit = "points"
) -> int:
    """Return how many images one model has more or fewer points of than another. Raises as ``estimate``."""
    sums, _ = _sums([first, second], items)
    most = np.maximum(1, list(possible(items).values()))
    apart = ((sums[:, 0] - sums[:, 1]) * _weights(items, columns, unit) / most).sum(axis=-1)
    return int(np.count_nonzero(np.round(apart, DECIMALS)))


def compare_all(
    models: Mapping[str, Scored],
    items: ItemSet,
    *,
    columns: Sequence[Column] = COLUMNS,
    unit: Unit = "points",
    seed: int = 0,
) -> list[Comparison]:
    """Return every pair of models compared, in the mapping's order, p-values adjusted for the number of all pairs.

    Pairs that ``compare`` gives None for are left out, and count in the adjustment. Raises as ``estimate``.
    """
    found = [
        (one, other, compare(models[one], models[other], items, columns=columns, unit=unit, seed=seed))
        for one, other in combinations(models, 2)
    ]
    known = [(one, other, difference) for one, other, difference in found if difference is not None]
    adjusted = holm([1.0 if one is None else one.p_value for _, _, one in found]) if found else []
    adjusted = [value for value, (_, _, one) in zip(adjusted, found, strict=True) if one is not None]
    return [Comparison(*pair, value) for pair, value in zip(known, adjusted, strict=True)]


def rank_stability(
    models: Mapping[str, Scored],
    items: ItemSet,
    *,
    columns: Sequence[Column] = COLUMNS,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> RankStability:
    """Return how firm the order of two or more models by their points is over resamples of images.

    Raises InvalidPredictions for fewer than two models, and as ``estimate`` does.
    """
    if len(models) < 2:
        raise InvalidPredictions(f"{len(models)} model(s) have no order: give two or more")
    names = list(models)
    sums, strata = _sums([models[name] for name in names], items)  # (K, M + 1, C)
    statistic = _totals(_weights(items, columns, "points"))
    whole = statistic(sums.sum(axis=0))  # (M,)
    generator, drawn = np.random.default_rng(seed), np.zeros((resamples, *sums.shape[1:]))
    for stratum in np.unique(strata):
        own = sums[strata == stratum]
        drawn += np.tensordot(resample_counts(len(own), resamples, generator), own, axes=1)
    totals = statistic(drawn)  # (R, M)
    upper, lower = np.triu_indices(len(names), 1)
    signs = np.sign(whole[upper] - whole[lower])
    agreeing = np.sign(np.round(totals[:, upper] - totals[:, lower], 9)) * signs  # (R, pairs)
    pairs = int(np.count_nonzero(signs))
    taus = agreeing.sum(axis=1) / pairs if pairs else np.zeros(resamples)
    order = sorted(range(len(names)), key=lambda place: -whole[place])
    tails = (1 - CONFIDENCE) / 2
    low, high = np.quantile(taus, [tails, 1 - tails])
    return RankStability(
        tuple(names[place] for place in order),
        float(taus.mean()),
        (float(low), float(high)),
        float(np.mean(taus == 1)),
        float(np.mean(totals.argmax(axis=1) == order[0])),
        resamples,
    )


def kendall_tau(one: Mapping[str, float], other: Mapping[str, float]) -> float | None:
    """Return Kendall's τ-b between two totals of the same models; None where one of them ranks nobody.

    Raises InvalidPredictions unless both name the same models, two at least.
    """
    from scipy.stats import kendalltau

    if set(one) != set(other) or len(one) < 2:
        raise InvalidPredictions(
            f"orders of the same two models or more are compared, not of {list(one)} and {list(other)}"
        )
    tau = float(kendalltau([one[name] for name in one], [other[name] for name in one]).statistic)
    return None if np.isnan(tau) else tau


def chance_corrected(
    scored: Scored,
    chance: Scored,
    items: ItemSet,
    *,
    columns: Sequence[Column],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate | None:
    """Return (share − share by chance) / (1 − share by chance) of columns pooled, with its interval over images.

    ``chance`` are the points of a model that does not look, such as one constant box: 0 is no better than it, 1 is all
    points, and less than 0 is worse. None where chance has all points. Raises as ``estimate``.
    """
    sums, strata = _sums([scored, chance], items)
    _weights(items, columns, "points")
    chosen = [COLUMNS.index(column) for column in columns]

    def corrected(totals: Any) -> Any:
        own, by_chance, most = np.moveaxis(totals[..., chosen].sum(axis=-1), -1, 0)
        return np.divide(own - by_chance, most - by_chance, out=np.full(most.shape, np.nan), where=most > by_chance)

    def has_items(totals: Any) -> Any:
        return np.where(totals[..., -1, chosen].sum(axis=-1) > 0, 1.0, np.nan)

    return clustered_estimate(sums, corrected, seed=seed, strata=strata, resamples=resamples, parts=has_items)


def strata_of(items: ItemSet) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a set in order (K,), and the stratum of each (K,): its only task, or "several".

    A task that one image alone has to itself is no stratum; that image is among the others.
    """
    images, place = np.unique(items.images, return_inverse=True)
    table = np.zeros((len(images), len(TASKS)), dtype=bool)
    table[place, [TASKS.index(task) for task in items.tasks]] = True
    strata = np.where(table.sum(axis=1) == 1, np.array(TASKS)[table.argmax(axis=1)], SEVERAL)
    names, counts = np.unique(strata, return_counts=True)
    return images, np.where(np.isin(strata, names[counts < 2]), SEVERAL, strata)


def _sums(scored: Sequence[Scored], items: ItemSet) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of each model by image and column, possible points last (K, M + 1, C), and strata (K,)."""
    tables = []
    for one in scored:
        if isinstance(one, Scores) and one.items.rows != items.rows:
            raise InvalidPredictions(f"scores of {one.items.name} are no scores of the items of {items.name}")
        tables.append(in_columns(items, one.points if isinstance(one, Scores) else one))
    tables.append(in_columns(items, np.ones((len(items), 2))))
    flat = cluster_sums(items.images, np.concatenate(tables, axis=1))
    return flat.reshape(len(flat), len(tables), len(COLUMNS)), strata_of(items)[1]


def _weights(items: ItemSet, columns: Sequence[Column], unit: str) -> np.ndarray:
    """Return what a share of each column is multiplied with before columns are added, (C,)."""
    most = possible(items)
    wrong = [column for column in columns if column not in most]
    if wrong or not any(most[column] for column in columns):
        raise InvalidPredictions(f"{items.name} has no item in the columns {list(columns)}")
    if unit not in ("points", "share"):
        raise InvalidPredictions(f"unit {unit!r} is none of points, share")
    present = np.array([most[column] if column in columns else 0 for column in COLUMNS], dtype=np.float64)
    return present if unit == "points" else (present > 0) / np.count_nonzero(present)


def _totals(weights: np.ndarray) -> Callable[[Any], Any]:
    """Return the function from sums (*R, M + 1, C) to weighted shares (*R, M), NaN where no column has items.

    A column that a resample happens to hold no item of leaves its weight to the others.
    """

    def totals(sums: Any) -> Any:
        points, most = sums[..., :-1, :], sums[..., -1:, :]
        share = np.divide(points, most, out=np.zeros(points.shape), where=most > 0)
        known = ((most > 0) * weights).sum(axis=-1)
        found = (share * weights).sum(axis=-1) * weights.sum()
        return np.divide(found, known, out=np.full(found.shape, np.nan), where=known > 0)

    return totals


def _statistic(items: ItemSet, columns: Sequence[Column], unit: str) -> Callable[[Any], Any]:
    totals = _totals(_weights(items, columns, unit))
    return lambda sums: totals(sums)[..., 0]
