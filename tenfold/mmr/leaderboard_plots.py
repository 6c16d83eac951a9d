"""The plots of a leaderboard as inline SVG: a radar of shares by column, and totals with intervals.

Colours come from the page's style sheet by class, s0, s1 …; the same table gives the same text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tenfold.mmr.leaderboard_rows import Row, Table
from tenfold.mmr.leaderboard_text import SHORT
from tenfold.mmr.tasks import Column

MOST_IN_RADAR = 6
PUBLISHED_IN_RADAR = 2  # beside measured rows, if there are enough of these
FEWEST_AXES = 3
SIDE, HIGH, RADIUS = 480.0, 330.0, 135.0  # of the radar, in units of its own
WIDTH, NAMES, LINE, TOP, MARGIN = 400.0, 150.0, 20.0, 30.0, 24.0  # of the totals


def in_radar(table: Table) -> list[Row]:
    """Return the rows of the radar: measured models by total, the best published ones, and at most six in all."""
    models = [row for row in table.rows if row.kind == "model"]
    measured = [row for row in models if row.source == "measured"]
    published = [row for row in models if row.source == "published"]
    kept = measured[: MOST_IN_RADAR - min(PUBLISHED_IN_RADAR, len(published))]
    return kept + published[: MOST_IN_RADAR - len(kept)]


def lines_in_radar(table: Table) -> list[Row]:
    """Return the rows that are drawn as dashed lines: by chance, and the constant answer."""
    return [row for row in table.rows if row.kind in ("chance", "constant")]


def radar(table: Table) -> str:
    """Return the radar plot, each axis the share of a column's points from 0 in the middle to 1; "" below three axes.

    A row without items in a column is at 0 there.
    """
    columns = table.columns
    rows, lines = in_radar(table), lines_in_radar(table)
    if len(columns) < FEWEST_AXES or not rows + lines:
        return ""
    parts = [
        f'<svg class="radar" viewBox="0 0 {SIDE:.0f} {HIGH:.0f}" role="img" '
        f'aria-label="radar of {escape(", ".join(row.name for row in rows + lines))}; the numbers stand in the table">'
    ]
    for share in (0.25, 0.5, 0.75, 1.0):
        parts.append(f'<polygon class="grid" points="{_points([share] * len(columns))}"/>')
    for place, column in enumerate(columns):
        (x, y), (far_x, far_y) = _at(place, len(columns), 1.0), _at(place, len(columns), 1.09)
        parts.append(f'<line class="grid" x1="{SIDE / 2:.1f}" y1="{HIGH / 2:.1f}" x2="{x:.1f}" y2="{y:.1f}"/>')
        anchor = "middle" if abs(far_x - SIDE / 2) < 20 else "start" if far_x > SIDE / 2 else "end"
        parts.append(f'<text x="{far_x:.1f}" y="{far_y + 4:.1f}" text-anchor="{anchor}">{_axis(column)}</text>')
    for row in lines:
        parts.append(_polygon(row, columns, row.kind))
    for number, row in enumerate(rows):
        parts.append(_polygon(row, columns, f"s{number}"))
    return "".join([*parts, "</svg>"])


def _axis(column: Column) -> str:
    words = {"localize_o": "Place: Obj", "localize_t": "Place: Text", "grounding_t text": "Grounding: Text"}
    return escape(words.get(column, SHORT[column]))


def _polygon(row: Row, columns: Sequence[Column], kind: str) -> str:
    shares = [row.share(column) or 0.0 for column in columns]
    return f'<polygon class="row {kind}" points="{_points(shares)}"><title>{escape(row.name)}</title></polygon>'


def _at(place: int, count: int, share: float) -> tuple[float, float]:
    angle = 2 * math.pi * place / count - math.pi / 2
    return SIDE / 2 + RADIUS * share * math.cos(angle), HIGH / 2 + RADIUS * share * math.sin(angle)


def _points(shares: Sequence[float]) -> str:
    pairs = (_at(place, len(shares), share) for place, share in enumerate(shares))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


def totals(table: Table) -> str:
    """Return totals in per cent of the points to be had, with intervals, and chance and constant answers as lines."""
    height = TOP + LINE * len(table.rows) + 10
    parts = [
        f'<svg class="totals" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" '
        'aria-label="totals with intervals; the numbers stand in the table">'
    ]
    for percent in (0, 25, 50, 75, 100):
        x = _along(percent / 100)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP - 8:.1f}" x2="{x:.1f}" y2="{height - 6:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{TOP - 13:.1f}" text-anchor="middle">{percent} %</text>')
    for row in lines_in_radar(table):
        x = _along(row.total / row.most)
        parts.append(
            f'<line class="{row.kind}" x1="{x:.1f}" y1="{TOP - 8:.1f}" x2="{x:.1f}" y2="{height - 6:.1f}">'
            f"<title>{escape(row.name)}</title></line>"
        )
    for number, row in enumerate(table.rows):
        y = TOP + LINE * (number + 0.5)
        parts.append(f'<text x="{NAMES - 8:.1f}" y="{y + 4:.1f}" text-anchor="end">{escape(_short(row.name))}</text>')
        if row.interval is not None:
            low, high = (_along(min(max(end / row.most, 0.0), 1.0)) for end in row.interval)
            parts.append(f'<line class="interval" x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<circle class="dot {row.kind} {row.source}" cx="{_along(row.total / row.most):.1f}" cy="{y:.1f}" r="4.5">'
            f"<title>{escape(row.name)}: {100 * row.total / row.most:.1f} %</title></circle>"
        )
    return "".join([*parts, "</svg>"])


def _along(share: float) -> float:
    return NAMES + (WIDTH - NAMES - MARGIN) * share


def _short(name: str, most: int = 21) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
