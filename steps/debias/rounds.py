"""What happens from round to round: bias and accuracy after each, and which answers agents changed into which.

Legend:  M questions · R rounds, the first answers being round 0 · A agents
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Int

from steps.debias.answer_sets import AnswerSets, counts_of, protocol_of, spoke
from steps.debias.estimates import DECIMALS
from tenfold.debias.items import NONE, Items
from tenfold.debias.scores import accuracy_amb, accuracy_dis, bias_amb

OF_ONE_ROUND = ("single", "vote", "self_consistency")
KINDS = ("target", "other", "unknown", "none")  # of an answer
CONDITIONS = {"ambiguous": True, "disambiguated": False}


def by_round(sets: AnswerSets) -> pd.DataFrame:
    """Return s_AMB × 100 and accuracy after each round, means over agents, and over those that stand out in turn.

    Columns: protocol, round, bias (NaN where nobody names a person and not all are right), accuracy_disambiguated,
    accuracy_ambiguous.
    """
    rows = []
    for protocol in dict.fromkeys(protocol_of(label) for label in sets.rounds if talks(label)):
        of_protocol = [answers for label, answers in sets.rounds.items() if protocol_of(label) == protocol]
        for number in range(min(answers.shape[1] for answers in of_protocol)):
            after = [answers[:, number, agent] for answers in of_protocol for agent in spoke(answers)]
            counts = counts_of(sets.items, after).sum(axis=0)  # (S, 2, C)
            means = [np.mean(statistic(counts)) for statistic in (bias_amb, accuracy_dis, accuracy_amb)]
            rounded = np.round([100 * means[0], *means[1:]], DECIMALS) + 0.0  # what is 0 but for rounding is 0
            rows.append((protocol, number, *rounded))
    return pd.DataFrame(rows, columns=["protocol", "round", "bias", "accuracy_disambiguated", "accuracy_ambiguous"])


def flips(sets: AnswerSets) -> pd.DataFrame:
    """Return how many answers of each kind became which from the first round to the last, over agents.

    Columns: protocol, condition, first, last, answers. An answer is the target, another person, unknown, or none.
    """
    rows = []
    for protocol, first, last in _ends(sets):
        for condition, ambiguous in CONDITIONS.items():
            chosen = sets.items.ambiguous == ambiguous
            table = np.zeros((len(KINDS), len(KINDS)), dtype=int)
            np.add.at(table, (kinds(sets.items, first)[chosen], kinds(sets.items, last)[chosen]), 1)
            rows += [
                (protocol, condition, before, after, table[i, j])
                for i, before in enumerate(KINDS)
                for j, after in enumerate(KINDS)
            ]
    table = pd.DataFrame(rows, columns=["protocol", "condition", "first", "last", "answers"])
    keys = ["protocol", "condition", "first", "last"]
    return table.groupby(keys, sort=False, as_index=False).answers.sum()


def talks(label: str) -> bool:
    """Return whether a set of answers is of a protocol with rounds, and of no ablation."""
    return protocol_of(label) not in ("", *OF_ONE_ROUND)


def kinds(items: Items, answers: Int[np.ndarray, " M"]) -> Int[np.ndarray, " M"]:
    """Return the place in `KINDS` of each answer."""
    conditions = [answers == NONE, answers == items.unknown, answers == items.target]
    return np.select(
        conditions, [KINDS.index("none"), KINDS.index("unknown"), KINDS.index("target")], KINDS.index("other")
    )


def _ends(sets: AnswerSets) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the protocol and the first and last answers (M,) of each agent in it."""
    for label, answers in sets.rounds.items():
        if talks(label):
            for agent in spoke(answers):
                yield protocol_of(label), answers[:, 0, agent], answers[:, -1, agent]
