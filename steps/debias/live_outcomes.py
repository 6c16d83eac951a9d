"""What came of live conversations: kept as it goes, written as answers by protocol and debates to read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from steps.debias.outcomes import answers_by_round, numbers
from tenfold.debias.conversation import Conversation
from tenfold.debias.debate import Debate, read_debates, write_debates
from tenfold.debias.items import Items, write_items


class LiveOutcomes:
    """The debates so far by label, and the options' probabilities where there are any; a checkpoint holds both."""

    def __init__(self, out: Path) -> None:
        self.debates: dict[str, list[Debate]] = {}
        self.probabilities: list[np.ndarray] = []
        self.out = out

    def hold(self, conversation: Conversation, items: Items, suffix: str = "") -> None:
        """Hold a conversation about ``items``, and add its debates under their labels and a suffix."""
        for debate in conversation.run(items):
            label = debate.protocol + suffix
            self.debates.setdefault(label, []).append(replace(debate, protocol=label))

    def write(self, items: Items, places: dict[str, np.ndarray], shown: int) -> None:
        """Write items.jsonl, answers.npz and some debates of each label, as the step ``live`` says."""
        write_items(items, self.out / "items.jsonl")
        (self.out / "debates").mkdir()
        arrays = {f"places/{name}": found for name, found in places.items()}
        if self.probabilities:
            chances = np.concatenate(self.probabilities)
            arrays["rotated"] = chances.argmax(axis=1).astype(np.int8)
            np.save(self.out / "probabilities.npy", chances.astype(np.float32), allow_pickle=False)
        for label, debates in self.debates.items():
            names = list(dict.fromkeys(turn.agent for turn in debates[0].turns))
            arrays[label] = numbers(debate.final for debate in debates).astype(np.int8)
            arrays[f"{label}/rounds"] = answers_by_round(debates, names)
            some = [debates[place] for place in spread(np.arange(len(debates)), shown)]
            name = label.replace(":", "-").replace(" ", "_").replace("/", "-")
            write_debates(some, self.out / "debates" / f"{name}.jsonl")
        np.savez_compressed(self.out / "answers.npz", allow_pickle=False, **arrays)

    def state_dict(self) -> dict[str, Any]:
        lines = {label: [json.dumps(one.described()) for one in found] for label, found in self.debates.items()}
        return {"debates": lines, "probabilities": list(self.probabilities)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.probabilities = list(state["probabilities"])
        scratch = self.out / "resumed.jsonl"
        for label, lines in state["debates"].items():
            scratch.write_text("\n".join(lines), encoding="utf-8")
            self.debates[label] = read_debates(scratch)
            scratch.unlink()


def spread(places: np.ndarray, count: int) -> np.ndarray:
    """Return at most ``count`` places, evenly spaced."""
    kept = np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int)
    return np.asarray(places[kept])
