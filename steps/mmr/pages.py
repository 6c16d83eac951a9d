"""Pages of items with the replies of some models."""

from __future__ import annotations

from pathlib import Path

from steps.mmr.scored import Scored, ScoredSet
from tenfold.mmr.item_page import write_item_page

MOST_BYTES = 3_000_000  # of a page
NOTE = "Points are those under the scorer as released; the mended scorer's stand beside them."
MADE_UP = "The items of this run are made up, to try the steps out."
MOST_MODELS = 4  # on one page: more cannot be read side by side


def write_items(own: ScoredSet, path: Path, shown: int) -> None:
    """Write items of a set with the replies of its best plain models, one of each kind."""
    chosen: dict[str, Scored] = {}
    for one in sorted(own.plain, key=lambda one: -one.official.total):
        if one.entry.kind != "oracle" and one.entry.kind not in {other.entry.kind for other in chosen.values()}:
            chosen[one.entry.named] = one
    kept = dict(list(chosen.items())[:MOST_MODELS])
    notes = [NOTE, *([MADE_UP] if own.source.stand_in else [])]
    write_item_page(
        own.items,
        {name: one.predictions for name, one in kept.items()},
        path,
        title=f"Items of the reading benchmark: {own.name}",
        most=shown,
        notes=notes,
        most_bytes=MOST_BYTES,
    )
