"""The trained models, by arm, stage, size of the visual set and budget, each with its seeds.

Budgets: ``equal`` are as many updates as the full arm's, ``compute`` are more, whose floating-point operations are at
least those of the full arm and its text module together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from steps.artist.arm_setup import ARTIST, VISUAL_ONLY
from steps.artist.saved_arms import model_name

Budget = Literal["equal", "compute"]
EQUAL, COMPUTE = "equal", "compute"
RANDOM, GLYPHS = "random_text_module", "glyph_image"
WORD_ONLY, SENTENCE_ONLY = "word_only", "sentence_only"
ARM_ORDER = (
    *(ARTIST, VISUAL_ONLY, RANDOM, "unfrozen", "joint", "inject_mid", "inject_up", "skip_injection"),
    *(WORD_ONLY, SENTENCE_ONLY, GLYPHS),
)
NAMES = {
    ARTIST: "ARTIST",
    VISUAL_ONLY: "visual module alone",
    RANDOM: "untrained text module",
    "unfrozen": "text module trained on",
    "joint": "both from nothing",
    "inject_mid": "injected at the middle only",
    "inject_up": "injected at the up blocks only",
    "skip_injection": "injected into skip connections",
    WORD_ONLY: "text module of single words",
    SENTENCE_ONLY: "text module of sentences alone",
    GLYPHS: "given the rendered text",
}


class Key(NamedTuple):
    """What tells one arm from another."""

    arm: str
    stage: str
    size: int
    budget: Budget = "equal"


class AmbiguousModel(ValueError):
    """Two models have the same arm, stage, size, budget and seed."""


@dataclass(frozen=True)
class Arm:
    """The models of one arm, a row of rows.jsonl each, by seed."""

    key: Key
    rows: Mapping[int, Mapping[str, Any]]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Its seeds, in order."""
        return tuple(sorted(self.rows))

    @property
    def updates(self) -> int:
        """The visual updates of each of its models."""
        return int(self.rows[self.seeds[0]]["updates"])

    @property
    def label(self) -> str:
        """What a figure calls it."""
        name = NAMES.get(self.key.arm, self.key.arm.replace("_", " "))
        return f"{name}, equal compute" if self.key.budget == COMPUTE else name

    def name(self, seed: int) -> str:
        """Return the name of the model of a seed."""
        return model_name(self.rows[seed])


def arms_of(rows: Iterable[Mapping[str, Any]]) -> dict[Key, Arm]:
    """Return the arms, in the order in which they are told. Raises AmbiguousModel."""
    every = list(rows)
    least = _reference_updates(every)
    found: dict[Key, dict[int, Mapping[str, Any]]] = {}
    for row in every:
        budget: Budget = "equal" if row["updates"] <= least[row["stage"], row["size"]] else "compute"
        key = Key(row["arm"], row["stage"], row["size"], budget)
        seeds = found.setdefault(key, {})
        if row["seed"] in seeds:
            raise AmbiguousModel(f"{model_name(row)} and {model_name(seeds[row['seed']])} are both {key}")
        seeds[row["seed"]] = row
    return {key: Arm(key, found[key]) for key in sorted(found, key=_order)}


def common_seeds(*arms: Arm) -> tuple[int, ...]:
    """Return the seeds that all arms have."""
    return tuple(sorted(set.intersection(*(set(arm.seeds) for arm in arms))))


def _reference_updates(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], int]:
    """Return the full arm's updates by stage and size; where it is not there, the least of the others'."""
    updates: dict[tuple[str, int], int] = {}
    for row in sorted(rows, key=lambda one: (one["arm"] != ARTIST, one["updates"])):
        updates.setdefault((row["stage"], row["size"]), row["updates"])
    return updates


def _order(key: Key) -> tuple[Any, ...]:
    place = ARM_ORDER.index(key.arm) if key.arm in ARM_ORDER else len(ARM_ORDER)
    return (key.stage != "grey", key.stage, key.size, place, key.arm, key.budget == COMPUTE)
