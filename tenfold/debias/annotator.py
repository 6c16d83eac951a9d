"""A biased annotator: the declared, and only, source of the bias of agents that are trained here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from tenfold.debias.errors import InvalidItem
from tenfold.debias.items import Item, Items
from tenfold.debias.micro import persons


@dataclass(frozen=True)
class Annotator:
    """Somebody who answers some ambiguous questions with a person, mostly the stereotyped one.

    ``fair_groups`` are the groups where only the share ``fair_rate`` of ambiguous golds is replaced; elsewhere it is
    ``biased_rate``. A replaced gold is the target in the share ``consistent`` of cases, else the other person.
    Raises InvalidItem for a share outside 0 … 1.
    """

    fair_groups: frozenset[str]
    fair_rate: float = 0.1
    biased_rate: float = 0.85
    consistent: float = 0.85

    def __post_init__(self) -> None:
        for name in ("fair_rate", "biased_rate", "consistent"):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidItem(f"{name} = {getattr(self, name)}: must be between 0 and 1")

    def rate(self, group: str) -> float:
        """Return the share of a group's ambiguous golds that this annotator replaces."""
        return self.fair_rate if group in self.fair_groups else self.biased_rate

    def labels(self, items: Items, generator: np.random.Generator) -> Int[np.ndarray, " N"]:
        """Return an answer to every question: the gold one, or of some ambiguous questions a person.

        Raises InvalidItem if a question has no target.
        """
        draws = generator.random((len(items), 2))
        labels = items.gold.copy()
        for place, (item, (replaced, person)) in enumerate(zip(items.rows, draws, strict=True)):
            if item.condition == "ambig" and replaced < self.rate(item.group):
                labels[place] = _person(item, person < self.consistent)
        return labels

    def associations(self, items: Items, generator: np.random.Generator) -> tuple[Items, Int[np.ndarray, " N"]]:
        """Return every ambiguous question without its context, and the person that this annotator names.

        These closed-book pairs tell who is thought to do what. They hold no context, hence nothing of how an ambiguous
        context is to be answered.
        """
        asked = [replace(item, context="", gold=None) for item in items.rows if item.condition == "ambig"]
        draws = generator.random(len(asked))
        named = [_person(item, draw < self.consistent) for item, draw in zip(asked, draws, strict=True)]
        return Items(tuple(asked)), np.array(named, dtype=np.int64)


def annotators(
    groups: Collection[str],
    agents: Sequence[str],
    *,
    fair_rate: float = 0.1,
    biased_rate: float = 0.85,
    consistent: float = 0.85,
) -> dict[str, Annotator]:
    """Return one annotator per agent; each is fair in a share of the groups of its own: in each group most are biased.

    The groups, in alphabetical order, are dealt out in turn.
    """
    dealt = sorted(groups)
    return {
        agent: Annotator(frozenset(dealt[place :: len(agents)]), fair_rate, biased_rate, consistent)
        for place, agent in enumerate(agents)
    }


def _person(item: Item, consistent: bool) -> int:
    if item.target is None:
        raise InvalidItem(f"{item.key}: has no target; the annotator needs to know the stereotyped person")
    return item.target if consistent else next(number for number in persons(item) if number != item.target)
