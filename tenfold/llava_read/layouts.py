"""Layouts of pages with a title, a table of texts in two or three columns, and coloured shapes, as data.

Regions are in 1/256 of the page's sides. An arrangement says where things stand and how the table is set; every cell
is a line of its own, whose role names its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tenfold.llava_read.contents import Figure, Texts, rows_of_cells
from tenfold.rendering.assets import Composition
from tenfold.rendering.canvas import line_width
from tenfold.rendering.colours import NAMED, RGB, mixed
from tenfold.rendering.drawing import Box, TextStyle
from tenfold.rendering.errors import TextDoesNotFit
from tenfold.rendering.fitting import fitted, line_height

Region = tuple[int, int, int, int]
RULE = (150, 152, 158)
LARGEST_TITLE, MOST_WORDS = 40, 38
SMALLEST_SHAPE, LARGEST_SHAPE = 22, 52  # pixels on a page of 256
NARROWEST = 0.4  # ems per letter, below which hardly any word of a text face is


@dataclass(frozen=True)
class Arrangement:
    """Where things stand, and how the table is set.

    ``set_as`` is "grid", columns at equal distances; "inline", the value right after its name and a colon; "apart", the
    value at the right edge. ``dressed`` is what is drawn behind the table.
    """

    title: Region
    table: Region
    shapes: Region
    columns: tuple[int, ...] = (2,)
    set_as: Literal["grid", "inline", "apart"] = "grid"
    dressed: Literal["", "boxes", "rules", "panel", "band"] = ""
    large: bool = False  # few rows, as large as they fit


ARRANGEMENTS: dict[str, Arrangement] = {
    "form": Arrangement((12, 8, 244, 40), (12, 46, 244, 196), (12, 204, 244, 250), dressed="boxes"),
    "slip": Arrangement((20, 8, 176, 34), (20, 42, 176, 244), (190, 20, 246, 236), set_as="apart", dressed="panel"),
    "poster": Arrangement((12, 10, 244, 64), (12, 136, 244, 246), (12, 72, 244, 126), (2, 3), large=True),
    "notice": Arrangement((66, 10, 246, 48), (66, 56, 246, 246), (8, 12, 58, 244), set_as="inline"),
    "leaflet": Arrangement((12, 60, 244, 92), (12, 100, 244, 246), (12, 8, 244, 54), (3,), dressed="rules"),
    "label": Arrangement((12, 212, 244, 246), (12, 10, 184, 204), (192, 10, 248, 204), (2, 3)),
    "sign": Arrangement((14, 12, 242, 70), (14, 78, 242, 182), (14, 192, 242, 246), (2,), dressed="band", large=True),
    "timetable": Arrangement((80, 8, 246, 40), (80, 48, 246, 246), (8, 10, 70, 246), (2, 3), dressed="rules"),
    "card": Arrangement((10, 212, 246, 246), (10, 64, 246, 204), (10, 8, 246, 56), set_as="inline"),
}


def draw_table_page(
    page: Composition, arrangement: Arrangement, figures: tuple[Figure, ...], ground: RGB
) -> dict[str, Any]:
    """Draw a page, its table in ``page.body`` pixels per em, and return its title and cells.

    Raises TextDoesNotFit where a text has no place in that size.
    """
    ink = NAMED[page.colour_on(ground, contrast=5.5)]
    upper = page.generator.random() < 0.3
    texts = Texts(page, str.upper if upper else str.capitalize)
    title = _title(page, _box(page, arrangement.title), texts, ink)
    columns = page.pick(arrangement.columns)
    table, style = _box(page, arrangement.table), page.style(ink)
    rows, leading = _rows(page, arrangement, table, style, columns)
    cells = _cells(texts, arrangement, style, rows, columns, table)
    _dress(page, arrangement, table, rows, leading, ground)
    _write(page, arrangement, cells, table, leading, style)
    _shapes(page, _box(page, arrangement.shapes), figures, ground)
    return {"title": title, "cells": [list(row) for row in cells], "set_as": arrangement.set_as}


def _box(page: Composition, region: Region) -> Box:
    wide, high = page.canvas.width / 256, page.canvas.height / 256
    return round(region[0] * wide), round(region[1] * high), round(region[2] * wide), round(region[3] * high)


def _title(page: Composition, box: Box, texts: Texts, ink: RGB) -> str:
    """Write a title of one or two words, as large as it fits; return it."""
    title = " ".join(texts.word(lambda text: True) for _ in range(page.whole(1, 2)))
    style = fitted(
        title,
        page.pick(page.assets.fonts),
        ink,
        width=box[2] - box[0],
        largest=min(round(LARGEST_TITLE * page.unit), round((box[3] - box[1]) / 1.4)),
        smallest=min(10, page.body),
    )
    page.canvas.next_block()
    free = box[3] - box[1] - line_height(style)
    page.canvas.write(title, (box[0] + box[2]) // 2, box[1] + free // 2, style, role="title", anchor="middle")
    return title


def _rows(page: Composition, arrangement: Arrangement, table: Box, style: TextStyle, columns: int) -> tuple[int, int]:
    """Return how many rows the table has, and the pixels from one to the next."""
    leading = round(line_height(style) * (1.5 if arrangement.dressed == "boxes" else 1.2)) + 1
    most = min((table[3] - table[1]) // leading, MOST_WORDS // columns)
    if most < 2:
        raise TextDoesNotFit(f"a table at {style.size} px has no room for two rows in {table}")
    rows = most if arrangement.large else page.whole(max(2, round(0.55 * most)), most)
    if arrangement.large:
        rows = min(rows, page.whole(2, 4))
        leading = min((table[3] - table[1]) // rows, 2 * leading)
    return rows, leading


def _cells(
    texts: Texts, arrangement: Arrangement, style: TextStyle, rows: int, columns: int, table: Box
) -> tuple[tuple[str, ...], ...]:
    width = table[2] - table[0]
    if arrangement.set_as == "grid":
        room = width // columns - max(8, style.size)
        return rows_of_cells(texts, rows, [_narrower(style, room)] * columns)
    gap = 2 * style.size
    name, value = round(0.55 * (width - gap)), round(0.45 * (width - gap))
    return rows_of_cells(texts, rows, [_narrower(style, name), _narrower(style, value)])


def _narrower(style: TextStyle, room: int) -> Callable[[str], bool]:
    """Return whether a text without spaces is no wider than ``room`` pixels; what is far too long is not measured."""
    most = room / (NARROWEST * style.size)
    return lambda text: len(text) <= most and line_width(text, style) <= room


def _dress(page: Composition, arrangement: Arrangement, table: Box, rows: int, leading: int, ground: RGB) -> None:
    """Draw what is behind a table: boxes, rules, a panel or a band; none of them changes what can be read."""
    canvas = page.canvas
    x0, y0, x1, _ = table
    light = mixed(ground, (255, 255, 255) if sum(ground) > 380 else (60, 64, 72), 0.6)
    if arrangement.dressed in ("panel", "band"):
        edge = round(6 * page.unit)
        end = min(canvas.height, y0 + rows * leading + edge)
        canvas.panel((max(0, x0 - edge), max(0, y0 - edge), min(canvas.width, x1 + edge), end), light, radius=edge)
    for row in range(rows):
        top = y0 + row * leading
        if arrangement.dressed == "boxes":
            canvas.panel(((x0 + x1) // 2 - 4, top, x1, top + leading - 2), light, border=RULE)
        if arrangement.dressed == "rules":
            canvas.rule(x0, top + leading - 1, x1, top + leading - 1, RULE)


def _write(
    page: Composition,
    arrangement: Arrangement,
    cells: tuple[tuple[str, ...], ...],
    table: Box,
    leading: int,
    style: TextStyle,
) -> None:
    """Write every cell as a line of its own; names that stand inline have a colon."""
    canvas, (x0, y0, x1, _) = page.canvas, table
    free = leading - line_height(style)
    for row, line in enumerate(cells):
        y = y0 + row * leading + free // 2
        canvas.next_block()
        x = x0
        for column, cell in enumerate(line):
            role = f"cell {row} {column}"
            if arrangement.set_as == "grid":
                canvas.write(cell, x0 + column * ((x1 - x0) // len(line)), y, style, role=role)
            elif arrangement.set_as == "apart" and column:
                canvas.write(cell, x1, y, style, role=role, anchor="right")
            else:
                shown = f"{cell}:" if arrangement.set_as == "inline" and not column else cell
                canvas.write(shown, x, y, style, role=role)
                x += line_width(shown, style) + round(0.6 * style.size)


def _shapes(page: Composition, box: Box, figures: tuple[Figure, ...], ground: RGB) -> None:
    """Draw the figures in random order along the longer side of ``box``, each with room to itself."""
    x0, y0, x1, y1 = box
    level = x1 - x0 >= y1 - y0
    long, short = (x1 - x0, y1 - y0) if level else (y1 - y0, x1 - x0)
    pitch = long / len(figures)
    most = min(short, round(pitch) - 4, round(LARGEST_SHAPE * page.unit))
    least = round(SMALLEST_SHAPE * page.unit)
    if most < least:
        raise TextDoesNotFit(f"{len(figures)} shapes of {least} px have no room in {box}")
    if sum(ground) <= 380:
        page.canvas.panel((x0 - 4, y0 - 4, x1 + 4, y1 + 4), NAMED["white"], radius=6)
    for place, number in enumerate(page.generator.permutation(len(figures)).tolist()):
        side = page.whole(max(least, round(0.75 * most)), most)
        middle, across = round((place + 0.5) * pitch), short // 2
        x, y = (x0 + middle, y0 + across) if level else (x0 + across, y0 + middle)
        corner = (x - side // 2, y - side // 2)
        figure = figures[number]
        page.canvas.shape(figure.shape, (*corner, corner[0] + side, corner[1] + side), figure.colour)
