"""Bias scores with intervals over templates, and what two sets of answers to the same questions differ by.

Templates are drawn within their category: which categories there are is given, and no interval is about other ones.

Legend:  N questions · G groups · K templates
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from tenfold.debias.items import Items
from tenfold.debias.scores import STATISTICS, Unparsed, checked, count
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.clustered import RESAMPLES, Difference, clustered_difference, clustered_estimate, holm


@dataclass(frozen=True)
class GroupDifference:
    """What two sets of answers differ by in one group, with the p-value adjusted for the number of groups."""

    difference: Difference | None
    adjusted_p_value: float | None


def estimate_score(
    items: Items,
    answers: Int[np.ndarray, " N"],
    statistic: str,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    unparsed: Unparsed = "wrong",
) -> Estimate | None:
    """Return one of ``STATISTICS`` with its interval over templates.

    None where the score is not defined, or where one template cannot give an interval.
    Raises InvalidAnswers.
    """
    names, counts = count(items, answers, items.templates, unparsed=unparsed)
    if len(counts) < 2:
        return None
    return clustered_estimate(counts, STATISTICS[statistic], seed=seed, strata=_categories(names), resamples=resamples)


def estimate_groups(
    items: Items,
    answers: Int[np.ndarray, " N"],
    statistic: str,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    unparsed: Unparsed = "wrong",
) -> dict[str, Estimate | None]:
    """Return ``estimate_score`` of each group's questions."""
    answers = checked(items, answers)
    found = {}
    for group in np.unique(items.groups):
        chosen = items.groups == group
        own = items.only(chosen)
        found[str(group)] = estimate_score(
            own, answers[chosen], statistic, seed=seed, resamples=resamples, unparsed=unparsed
        )
    return found


def compare(
    items: Items,
    first: Int[np.ndarray, " N"],
    second: Int[np.ndarray, " N"],
    statistic: str,
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> Difference | None:
    """Return a score of ``first`` less that of ``second`` on the same questions, paired by template.

    None where either is not defined, or where one template cannot give an interval. Raises InvalidAnswers.
    """
    (names, one), (_, other) = (count(items, answers, items.templates) for answers in (first, second))
    if len(names) < 2:
        return None
    return clustered_difference(
        one, other, STATISTICS[statistic], seed=seed, strata=_categories(names), resamples=resamples
    )


def compare_groups(
    items: Items,
    first: Int[np.ndarray, " N"],
    second: Int[np.ndarray, " N"],
    statistic: str,
    *,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, GroupDifference]:
    """Return ``compare`` of each group, with p-values that Holm's rule adjusts over the groups that have one."""
    first, second = checked(items, first), checked(items, second)
    found = {}
    for group in np.unique(items.groups):
        chosen = items.groups == group
        found[str(group)] = compare(
            items.only(chosen), first[chosen], second[chosen], statistic, seed=seed, resamples=resamples
        )
    known = {group: one.p_value for group, one in found.items() if one is not None}
    adjusted = dict(zip(known, holm(list(known.values())), strict=True))
    return {group: GroupDifference(one, adjusted.get(group)) for group, one in found.items()}


def _categories(templates: np.ndarray) -> np.ndarray | None:
    """Return the category of each template, which its name begins with; None where one has a single template.

    A stratum of one would be drawn without any spread.
    """
    found = np.array([name.rpartition("/")[0] for name in templates.tolist()], dtype=str)
    return found if np.unique(found, return_counts=True)[1].min() > 1 else None
