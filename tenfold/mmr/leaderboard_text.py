"""Leaderboards in words: heads, cells and remarks, and the tables as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

import numpy as np

from tenfold.mmr.leaderboard_rows import Kind, Row, ScorerName, Table
from tenfold.mmr.tasks import COLUMNS, Column

SHORT: dict[Column, str] = {
    "recognition_label": "Label",
    "recognition_pos": "Pos",
    "font_size": "Size",
    "font_color": "Color",
    "localize_o": "Obj",
    "localize_t": "Text",
    "spatial_ot": "Obj-Text",
    "spatial_oo": "Obj-Obj",
    "spatial_tt": "Text-Text",
    "grounding_o": "Obj box",
    "grounding_t text": "Text",
    "grounding_t box": "Text box",
}
GROUPS: dict[str, tuple[Column, ...]] = {
    "Recognition": COLUMNS[:2],
    "Font": COLUMNS[2:4],
    "Localization": COLUMNS[4:6],
    "Spatial relation": COLUMNS[6:9],
    "Grounding": COLUMNS[9:],
}
KINDS: dict[Kind, str] = {
    "model": "",
    "blind": "answers without the image",
    "chance": "random answers, or what they are expected to have",
    "constant": "the same answer to every item of a task",
}
OVERVIEW = "Totals in per cent over the sets of items"


def markdown(tables: Sequence[Table], *, title: str, notes: Sequence[str] = ()) -> str:
    """Return the tables as Markdown."""
    parts = [f"# {_plain(title)}", *map(_plain, notes)]
    for table in tables:
        heads = ["Model", total_head(table), *(head(table, column) for column in table.columns)]
        lines = [f"| {' | '.join(heads)} |", f"|---|{'---:|' * (len(heads) - 1)}"]
        for row in table.rows:
            cells = [_plain(row.name) + mark(row), total_cell(table, row)]
            lines.append(f"| {' | '.join([*cells, *(cell(table, row, column) for column in table.columns)])} |")
        parts += [f"## {_plain(table.title)}", "\n".join(lines)]
        if remarks := "\n".join(f"- {_plain(remark)}" for remark in remarks_of(table)):
            parts.append(remarks)
    for scorer in overviews(tables):
        sets, shares = overview(tables, scorer)
        lines = [f"| Model | {' | '.join(map(_plain, sets))} |", f"|---|{'---:|' * len(sets)}"]
        lines += [f"| {_plain(name)} | {' | '.join(cells)} |" for name, cells in shares.items()]
        parts += [f"## {OVERVIEW}, {scorer} scorer", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def head(table: Table, column: Column) -> str:
    """Return a column's short name with the most points in it, of which no more is said where shares are shown."""
    group = next(name for name, columns in GROUPS.items() if column in columns)
    return f"{group}: {SHORT[column]}" + ("" if table.in_percent else f" /{table.rows[0].possible[column]:g}")


def total_head(table: Table) -> str:
    """Return the head of the totals."""
    return "Total %" if table.in_percent else f"Total /{table.rows[0].most:g}"


def cell(table: Table, row: Row, column: Column) -> str:
    """Return what a row has in a column: points, or per cent where rows had other items; – without items."""
    share = row.share(column)
    if share is None:
        return "–"
    return f"{100 * share:.0f}" if table.in_percent else f"{row.columns[column]:g}"


def total_cell(table: Table, row: Row) -> str:
    """Return a row's total with its interval; where columns do not add up to it, with their sum."""
    scale = 100 / row.most if table.in_percent else 1.0
    said = rounded(row.total * scale)
    if not row.adds_up:
        said += f"† ({rounded(row.sum * scale)})"
    if row.interval is not None:
        said += f" [{rounded(row.interval[0] * scale)}, {rounded(row.interval[1] * scale)}]"
    return said


def rounded(value: float) -> str:
    """Return a number as all tables show it, to one decimal."""
    return f"{np.round(value, 1):g}"


def mark(row: Row) -> str:
    """Return what stands behind a name: published, or that nobody looks."""
    words = ["published"] if row.source == "published" else []
    words += [row.kind] if row.kind != "model" else []
    return f" ({', '.join(words)})" if words else ""


def remarks_of(table: Table) -> list[str]:
    """Return what is to be said below a table: kinds of rows, totals that do not add up, and the rows' own notes."""
    remarks = []
    if table.in_percent:
        remarks.append("Rows had other numbers of items; all numbers are per cent of the points that a row could have.")
    for kind in get_args(Kind)[1:]:
        if any(row.kind == kind for row in table.rows):
            remarks.append(f"{kind}: {KINDS[kind]}.")
    if any(row.source == "published" for row in table.rows):
        remarks.append("published: from the authors' leaderboard, not measured here; it has no intervals.")
    remarks += [
        f"† {row.name}: the published total is {rounded(row.total)}, and its columns add up to {rounded(row.sum)}."
        for row in table.rows
        if not row.adds_up
    ]
    return remarks + [f"{row.name}: {row.note}" for row in table.rows if row.note]


def overviews(tables: Sequence[Table]) -> list[ScorerName]:
    """Return the scorers by which there are several sets of items under the official prompt."""
    return [
        scorer
        for scorer in get_args(ScorerName)
        if sum(table.scorer == scorer and table.prompt == "official" for table in tables) > 1
    ]


def overview(tables: Sequence[Table], scorer: ScorerName) -> tuple[list[str], dict[str, list[str]]]:
    """Return the names of the sets of items, and each model's totals in them, per cent of the points to be had.

    Rows are one model's by their identity, without one by their name; other models of one name have digests beside it.
    """
    own = [table for table in tables if table.scorer == scorer and table.prompt == "official"]
    twice = {key for table in own for key, count in Counter(map(_model, table.rows)).items() if count > 1}
    several: dict[tuple[str, ...], list[str]] = {}
    names: dict[tuple[str, ...], str] = {}
    for place, table in enumerate(own):
        for row in table.rows:
            key = (*_model(row), row.name) if _model(row) in twice else _model(row)  # one model, twice in a table
            several.setdefault(key, ["–"] * len(own))[place] = f"{100 * row.total / row.most:.1f}"
            names.setdefault(key, row.name)
    shown = {key: cells for key, cells in several.items() if sum(cell != "–" for cell in cells) > 1}
    alike = Counter(names[key] for key in shown)
    return [table.items for table in own], {
        names[key] if alike[names[key]] == 1 else f"{names[key]} ({key[1][:6]})": cells for key, cells in shown.items()
    }


def _model(row: Row) -> tuple[str, str]:
    """Return what rows of one model have alike: an identity, or else a name and where it is from."""
    return ("identity", row.identity) if row.identity else (row.name, row.source)
