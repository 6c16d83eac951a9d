"""Bias and accuracy of protocols, what protocols differ by, and their intervals over seeds and templates.

A statistic is taken of each seed's own test questions, and averaged over seeds. A seed is a fold of the templates and a
training of its own; what seeds differ by is in Student's interval over them, which is widened, if need be, to hold that
of a bootstrap over templates, drawn for all seeds at once. One seed has the latter alone. Neither covers what all seeds
share: the rate of deliberation, which one seed chose, the widths, which agent is fair in which group, the associations.
The folds share templates, in tests and in trainings, so that seeds are not independent, and three of them leave
Student's interval without a coverage that could be guaranteed: it is conditional on all that.

A protocol in which an agent stands out (``single:a0``, ``centralized:a1`` …) counts as the mean over its agents, every
resample of templates with all of them. The *control* is the least biased of `CONTROLS`, the *best single* agent the
least biased of those alone, chosen anew in every seed and resample, so that the choice is part of the interval.

Least biased is whoever has the least |s_AMB|: a score below 0 is a bias, too. Differences of bias are of |s_AMB| of
each set of answers, then of means over sets; s_AMB is 0, not undefined, where every ambiguous answer is right.

Legend:  K templates · Z seeds · S sets of answers · R resamples · C counts of one condition
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from steps.debias.answer_sets import VARIED, AnswerSets
from tenfold.debias.scores import AMB, STATISTICS, bias_amb, preference
from tenfold.metrics.bootstrap import Estimate, resample_counts
from tenfold.metrics.clustered import RESAMPLES, Difference, clustered_difference, clustered_estimate, holm
from tenfold.metrics.intervals import student

SINGLE, DECENTRALIZED, CENTRALIZED, VOTE = "single", "decentralized", "centralized", "vote"
CONTROLS = ("self_refine", "self_consistency", "silent", "shuffled_peers")  # with as many calls as a conversation
CONTROL, BEST_SINGLE = "best control", "best single"
ASKED_AGAIN, GOLD, GOLD_AGAIN = ("self_refine", "silent"), "gold", "gold asked again"
BIAS, MAGNITUDE, PREFERENCE = "s_amb", "abs_s_amb", "preference"
SEED = 0  # of the resamples: the same templates are drawn for all that is compared
SCALES = dict.fromkeys((BIAS, MAGNITUDE, PREFERENCE, "s_dis"), 100.0)  # bias scores are printed ×100
LEAST_TEMPLATES = 10  # for a p-value: of fewer, few resamples differ, and their share is no probability
DECIMALS = 9  # of all values: what lies beyond is rounding, and must not decide whether a value is at least zero
UNITS = dict.fromkeys(SCALES, "points of bias")
OF_COUNTS: dict[str, Callable[[Any], Any]] = {
    **STATISTICS,
    BIAS: bias_amb,
    MAGNITUDE: lambda counts: np.abs(bias_amb(counts)),
    PREFERENCE: lambda counts: preference(counts, AMB),
}


@dataclass(frozen=True)
class Named:
    """The columns of a table of counts, by name: one row of columns to average, or several to choose among."""

    labels: list[str]
    columns: dict[str, list[list[int]]]


def named(sets: AnswerSets, names: Sequence[str]) -> Named | None:
    """Return the sets that stand for protocols or labels; None where one has no answers.

    CONTROL stands for all controls, BEST_SINGLE for every agent alone, GOLD_AGAIN for the two protocols in which agents
    of the target ``gold`` are asked again and hear of nobody; with ``@rounds=2`` behind it for those of that ablation.
    """
    labels: list[str] = []
    columns: dict[str, list[list[int]]] = {}
    for name in names:
        columns[name] = []
        for own in _candidates(sets, name):
            columns[name].append(list(range(len(labels), len(labels) + len(own))))
            labels += own
        if not columns[name]:
            return None
    return Named(labels, columns)


def _candidates(sets: AnswerSets, name: str) -> list[list[str]]:
    stem, at, varied = name.partition(VARIED)
    match stem:
        case _ if stem == CONTROL:
            found = [sets.labels(f"{control}{at}{varied}") for control in CONTROLS]
        case _ if name == BEST_SINGLE:
            found = [[label] for label in sets.labels(SINGLE)]
        case _ if name == GOLD_AGAIN:
            found = [sets.labels(f"{control}{VARIED}{GOLD}") for control in ASKED_AGAIN]
        case _:
            found = [[name] if name in sets.answers else sets.labels(name)]
    return [own for own in found if own]


def values_of(found: Named, name: str, statistic: str, sums: Any) -> Any:
    """Return a statistic (*R,) of what a name stands for, of summed counts (*R, S, 2, C): the mean over its sets.

    Among several candidates it is that of the one with the least mean |s_AMB|, one without a score coming last.
    """
    values, candidates = SCALES.get(statistic, 1.0) * OF_COUNTS[statistic](sums), found.columns[name]
    means = np.stack([values[..., own].mean(axis=-1) for own in candidates])
    if len(candidates) == 1:
        return means[0]
    sizes = OF_COUNTS[MAGNITUDE](sums)
    least = np.stack([sizes[..., own].mean(axis=-1) for own in candidates])
    chosen = np.where(np.isnan(least), np.inf, least).argmin(axis=0)
    return np.take_along_axis(means, chosen[None], axis=0)[0]


def score_of(sets: AnswerSets, name: str, statistic: str) -> Estimate | None:
    """Return a statistic of a protocol, a label, CONTROL or BEST_SINGLE; None where a seed lacks it."""
    return _estimate(sets, [name], statistic, lambda of: of(name))


def difference(sets: AnswerSets, first: str, second: str, statistic: str) -> Estimate | None:
    """Return the statistic of ``first`` less that of ``second``, paired; None where a seed lacks it."""
    return _estimate(sets, [first, second], statistic, lambda of: of(first) - of(second))


def draws(sets: AnswerSets, name: str, statistic: str) -> Float[np.ndarray, " R"]:
    """Return the mean over seeds in each resample of templates, NaN where it is not defined; none without a set."""
    found = named(sets, [name])
    if found is None:
        return np.empty(0)
    counts = sets.counts_by_seed(found.labels)
    weights = resample_counts(len(counts), RESAMPLES, np.random.default_rng(SEED))  # (R, K)
    sums = (weights @ counts.reshape(len(counts), -1)).reshape(RESAMPLES, *counts.shape[1:])  # (R, Z, S, 2, C)
    return np.round(values_of(found, name, statistic, sums).mean(axis=-1), DECIMALS)


def differences_by_seed(sets: AnswerSets, first: str, second: str, statistic: str) -> list[float]:
    """Return the statistic of ``first`` less that of ``second`` of each seed, NaN without one; none without answers."""
    found = named(sets, [first, second])
    if found is None:
        return []
    sums = sets.counts_by_seed(found.labels).sum(axis=0)  # (Z, S, 2, C)
    values = [values_of(found, name, statistic, sums) for name in (first, second)]
    return [float(value) for value in np.round(values[0] - values[1], DECIMALS)]


def gold_beside(sets: AnswerSets, gold: AnswerSets | None) -> AnswerSets:
    """Return the sets with those of GOLD_AGAIN, of agents of the target ``gold`` that were asked the same questions."""
    if gold is None or [item.key for item in gold.items.rows] != [item.key for item in sets.items.rows]:
        return sets
    labels = [label for control in ASKED_AGAIN for label in gold.labels(control)]
    return replace(sets, answers=sets.answers | {f"{label}{VARIED}{GOLD}": gold.answers[label] for label in labels})


@dataclass(frozen=True)
class GroupDifference:
    """What two protocols differ by in one group, over templates, and the p-value by Holm's rule over all groups.

    NaN in groups of fewer than LEAST_TEMPLATES.
    """

    group: str
    first: float
    second: float
    difference: Difference
    adjusted_p_value: float


def group_differences(sets: AnswerSets, first: str, second: str, statistic: str) -> list[GroupDifference]:
    """Return the statistic of ``first`` less that of ``second`` in each group of two or more templates.

    Counts of all seeds are pooled: what trainings differ by is not in these intervals and p-values. Groups where it is
    not defined are left out. CONTROL is the least biased control in all groups together.
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
            return np.round(SCALES.get(statistic, 1.0) * OF_COUNTS[statistic](sums).mean(axis=-1), DECIMALS)

        found = clustered_difference(tables[0], tables[1], mean, seed=SEED, parts=OF_COUNTS[statistic])
        if found is not None:
            of_first, of_second = (float(mean(table.sum(axis=0))) for table in tables)
            rows.append(GroupDifference(str(group), of_first, of_second, found, found.p_value))
    enough = [row.difference.n >= LEAST_TEMPLATES for row in rows]
    adjusted = adjusted_p_values(
        [row.adjusted_p_value if kept else np.nan for row, kept in zip(rows, enough, strict=True)]
    )
    return [replace(row, adjusted_p_value=p_value) for row, p_value in zip(rows, adjusted, strict=True)]


def adjusted_p_values(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's rule for the number of those that are known, NaN where one is not."""
    known = ~np.isnan(np.asarray(p_values, dtype=float))
    found = np.full(len(p_values), np.nan)
    found[known] = holm(np.asarray(p_values, dtype=float)[known].tolist())
    return [float(value) for value in found]


def least_biased_control(sets: AnswerSets) -> str:
    """Return the control with the least |s_AMB| over all questions; CONTROL itself where there is none."""
    scores = {name: found.value for name in CONTROLS if (found := score_of(sets, name, MAGNITUDE)) is not None}
    return min(scores, key=scores.__getitem__) if scores else CONTROL


def _estimate(
    sets: AnswerSets, names: Sequence[str], statistic: str, combined: Callable[[Callable[[str], Any]], Any]
) -> Estimate | None:
    found = named(sets, names)
    if found is None or len(np.unique(sets.items.templates)) < 2:
        return None

    def of_seeds(sums: Any) -> Any:
        """Return the value of each seed, (*R, Z), of summed counts (*R, Z, S, 2, C)."""
        return np.round(combined(lambda name: values_of(found, name, statistic, sums)), DECIMALS)

    def parts(sums: Any) -> Any:
        """Return the values of each name, as each has to be defined, all seeds together."""
        pooled = sums.sum(axis=-4)
        return np.stack([values_of(found, name, statistic, pooled) for name in found.columns], axis=-1)

    return estimate_over_seeds(sets.counts_by_seed(found.labels), of_seeds, parts)


def estimate_over_seeds(
    counts: Float[np.ndarray, "K Z *C"], of_seeds: Callable[[Any], Any], parts: Callable[[Any], Any]
) -> Estimate | None:
    """Return the mean over seeds of a statistic, with the outer ends of its two intervals, as this module's head says.

    ``of_seeds`` maps summed counts (*R, Z, *C) to the value of each seed, (*R, Z). None where a seed has no value, or
    fewer than two templates define one of its ``parts``, as ``clustered_estimate`` says.
    """

    def mean(sums: Any) -> Any:
        return np.round(of_seeds(sums).mean(axis=-1), DECIMALS)

    values = of_seeds(counts.sum(axis=0))
    if np.isnan(values).any():
        return None
    found = clustered_estimate(counts, mean, seed=SEED, parts=parts)
    between = student(values.tolist())
    if found is None or between is None:  # one seed, or seeds that are equal
        return found
    ends = zip(found.interval, between, strict=True)
    low, high = (pick(pair) for pick, pair in zip((min, max), ends, strict=True))
    return replace(found, interval=(low, high))
