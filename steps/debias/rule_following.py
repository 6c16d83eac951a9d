"""How often agents that were taught a rule of deliberation make the changes that it asks for, and others.

Legend:  M questions · A agents · R rounds · K templates · Z seeds
"""

from __future__ import annotations

from typing import Any, cast, get_args

import numpy as np
from jaxtyping import Int

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
    option ask for nothing, nor do those on which all agree: no second round is held there. The mean over seeds, with
    the interval of ``estimate_over_seeds``; None where a seed asks for nothing, no second round was held, ``target`` is
    no rule, or all questions share a template.
    """
    return _share_of(sets, target, asked=True)


def unasked_changes(sets: AnswerSets, target: str) -> Estimate | None:
    """Return the share of the answers that a rule lets stand which agents changed, as ``changes_made`` has it."""
    return _share_of(sets, target, asked=False)


def _share_of(sets: AnswerSets, target: str, *, asked: bool) -> Estimate | None:
    rounds = sets.rounds.get(DECENTRALIZED)
    if rounds is None or rounds.shape[1] < 2 or target not in get_args(Target):
        return None
    counted = _counted(sets, rounds[:, :, spoke(rounds)], cast(Target, target), asked=asked)  # (M, 2)
    of_seeds = (sets.tested_by[:, :, None] * counted[:, None]).reshape(len(counted), -1)  # (M, Z · 2)
    sums = cluster_sums(sets.items.templates, of_seeds).reshape(-1, sets.seeds, 2)  # (K, Z, 2)
    if len(sums) < 2:
        return None
    return estimate_over_seeds(sums, _share, lambda sums: _share(sums.sum(axis=-2)))


def _counted(sets: AnswerSets, rounds: np.ndarray, target: Target, *, asked: bool) -> Int[np.ndarray, "M 2"]:
    """Return per question the changes, and the answers that count: those that are asked to change, or those not.

    A change that is asked for is one into what the rule names; one that is not, into anything else.
    """
    first, second = rounds[:, 0], rounds[:, 1]
    found = np.zeros((len(first), 2), dtype=int)
    places = np.flatnonzero((first != NONE).all(axis=1) & (first != first[:, :1]).any(axis=1))
    items, given = sets.items.only(places), first[places]
    for agent in range(first.shape[1]):
        own, after = given[:, agent], second[places, agent]
        right = deliberated(items, own, np.delete(given, agent, axis=1), target)
        counts = (right != own) if asked else (right == own)
        changed = (after == right) if asked else (after != own)
        found[places] += np.column_stack([counts & changed, counts])
    return found


def _share(sums: Any) -> Any:
    made, asked = sums[..., 0], sums[..., 1]
    return np.divide(made, asked, out=np.full(np.shape(asked), np.nan), where=asked > 0)
