"""Rows of leaderboards, and the tables that they may stand in.

Rows stand in one table only if they are about the same items, under the same prompt, by the same scorer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from tenfold.mmr.errors import InvalidLeaderboard
from tenfold.mmr.tasks import COLUMNS, PER_TASK, Column

if TYPE_CHECKING:
    from tenfold.mmr.scores import Scores

Source = Literal["measured", "published"]
Kind = Literal["model", "blind", "chance", "constant"]
ScorerName = Literal["official", "mended"]


@dataclass(frozen=True)
class Row:
    """What one model got. ``columns`` are its points by column, ``possible`` the most that it could get in each.

    ``interval`` bounds the total. ``kind`` says of a row that it is no model that looks at the image. ``items`` and
    ``prompt`` name the set of items and the style of prompts, ``scorer`` who read the replies. A published total stands
    as it was published, also where its columns add up to another number; a measured one must be the sum. ``identity``
    says which rows about several sets of items are one model's, by default those with one name.
    Raises InvalidLeaderboard for an unknown column, points outside their range, an interval the wrong way round, or a
    measured total that is not the sum of its columns.
    """

    name: str
    columns: Mapping[Column, float]
    total: float
    interval: tuple[float, float] | None = None
    source: Source = "measured"
    note: str = ""
    kind: Kind = "model"
    scorer: ScorerName = "official"
    items: str = "official"
    prompt: str = "official"
    possible: Mapping[Column, float] = field(default_factory=lambda: dict.fromkeys(COLUMNS, PER_TASK))
    identity: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.columns:
            raise InvalidLeaderboard(f"a row has a name and points, not {self.name!r} and {dict(self.columns)}")
        for what, kinds in (("source", Source), ("kind", Kind), ("scorer", ScorerName)):
            if getattr(self, what) not in get_args(kinds):
                raise InvalidLeaderboard(
                    f"{self.name}: {what} {getattr(self, what)!r} is none of {', '.join(get_args(kinds))}"
                )
        for column, points in self.columns.items():
            if column not in COLUMNS:
                raise InvalidLeaderboard(f"{self.name}: no column is called {column!r}; there are {', '.join(COLUMNS)}")
            most = self.possible.get(column)
            if most is None or not 0 <= points <= most or most <= 0:
                raise InvalidLeaderboard(f"{self.name}: {points} points of {most} in the column {column}")
        if not math.isfinite(self.total) or (self.source == "measured" and not self.adds_up):
            raise InvalidLeaderboard(f"{self.name}: total {self.total}, and its columns add up to {self.sum:g}")
        if self.interval is not None and not self.interval[0] <= self.interval[1]:
            raise InvalidLeaderboard(f"{self.name}: interval {self.interval}; give its lower end first")

    @property
    def sum(self) -> float:
        """The sum of the columns."""
        return float(sum(self.columns.values()))

    @property
    def adds_up(self) -> bool:
        """Whether the total is the sum of the columns."""
        return math.isclose(self.sum, self.total, abs_tol=1e-6)

    @property
    def most(self) -> float:
        """The most points that could be had in the row's columns."""
        return float(sum(self.possible[column] for column in self.columns))

    def share(self, column: Column) -> float | None:
        """Return the share of a column's points, 0 to 1, None for a column without items."""
        return float(self.columns[column]) / float(self.possible[column]) if column in self.columns else None


@dataclass(frozen=True)
class Table:
    """Rows that may be compared, the largest total first; ``columns`` are those that any of them has."""

    items: str
    scorer: ScorerName
    prompt: str
    rows: tuple[Row, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(column for column in COLUMNS if any(column in row.columns for row in self.rows))

    @property
    def in_percent(self) -> bool:
        """Whether rows had other items of the set, so that only shares can be compared."""
        had = {tuple(sorted((column, float(row.possible[column])) for column in row.columns)) for row in self.rows}
        return len(had) > 1

    @property
    def title(self) -> str:
        prompt = "" if self.prompt == "official" else f", prompt “{self.prompt}”"
        return f"Items “{self.items}”, {self.scorer} scorer{prompt}"


def row_of(
    name: str,
    scores: Scores,
    *,
    interval: tuple[float, float] | None = None,
    kind: Kind = "model",
    scorer: ScorerName = "official",
    items: str = "official",
    prompt: str = "official",
    note: str = "",
) -> Row:
    """Return the row of a model's scores; columns without items are left out."""
    possible: dict[Column, float] = {column: float(most) for column, most in scores.possible().items() if most}
    columns: dict[Column, float] = {column: float(scores.columns()[column]) for column in possible}
    return Row(name, columns, float(scores.total), interval, "measured", note, kind, scorer, items, prompt, possible)


def tables_of(rows: Iterable[Row]) -> list[Table]:
    """Return rows as tables, official before mended, sets of items in the order of their first row.

    Raises InvalidLeaderboard for a name that stands twice in one table, and if there are no rows.
    """
    found: dict[tuple[str, ScorerName, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.items, row.scorer, row.prompt), []).append(row)
    if not found:
        raise InvalidLeaderboard("a leaderboard has rows; there are none")
    tables = []
    for (items, scorer, prompt), own in found.items():
        names = [row.name for row in own]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidLeaderboard(f"{twice[0]!r} stands twice among items {items!r}, {scorer} scorer")
        tables.append(
            Table(items, scorer, prompt, tuple(sorted(own, key=lambda row: (-row.total / row.most, row.name))))
        )
    sets = list(dict.fromkeys(table.items for table in tables))
    return sorted(tables, key=lambda table: (sets.index(table.items), table.scorer != "official"))
