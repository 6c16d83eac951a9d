"""Replies with their scores: as the release scores them, and with its scorer mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from steps.mmr.estimates import Table, table_of
from steps.mmr.item_sets import Source
from steps.mmr.replies import Entry, Kind, Replies
from tenfold.mmr.items import ItemSet
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.scores import MENDED, OFFICIAL, Scorer, Scores, possible, score
from tenfold.mmr.showing import Showing
from tenfold.mmr.tasks import Column

Scoring = Literal["official", "mended"]


@dataclass(frozen=True)
class Scored:
    """One entry's replies to the items that count, as they were shown, and their scores by both scorers."""

    replies: Replies
    items: ItemSet
    predictions: list[Prediction]
    official: Scores
    mended: Scores

    @property
    def entry(self) -> Entry:
        return self.replies.entry

    def by(self, scoring: Scoring) -> Scores:
        return self.official if scoring == "official" else self.mended


@dataclass(frozen=True)
class ScoredSet:
    """A set of items with all that replied to it."""

    source: Source
    entries: tuple[Scored, ...]

    @property
    def name(self) -> str:
        return self.source.every.name

    @cached_property
    def items(self) -> ItemSet:
        return self.source.items

    @property
    def items_possible(self) -> dict[Column, int]:
        """How many points there are in each column."""
        return possible(self.items)

    @property
    def plain(self) -> list[Scored]:
        """The entries of which nothing was varied."""
        return [one for one in self.entries if one.entry.plain]

    def of_kind(self, *kinds: Kind) -> list[Scored]:
        """Return the plain entries of some kinds."""
        return [one for one in self.plain if one.entry.kind in kinds]

    def table(self, scoring: Scoring = "official") -> Table:
        """Return the points of the plain entries, by model."""
        if scoring not in self._tables:
            points = {one.entry.named: one.by(scoring).points for one in self.plain}
            self._tables[scoring] = table_of(self.items, points)
        return self._tables[scoring]

    @cached_property
    def _tables(self) -> dict[Scoring, Table]:
        return {}


def score_sets(sources: Mapping[str, Source], replies: Iterable[Replies]) -> dict[str, ScoredSet]:
    """Return each set of items with the scores of what was replied to it."""
    found: dict[str, list[Scored]] = {name: [] for name in sources}
    items = {name: source.items for name, source in sources.items()}
    for one in replies:
        own = as_shown(items[one.entry.items], one.entry)
        predictions = one.to(own)
        scores = (score(own, predictions, scorer) for scorer in (OFFICIAL, MENDED))
        found[one.entry.items].append(Scored(one, own, predictions, *scores))
    return {name: ScoredSet(sources[name], tuple(entries)) for name, entries in found.items()}


def as_shown(items: ItemSet, entry: Entry) -> ItemSet:
    """Return the items with their options where an entry's model saw them."""
    return Showing(rotation=entry.rotation).items(items) if entry.rotation else items


def rescored(one: Scored, scorer: Scorer) -> Scores:
    """Return the scores of an entry by another scorer."""
    return score(one.items, one.predictions, scorer)
