"""Parts of a set of questions: so many per group, splits that share no template, and the hard ones.

Legend:  N questions · K agents
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from jaxtyping import Bool, Int

from tenfold.debias.errors import InvalidAnswers, NoQuestions
from tenfold.debias.items import Items

SPLITS = ("train", "deliberation", "test")


def limit_per_group(items: Items, limit: int, *, seed: int) -> Items:
    """Return at most ``limit`` questions of each group, as evenly as can be from template, polarity and condition.

    Templates take turns in a random order, and each turn of a template is at its next stratum: a limit of as many
    questions as there are templates has one of each, all four strata alike. The first N rows of a file would be of one
    category. The order of the questions is kept.
    Raises NoQuestions for a limit below 1 or no questions.
    """
    if limit < 1 or not len(items):
        raise NoQuestions(f"a limit of {limit} per group leaves none of {len(items)} questions; give 1 or more")
    order = np.random.default_rng(seed).permutation(len(items))
    strata: dict[str, dict[str, dict[tuple[str | None, str | None], list[int]]]] = {}
    for place in order:
        item = items.rows[place]
        of_template = strata.setdefault(item.group, {}).setdefault(item.template, {})
        of_template.setdefault((item.polarity, item.condition), []).append(int(place))
    chosen: list[int] = []
    for group in sorted(strata):
        turns = [_turns(number, template) for number, template in enumerate(strata[group].values())]
        chosen += [place for turn in zip_longest(*turns) for place in turn if place is not None][:limit]
    return items.only(sorted(chosen))


def _turns(number: int, template: dict[tuple[str | None, str | None], list[int]]) -> list[int]:
    """Return a template's questions, its strata in turn; each template begins at another one."""
    cells = [template[stratum] for stratum in sorted(template, key=str)]
    begun = [cells[(number + turn) % len(cells)] for turn in range(len(cells))]
    return [place for turn in zip_longest(*begun) for place in turn if place is not None]


def template_splits(
    items: Items, shares: Sequence[float] = (0.4, 0.2, 0.4), *, fold: int = 0, folds: int = 3, seed: int = 0
) -> dict[str, Bool[np.ndarray, " N"]]:
    """Return masks of train, deliberation and test, which share no template and no context.

    Templates that share a context go together. They are shuffled once by ``seed`` and spread over the groups; a fold
    turns the order by ``fold / folds`` of the circle. Over all folds every template is tested where folds × the test
    share is at least 1.
    Raises NoQuestions if a split would be empty.
    """
    if len(shares) != len(SPLITS) or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9 or not 0 <= fold < folds:
        raise NoQuestions(f"shares {tuple(shares)}, fold {fold} of {folds}: give three that sum to 1, and a fold")
    families = _families(items)
    order = _spread(items, families, np.random.default_rng(seed))
    turned = np.roll(order, -round(fold * len(order) / folds))
    cuts = np.round(np.cumsum(shares[:-1]) * len(order)).astype(int)
    parts = np.split(turned, cuts)
    if not all(len(part) for part in parts):
        raise NoQuestions(f"{len(order)} templates are too few for shares of {tuple(shares)}")
    return {name: np.isin(families, part) for name, part in zip(SPLITS, parts, strict=True)}


def held_out_templates(items: Items, share: float, *, seed: int = 0) -> Bool[np.ndarray, " N"]:
    """Return which questions belong to a ``share`` of the templates that is held out, spread over the groups.

    Templates that share a context go together, drawn by ``seed``.
    Raises NoQuestions if no template, or every one, would be held out.
    """
    families = _families(items)
    order = _spread(items, families, np.random.default_rng(seed))
    count = round(share * len(order))
    if not 0 < count < len(order):
        raise NoQuestions(f"{len(order)} templates without a common context are too few to hold out {share:g} of them")
    return np.isin(families, order[-count:])


def _families(items: Items) -> Int[np.ndarray, " N"]:
    """Return the number of each question's family: templates that share a context, directly or through others."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    for item in items.rows:
        above[top(f"context {item.context}")] = top(f"template {item.template}")
    return np.unique([top(f"template {item.template}") for item in items.rows], return_inverse=True)[1]


def _spread(items: Items, families: Int[np.ndarray, " N"], generator: np.random.Generator) -> Int[np.ndarray, " F"]:
    """Return the families in a random order in which each stretch holds every category in its share."""
    category = {int(family): item.template.partition("/")[0] for family, item in zip(families, items.rows, strict=True)}
    position: dict[int, float] = {}
    for name in sorted(set(category.values())):
        own = generator.permutation([family for family in sorted(category) if category[family] == name])
        offset = generator.random()
        position |= {int(family): (place + offset) / len(own) for place, family in enumerate(own)}
    return np.array(sorted(position, key=lambda family: position[family]), dtype=np.int64)


def hard_set(
    items: Items, answers: Int[np.ndarray, "K N"], *, hard_min: int, sampling_run: str, scored_run: str
) -> Bool[np.ndarray, " N"]:
    """Return which ambiguous questions at least ``hard_min`` of K agents miss on a sampling run of their own.

    **Deviation:** the rule of BBQ-Hard is not published; this one is ours. Answers that are scored must come from
    another run than those that choose, or regression to the mean would look like an improvement.
    Raises InvalidAnswers if both runs are one, or hard_min is not between 1 and K.
    """
    if sampling_run == scored_run:
        raise InvalidAnswers(f"the hard set is chosen by the run {sampling_run!r} that is scored; sample a second one")
    if answers.ndim != 2 or answers.shape[1] != len(items) or not 1 <= hard_min <= len(answers):
        raise InvalidAnswers(
            f"hard_min = {hard_min} of answers {answers.shape} to {len(items)} questions: give (agents, questions) and "
            "a count from 1 to the agents"
        )
    return items.ambiguous & ((answers != items.gold).sum(axis=0) >= hard_min)
