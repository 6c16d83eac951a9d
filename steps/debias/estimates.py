"""Bias and accuracy of protocols, what protocols differ by, and their intervals over templates.

A protocol in which an agent stands out (``single:a0``, ``centralized:a1`` …) counts as the mean over its agents, every
resample of templates with all of them. The *control* is the least biased of `CONTROLS`, chosen anew in every resample,
so that the choice is part of the interval.

Legend:  K templates · S sets of answers · R resamples · C counts of one condition
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from steps.debias.answer_sets import AnswerSets
from tenfold.debias.scores import STATISTICS
from tenfold.metrics.bootstrap import Estimate, resample_counts
from tenfold.metrics.clustered import RESAMPLES, Difference, clustered_difference, clustered_estimate, holm

SINGLE, DECENTRALIZED, CENTRALIZED, VOTE = "single", "decentralized", "centralized", "vote"
CONTROLS = ("self_refine", "self_consistency", "silent", "shuffled_peers")  # with as many calls as a conversation
CONTROL = "best control"
SEED = 0  # of the resamples: the same templates are drawn for all that is compared
SCALES = {"s_amb": 100.0, "s_dis": 100.0}  # bias scores are printed ×100
DECIMALS = 9  # of all values: what lies beyond is rounding, and must not decide whether a value is at least zero
UNITS = {"s_amb": "points of bias", "s_dis": "points of bias"}


@dataclass(frozen=True)
class Named:
    """The columns of a table of counts, by the name of what is averaged."""

    labels: list[str]
    columns: dict[str, list[int]]


def named(sets: AnswerSets, names: Sequence[str]) -> Named | None:
    """Return the sets that stand for protocols or labels; None where one has no answers. CONTROL means all of them."""
    labels: list[str] = []
    columns: dict[str, list[int]] = {}
    for name in names:
        controls = [control for control in CONTROLS if sets.labels(control)] if name == CONTROL else []
        for part in controls or [name]:
            own = [part] if part in sets.answers else sets.labels(part)
            if not own:
                return None
            columns[part] = list(range(len(labels), len(labels) + len(own)))
            labels += own
    return Named(labels, columns)


def values_of(found: Named, name: str, values: Any) -> Any:
    """Return the mean (*R,) of the sets (*R, S) that stand for a name; of CONTROL the least mean of a control."""
    if name != CONTROL:
        return values[..., found.columns[name]].mean(axis=-1)
    means = [values[..., found.columns[control]].mean(axis=-1) for control in CONTROLS if control in found.columns]
    return np.fmin.reduce(means)


def score_of(sets: AnswerSets, name: str, statistic: str) -> Estimate | None:
    """Return a statistic of a protocol, a label or CONTROL, over templates; None where it cannot be had."""
    return _estimate(sets, [name], statistic, lambda of: of(name))


def difference(sets: AnswerSets, first: str, second: str, statistic: str) -> Estimate | None:
    """Return the statistic of ``first`` less that of ``second``, paired by template; None where it cannot be had."""
    return _estimate(sets, [first, second], statistic, lambda of: of(first) - of(second))


def draws(sets: AnswerSets, name: str, statistic: str) -> Float[np.ndarray, " R"]:
    """Return the statistic in each resample of templates, NaN where it is not defined; none where there is no set."""
    found = named(sets, [name])
    if found is None:
        return np.empty(0)
    counts = sets.counts(found.labels)
    weights = resample_counts(len(counts), RESAMPLES, np.random.default_rng(SEED))  # (R, K)
    sums = (weights @ counts.reshape(len(counts), -1)).reshape(RESAMPLES, *counts.shape[1:])  # (R, S, 2, C)
    return np.round(SCALES.get(statistic, 1.0) * values_of(found, name, STATISTICS[statistic](sums)), DECIMALS)


@dataclass(frozen=True)
class GroupDifference:
    """What two protocols differ by in one group, over templates, and the p-value by Holm's rule over all groups."""

    group: str
    first: float
    second: float
    difference: Difference
    adjusted_p_value: float


def group_differences(sets: AnswerSets, first: str, second: str, statistic: str) -> list[GroupDifference]:
    """Return the statistic of ``first`` less that of ``second`` in each group of two or more templates.

    Groups where it is not defined are left out. CONTROL is the least biased control in all groups together.
    """
    first, second = (least_biased_control(sets) if name == CONTROL else name for name in (first, second))
    pair = [named(sets, [name]) for name in (first, second)]
    if None in pair:
        return []
    rows = []
    for group in np.unique(sets.items.groups):
        own = sets.only(sets.items.groups == group)
        tables = [own.counts(found.labels) for found in pair if found is not None]
        if len(tables[0]) < 2:
            continue
        wide = np.lcm(*(table.shape[1] for table in tables))  # tables of one shape: each set as often as the others
        tables = [table.repeat(wide // table.shape[1], axis=1) for table in tables]

        def mean(sums: Any) -> Any:
            return np.round(SCALES.get(statistic, 1.0) * STATISTICS[statistic](sums).mean(axis=-1), DECIMALS)

        found = clustered_difference(tables[0], tables[1], mean, seed=SEED, parts=STATISTICS[statistic])
        if found is not None:
            of_first, of_second = (float(mean(table.sum(axis=0))) for table in tables)
            rows.append(GroupDifference(str(group), of_first, of_second, found, found.p_value))
    adjusted = holm([row.difference.p_value for row in rows])
    return [replace(row, adjusted_p_value=p_value) for row, p_value in zip(rows, adjusted, strict=True)]


def least_biased_control(sets: AnswerSets) -> str:
    """Return the control with the least bias score over all questions; CONTROL itself where there is none."""
    scores = {name: found.value for name in CONTROLS if (found := score_of(sets, name, "s_amb")) is not None}
    return min(scores, key=scores.__getitem__) if scores else CONTROL


def _estimate(
    sets: AnswerSets, names: Sequence[str], statistic: str, combined: Callable[[Callable[[str], Any]], Any]
) -> Estimate | None:
    found = named(sets, names)
    if found is None or len(np.unique(sets.items.templates)) < 2:
        return None
    scale, of_counts = SCALES.get(statistic, 1.0), STATISTICS[statistic]
    controls = CONTROLS if CONTROL in names else ()

    def value(sums: Any) -> Any:
        values = scale * of_counts(sums)
        return np.round(combined(lambda name: values_of(found, name, values)), DECIMALS)

    def parts(sums: Any) -> Any:
        """Return every set's values, and those of CONTROL, which any control defines."""
        values = of_counts(sums)
        of_sets = [values[..., found.columns[name]] for name in found.columns if name not in controls]
        least = [values_of(found, CONTROL, values)[..., None]] if controls else []
        return np.concatenate([*of_sets, *least], axis=-1)

    counts = sets.counts(found.labels)
    if np.isnan(value(counts.sum(axis=0))):
        return None
    return clustered_estimate(counts, value, seed=SEED, parts=parts)
