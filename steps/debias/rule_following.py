"""How often agents that were taught a rule of deliberation make the changes that it asks for.

Legend:  M questions · A agents · R rounds · K templates · Z seeds
"""

from __future__ import annotations

from typing import Any, cast, get_args

import numpy as np
from jaxtyping import Bool

from steps.debias.answer_sets import AnswerSets, spoke
from steps.debias.estimates import DECENTRALIZED, estimate_over_seeds
from tenfold.debias.deliberation import Target, deliberated
from tenfold.debias.items import NONE
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.clustered import cluster_sums


def changes_made(sets: AnswerSets, target: str) -> Estimate | None:
    """Return the share of the changes that a rule asks for which agents made in round 1 of decentralized conversation.

    A change is asked for where the rule of ``target``, given everybody's first answers, names another answer than the
    agent's own; it is made where the agent gives that answer after round 1. Questions to which somebody first named no
    option ask for nothing. The mean over seeds, with the interval of ``estimate_over_seeds``; None where a seed asks
    for nothing, no second round was held, ``target`` is no rule, or all questions share a template.
    """
    rounds = sets.rounds.get(DECENTRALIZED)
    if rounds is None or rounds.shape[1] < 2 or target not in get_args(Target):
        return None
    asked, made = _changes(sets, rounds[:, :, spoke(rounds)], cast(Target, target))
    counted = np.column_stack([made.sum(axis=1), asked.sum(axis=1)])  # (M, 2)
    of_seeds = (sets.tested_by[:, :, None] * counted[:, None]).reshape(len(counted), -1)  # (M, Z · 2)
    sums = cluster_sums(sets.items.templates, of_seeds).reshape(-1, sets.seeds, 2)  # (K, Z, 2)
    if len(sums) < 2:
        return None
    return estimate_over_seeds(sums, _share, lambda sums: _share(sums.sum(axis=-2)))


def _changes(
    sets: AnswerSets, rounds: np.ndarray, target: Target
) -> tuple[Bool[np.ndarray, "M A"], Bool[np.ndarray, "M A"]]:
    """Return of which agents a change is asked, and which of them made it."""
    first, second = rounds[:, 0], rounds[:, 1]
    asked, made = np.zeros(first.shape, dtype=bool), np.zeros(first.shape, dtype=bool)
    places = np.flatnonzero((first != NONE).all(axis=1))
    items, given = sets.items.only(places), first[places]
    for agent in range(first.shape[1]):
        own = given[:, agent]
        right = deliberated(items, own, np.delete(given, agent, axis=1), target)
        asked[places, agent] = right != own
        made[places, agent] = (right != own) & (second[places, agent] == right)
    return asked, made


def _share(sums: Any) -> Any:
    made, asked = sums[..., 0], sums[..., 1]
    return np.divide(made, asked, out=np.full(np.shape(asked), np.nan), where=asked > 0)
