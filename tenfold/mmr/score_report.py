"""Scores as a table and as JSON: the official runner's points beside the mended ones, never added up together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from tenfold.mmr.comparison import estimate
from tenfold.mmr.coordinates import needs_size
from tenfold.mmr.image_files import with_sizes
from tenfold.mmr.items import ItemSet
from tenfold.mmr.leaderboard_text import rounded
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.scores import MENDED, OFFICIAL, Scores, score
from tenfold.mmr.tasks import COLUMNS

OFFICIAL_NAME, MENDED_NAME = "official", "mended"


def both_scores(items: ItemSet, predictions: Sequence[Prediction], convention: str = "unit") -> dict[str, Scores]:
    """Return the official scores and the mended ones, which read boxes in ``convention``.

    A convention that needs the images' sizes takes those that items do not tell from the images' files.
    """
    items = with_sizes(items) if needs_size(convention) else items
    return {
        OFFICIAL_NAME: score(items, predictions, OFFICIAL),
        MENDED_NAME: score(items, predictions, replace(MENDED, convention=convention)),
    }


def total_interval(scores: Scores, seed: int = 0) -> tuple[float, float] | None:
    """Return the 95 % interval of the total, by a bootstrap over images; None for fewer than two images."""
    if len(np.unique(scores.items.images)) < 2:
        return None
    found = estimate(scores, scores.items, seed=seed)
    return None if found is None else found.interval


def described(scores: Mapping[str, Scores], seed: int = 0) -> dict[str, Any]:
    """Return scores as JSON takes them, by the name of the scorer; columns without items are left out."""
    return {
        name: {
            "scorer": asdict(one.scorer),
            "total": one.total,
            "most": one.most,
            "interval": total_interval(one, seed),
            "columns": {column: one.columns()[column] for column in COLUMNS if one.possible()[column]},
            "possible": {column: most for column, most in one.possible().items() if most},
            "format_failures": int(one.format_failures.sum()),
            "unanswered": int(one.unanswered.sum()),
            "items": len(one.items),
        }
        for name, one in scores.items()
    }


def table(scores: Mapping[str, Scores], seed: int = 0) -> list[str]:
    """Return the lines of a table: a column of points per scorer, and below what was not answered or read."""
    first = next(iter(scores.values()))
    intervals = {name: total_interval(one, seed) for name, one in scores.items()}
    rows = [("", *scores, "of")]
    for column in COLUMNS:
        if first.possible()[column]:
            points = (f"{one.columns()[column]:g}" for one in scores.values())
            rows.append((column, *points, f"{first.possible()[column]}"))
    rows.append(("total", *(f"{one.total:g}" for one in scores.values()), f"{first.most}"))
    if any(intervals.values()):
        rows.append(("95 %, over images", *(_ends(one) for one in intervals.values()), ""))
    rows.append(
        ("replies out of form", *(f"{one.format_failures.sum()}" for one in scores.values()), f"{len(first.items)}")
    )
    rows.append(("without an answer", *(f"{one.unanswered.sum()}" for one in scores.values()), f"{len(first.items)}"))
    return aligned(rows)


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table, its first column to the left and the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *cells[1:]]).rstrip())
    return lines


def _ends(interval: tuple[float, float] | None) -> str:
    return "–" if interval is None else f"[{rounded(interval[0])}, {rounded(interval[1])}]"
