"""Rows of leaderboards for tests."""

from __future__ import annotations

from typing import Any

from tenfold.mmr.leaderboard_rows import Row
from tenfold.mmr.tasks import COLUMNS, Column

RECEIPT_COLUMNS: tuple[Column, ...] = (
    "recognition_label",
    "recognition_pos",
    "font_size",
    "localize_t",
    "spatial_tt",
    "grounding_t text",
    "grounding_t box",
)
LLAVA = (36, 27, 37, 33, 38, 38, 23, 31, 37, 39, 2, 0)  # its published total is 335, and they add up to 341
GPT_4O = (46, 34, 43, 41, 40, 42, 34, 37, 40, 33, 46, 21)


def row(name: str, *points: float, **more: Any) -> Row:
    """Return a measured row, of twelve columns or of those of receipts; one number stands for all columns."""
    columns = RECEIPT_COLUMNS if len(points) == len(RECEIPT_COLUMNS) else COLUMNS
    given = points * len(columns) if len(points) == 1 else points
    return Row(name, dict(zip(columns, given, strict=True)), **{"total": sum(given), **more})


def published(name: str = "LLaVA-NEXT 13B", points: tuple[int, ...] = LLAVA, total: int = 335) -> Row:
    return row(name, *points, total=total, source="published")
