"""Leaderboards: what each model got in which column, as Markdown and as one page that needs no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tenfold.mmr.leaderboard_page import page
from tenfold.mmr.leaderboard_rows import Row as Row
from tenfold.mmr.leaderboard_rows import row_of as row_of
from tenfold.mmr.leaderboard_rows import tables_of
from tenfold.mmr.leaderboard_text import markdown

MARKDOWN, PAGE = "leaderboard.md", "leaderboard.html"


def published_rows() -> list[Row]:
    """Return the rows of the authors' leaderboard (`tenfold.mmr.published`), marked as published.

    They stand in the table of the official items, scorer and prompts; whoever adds them sees to it that the rows
    beside them are of the real images.
    """
    from tenfold.mmr.published import LEADERBOARD

    return [Row(one.model, one.columns, one.total, source="published") for one in LEADERBOARD]


def write_leaderboard(
    rows: Iterable[Row], folder: Path, *, title: str = "Leaderboard of the reading benchmark", notes: Sequence[str] = ()
) -> list[Path]:
    """Write ``leaderboard.md`` and ``leaderboard.html`` into a folder that exists, and return their paths.

    The same rows give the same bytes. Official and mended scores, and rows about other items or under other prompts,
    stand in tables of their own. Raises InvalidLeaderboard for no rows, or one name twice in a table; then nothing is
    written.
    """
    tables = tables_of(rows)
    written = {MARKDOWN: markdown(tables, title=title, notes=notes), PAGE: page(tables, title=title, notes=notes)}
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    return [folder / name for name in written]
