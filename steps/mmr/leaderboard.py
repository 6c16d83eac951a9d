"""The leaderboard: measured rows of each set of items, beside the official ones the published rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from steps.mmr.estimates import table_of
from steps.mmr.item_sets import OFFICIAL
from steps.mmr.measurements import CONSTANT_BOX, CONSTANT_INDEX, CONSTANTS, RANDOM
from steps.mmr.scored import Scored, ScoredSet, Scoring
from tenfold.mmr.leaderboard import write_leaderboard
from tenfold.mmr.leaderboard_rows import Kind, Row, row_of
from tenfold.mmr.published import LEADERBOARD

SCORINGS: tuple[Scoring, ...] = ("official", "mended")
NOTES = (
    "Published rows were measured on images that are not here. What stands beside them has no image, or saw these "
    "images under the released prompts and was scored as released.",
    "Constants are fitted on the items that count: they are a floor of the items, and no model.",
)
KINDS: dict[str, Kind] = {RANDOM: "chance", CONSTANT_INDEX: "constant", CONSTANT_BOX: "constant", CONSTANTS: "constant"}


def write(sets: Iterable[ScoredSet], folder: Path) -> None:
    """Write leaderboard.md and leaderboard.html into ``folder``."""
    rows = [row for own in sets for row in rows_of(own)]
    write_leaderboard([*published_rows(), *rows], folder, notes=NOTES)


def published_rows() -> Iterator[Row]:
    """Yield the published rows."""
    for row in LEADERBOARD:
        yield Row(row.model, row.columns, row.total, source="published")


def rows_of(own: ScoredSet) -> Iterator[Row]:
    """Yield the measured rows of a set; one that is made up has a name of its own, so that nothing stands beside it."""
    name = f"{own.name} (made up)" if own.source.stand_in else own.name
    for scoring in SCORINGS:
        for one in own.plain:
            if one.entry.kind in ("trained", "pretrained") and own.name == OFFICIAL and not own.source.has_images:
                continue
            yield _row(one, name, scoring)


def _row(one: Scored, name: str, scoring: Scoring) -> Row:
    scores = one.by(scoring)
    table = table_of(one.items, {"one": scores.points})
    found = table.estimate(table.share("one"))
    interval = None
    if found is not None:
        low, high = (scores.most * end / 100 for end in found.interval)
        interval = (min(low, scores.total), max(high, scores.total))
    kind = KINDS.get(one.entry.model, "blind" if one.entry.kind == "blind" else "model")
    note = "made-up weights" if one.entry.stand_in else ""
    return row_of(one.entry.named, scores, interval=interval, kind=kind, scorer=scoring, items=name, note=note)
