"""What came of conversations, as arrays, rows of scores and some debates to read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.debias.conversation import Conversation
from tenfold.debias.debate import Debate, write_debates
from tenfold.debias.items import NONE, Items
from tenfold.debias.scores import score

BY_ROUND = ("decentralized", "centralized", "shuffled_peers", "silent", "self_refine")  # protocols with rounds


class Outcomes:
    """Collects what came of the conversations of all seeds and targets; ``shown`` debates of each are kept."""

    def __init__(self, out: Path, shown: int) -> None:
        self.folder, self.shown = out / "debates", shown
        self.arrays: dict[str, np.ndarray] = {}
        self.rows: list[dict[str, Any]] = []
        self.folder.mkdir()

    def add(self, target: str, seed: int, items: Items, conversation: Conversation, suffix: str = "") -> None:
        """Hold a conversation about ``items``; keep its answers and scores under the labels of its debates."""
        names = [agent.name for agent in conversation.agents]
        debates = conversation.run(items)
        series = [debates[start : start + len(items)] for start in range(0, len(debates), len(items))]
        for one in series:  # one per agent whose turn it was, where agents take turns
            label = one[0].protocol + suffix
            final = numbers(debate.final for debate in one)
            self.arrays[f"{target}/{seed}/{label}"] = final.astype(np.int8)
            if conversation.protocol.name in BY_ROUND:
                self.arrays[f"{target}/{seed}/{label}/rounds"] = answers_by_round(one, names)
            calls = conversation.calls_per_item // len(series)
            made = sum(len(debate.turns) for debate in one) / len(one)
            where = {"target": target, "seed": seed, "protocol": label, "calls": calls, "calls_made": made}
            self.rows.append(where | score(items, final).described())
            if seed == 0:
                name = f"{target}-{label.replace(':', '-')}.jsonl"
                write_debates(_some(one, self.shown), self.folder / name)


def answers_by_round(debates: list[Debate], agents: list[str]) -> np.ndarray:
    """Return every agent's answer after each round, int8 (N, rounds + 1, A), −1 for none.

    After its conversation has ended an agent stays at its last answer; one that does not speak in it has none.
    """
    last = max(debate.rounds for debate in debates)
    found = np.full((len(debates), last + 1, len(agents)), NONE, dtype=np.int8)
    for place, debate in enumerate(debates):
        for turn in debate.turns:  # in the order of rounds
            found[place, turn.round :, agents.index(turn.agent)] = NONE if turn.choice is None else turn.choice
    return found


def numbers(values: Iterable[int | None]) -> np.ndarray:
    """Return answers as int64, −1 for none."""
    return np.array([NONE if value is None else value for value in values], dtype=np.int64)


def _some(debates: list[Debate], shown: int) -> list[Debate]:
    """Return at most ``shown`` debates, evenly spaced."""
    places = np.unique(np.linspace(0, len(debates) - 1, min(shown, len(debates))).round().astype(int))
    return [debates[place] for place in places]
