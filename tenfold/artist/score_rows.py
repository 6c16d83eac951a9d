"""Rows of a table of scores: each names its engine, its version and its ceiling, and a table has one engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenfold.artist.readings import Reader

SATURATED = 0.9  # of the ceiling: two methods above it cannot be told apart
LOWEST_CEILING = 0.95
FLOOR = 0.5  # of the ceiling: a text module below it has nothing to inject


class MixedEngines(ValueError):
    """Scores of different engines, versions, ways of reading or ceilings stand in one table."""


@dataclass(frozen=True)
class ScoreRow:
    """The scores of one method, read by ``reader``, whose word accuracy on real composites is ``ceiling``."""

    method: str
    scores: Mapping[str, float]
    reader: Reader
    ceiling: float

    def described(self) -> dict[str, Any]:
        """Return what JSON can hold; the engine is never left out."""
        reader = self.reader
        stamp = {"engine": reader.engine, "engine_version": reader.version, "reading": reader.how}
        return {"method": self.method, **self.scores, **stamp, "ceiling": self.ceiling}


def score_table(rows: Sequence[ScoreRow]) -> list[dict[str, Any]]:
    """Return rows as JSON holds them. Raises MixedEngines unless all have one reader and one ceiling."""
    readers = {(row.reader, row.ceiling) for row in rows}
    if len(readers) > 1:
        said = "; ".join(
            sorted(f"{reader.version}, {reader.how}, ceiling {ceiling:.3f}" for reader, ceiling in readers)
        )
        raise MixedEngines(f"scores of {len(readers)} readers are not compared in one table ({said}): read all anew")
    return [row.described() for row in rows]


def obstacle(ceiling: float, arms: Mapping[str, float], *, text_module: float | None = None) -> str | None:
    """Return why a comparison of word accuracies says nothing, or None where it does.

    The reader's ceiling is below 0.95, all arms exceed 0.9 of it, or the text module by itself reads below 0.5 of it.
    """
    if ceiling < LOWEST_CEILING:
        return f"the reader reads {ceiling:.2f} of real composites, below {LOWEST_CEILING}"
    if text_module is not None and text_module < FLOOR * ceiling:
        return f"the text module reads {text_module:.2f}, below {FLOOR} of the ceiling: there is nothing to inject"
    if arms and min(arms.values()) > SATURATED * ceiling:
        return f"every arm exceeds {SATURATED} of the ceiling: they are saturated"
    return None
