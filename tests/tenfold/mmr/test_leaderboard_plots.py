"""The radar's corners are the shares of the columns, and the totals' dots the totals."""

from __future__ import annotations

import math
import re

import pytest

from tenfold.mmr.leaderboard_plots import HIGH, MARGIN, NAMES, RADIUS, SIDE, WIDTH, in_radar, radar, totals
from tenfold.mmr.leaderboard_rows import Row, tables_of
from tenfold.mmr.leaderboard_text import head
from tests.tenfold.mmr.board_rows import GPT_4O, published, row


def corners(svg: str, kind: str) -> list[tuple[float, float]]:
    (points,) = re.findall(rf'<polygon class="row {kind}" points="([^"]+)"', svg)
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in points.split())]


def test_each_corner_is_as_far_from_the_middle_as_its_column_has_points() -> None:
    (table,) = tables_of([row("ours", *range(0, 48, 4))])
    distances = [math.dist(corner, (SIDE / 2, HIGH / 2)) for corner in corners(radar(table), "s0")]
    assert distances == pytest.approx([RADIUS * points / 50 for points in range(0, 48, 4)], abs=0.1)


def test_measured_models_come_first_and_the_best_published_stand_beside_them() -> None:
    measured = [row(f"m{number}", number) for number in range(1, 8)]
    known = [published(f"p{number}", GPT_4O, 400 + number) for number in range(4)]
    (table,) = tables_of([*measured, *known, row("luck", 7, kind="chance"), row("text", 8, kind="blind")])
    assert [row.name for row in in_radar(table)] == ["m7", "m6", "m5", "m4", "p3", "p2"]
    (alone,) = tables_of(known)
    assert len(in_radar(alone)) == 4
    assert 'class="row chance"' in radar(table)


def test_totals_lie_at_their_share_and_intervals_around_them() -> None:
    (table,) = tables_of([row("ours", 25, interval=(240, 330)), row("luck", 5, kind="chance")])
    svg, room = totals(table), WIDTH - NAMES - MARGIN
    (x,) = re.findall(r'class="dot model measured" cx="([\d.]+)"', svg)
    assert float(x) == pytest.approx(NAMES + room / 2, abs=0.1)
    ((low, high),) = re.findall(r'class="interval" x1="([\d.]+)" y1="[\d.]+" x2="([\d.]+)"', svg)
    assert (float(low), float(high)) == pytest.approx((NAMES + 0.4 * room, NAMES + 0.55 * room), abs=0.1)
    assert '<line class="chance"' in svg


def test_there_is_no_radar_of_two_columns_and_names_are_text() -> None:
    (two,) = tables_of([Row("<b>", {"font_size": 3, "font_color": 4}, 7)])
    assert radar(two) == "" and "&lt;b&gt;" in totals(two) and "<b>" not in totals(two)


def test_an_axis_is_called_as_its_column() -> None:
    (table,) = tables_of([row("a", 30)])
    drawn = radar(table)
    assert ">Grounding: Text<" in drawn and ">Text box<" in drawn and "Text of box" not in drawn
    assert any(head(table, column).startswith("Grounding: Text /") for column in table.columns)
