"""Layouts of few large words: signs, posters and book covers, with coloured shapes between the words."""

from __future__ import annotations

from typing import Any

from tenfold.rendering.assets import Composition
from tenfold.rendering.colours import NAMED, RGB, contrast_ratio, mixed
from tenfold.rendering.drawing import Box
from tenfold.rendering.errors import TextDoesNotFit
from tenfold.rendering.fitting import SMALLEST, fitted, line_height
from tenfold.rendering.shapes import SHAPES

Facts = dict[str, Any]


def sign(page: Composition, colour_name: str) -> Facts:
    """Draw a sign: a board with one to three lines of large words, and a shape under them on every other one."""
    canvas, unit = page.canvas, page.unit
    left, right = round(page.whole(14, 26) * unit), canvas.width - round(page.whole(14, 26) * unit)
    top, bottom = round(page.whole(22, 46) * unit), canvas.height - round(page.whole(22, 46) * unit)
    board = NAMED[page.pick([name for name in NAMED if name not in (colour_name, "grey")])]
    name = page.colour_on(board)
    canvas.panel((left, top, right, bottom), board, radius=round(10 * unit))
    inset = round(4 * unit)
    frame = (left + inset, top + inset, right - inset, bottom - inset)
    canvas.panel(frame, board, radius=round(8 * unit), border=NAMED[name])
    inner = (left + round(16 * unit), top + round(12 * unit), right - round(16 * unit), bottom - round(12 * unit))
    with_shape = page.generator.random() < 0.5
    share = 0.68 if with_shape else 1.0
    lines = [" ".join(page.words(page.whole(1, 2), longest=8)).upper() for _ in range(page.whole(1, 3))]
    below = stacked(
        page, lines, ["text"] * len(lines), (*inner[:3], inner[1] + round(share * _high(inner))), NAMED[name]
    )
    if with_shape:
        room = (inner[0], below, inner[2], inner[3])
        shapes_in(page, room, board, count=page.whole(1, 2))
    return {"colour": colour_name, "text_colour": name}


def poster(page: Composition, colour_name: str) -> Facts:
    """Draw a poster: a title in a band, a row of shapes, then a subtitle, a place and a date."""
    canvas, unit = page.canvas, page.unit
    margin = round(14 * unit)
    band_colour = NAMED[page.pick(("black", "navy", "white", "cream", "yellow", "red", "teal", "purple"))]
    width, height = canvas.width, canvas.height
    top_band = (0, round(14 * unit), width, round(0.46 * height))
    low_band = (0, round(0.70 * height), width, height - round(12 * unit))
    for band in (top_band, low_band):
        canvas.panel(band, band_colour)
    name = page.colour_on(band_colour)
    title = page.title(page.whole(2, 3), longest=9)
    title_box = (margin, top_band[1] + round(6 * unit), width - margin, top_band[3] - round(6 * unit))
    words = title.split()
    stacked(page, [words[0], " ".join(words[1:])], ["title"] * 2, title_box, NAMED[name])
    room = (margin, top_band[3] + round(4 * unit), width - margin, low_band[1] - round(4 * unit))
    shapes_in(page, room, NAMED[colour_name], count=page.whole(2, 4), badges=page.busy)
    subtitle, place = " ".join(page.words(2, longest=9)), f"{page.title(1)} {page.pick(('Hall', 'Park', 'Square'))}"
    date = page.date()
    rows = [subtitle, f"{place} {date}"]
    low_box = (margin, low_band[1] + round(5 * unit), width - margin, low_band[3] - round(5 * unit))
    stacked(
        page,
        rows,
        ["subtitle", "place and date"],
        low_box,
        NAMED[page.colour_on(band_colour)],
        largest=20,
    )
    return {"title": title, "subtitle": subtitle, "place": place, "date": date, "title_colour": name}


def cover(page: Composition, colour_name: str) -> Facts:
    """Draw a book's cover: title and subtitle above, an emblem, the author below."""
    canvas, unit = page.canvas, page.unit
    margin = round(18 * unit)
    colour = NAMED[page.pick(("cream", "white", "navy", "black", "teal", "yellow", "brown"))]
    frame = (round(8 * unit), round(8 * unit), canvas.width - round(8 * unit), canvas.height - round(8 * unit))
    canvas.panel(frame, colour, border=page.ink_on(colour))
    name = page.colour_on(colour)
    title, subtitle, author = (
        page.title(page.whole(2, 4), longest=9),
        page.title(2, longest=9),
        page.title(2, longest=8),
    )
    words = title.split()
    half = -(-len(words) // 2)
    title_box = (margin, frame[1] + round(10 * unit), canvas.width - margin, round(0.42 * canvas.height))
    lines = [" ".join(words[:half]), " ".join(words[half:])]
    below = stacked(page, lines, ["title"] * 2, title_box, NAMED[name])
    plain = page.ink_on(colour)
    below_subtitle = round(0.54 * canvas.height)
    stacked(page, [subtitle], ["subtitle"], (margin, below, canvas.width - margin, below_subtitle), plain, largest=18)
    emblem = (margin, below_subtitle, canvas.width - margin, round(0.80 * canvas.height))
    shapes_in(page, emblem, colour, count=1)
    low = (margin, round(0.82 * canvas.height), canvas.width - margin, frame[3] - round(6 * unit))
    stacked(page, [author], ["author"], low, plain, largest=22)
    return {"title": title, "subtitle": subtitle, "author": author, "title_colour": name}


def stacked(
    page: Composition, lines: list[str], roles: list[str], box: Box, colour: RGB, *, largest: float = 52
) -> int:
    """Draw centred lines, one block, as large as ``box`` lets them be; return the first row below them.

    ``largest`` is a size in 1/256 of the canvas's shorter side. Raises TextDoesNotFit if the box is too small.
    """
    font = page.pick(page.assets.fonts)
    room = _high(box) // len(lines)
    cap = min(round(largest * page.unit), room)
    for size in range(cap, SMALLEST - 1, -1):
        styles = [fitted(line, font, colour, width=box[2] - box[0], largest=size) for line in lines]
        if sum(map(line_height, styles)) <= _high(box):
            break
    else:
        raise TextDoesNotFit(f"{lines} in {font.name} do not fit {box[2] - box[0]}×{_high(box)} pixels: shorten them")
    page.canvas.next_block()
    y = box[1] + (_high(box) - sum(map(line_height, styles))) // 2
    for line, style, role in zip(lines, styles, roles, strict=True):
        page.canvas.write(line, (box[0] + box[2]) // 2, y, style, role=role, anchor="middle")
        y += line_height(style)
    return y


def shapes_in(page: Composition, box: Box, background: RGB, *, count: int, badges: bool = False) -> None:
    """Draw different shapes of different colours side by side, as far as ``box`` has room; on round badges if asked."""
    side = min(_high(box), (box[2] - box[0]) // count)
    if side < 10:
        return
    side = min(round((0.66 if badges else 0.9) * side), round(64 * page.unit))
    background = NAMED["white"] if badges else background
    visible = [name for name, colour in NAMED.items() if contrast_ratio(colour, background) >= 1.8]
    names = page.generator.permutation(len(SHAPES))[:count]
    colours = page.generator.permutation(len(visible))[:count]
    pitch = (box[2] - box[0]) / count
    for place, (shape, colour) in enumerate(zip(names.tolist(), colours.tolist(), strict=True)):
        x = round(box[0] + (place + 0.5) * pitch - side / 2)
        y = (box[1] + box[3] - side) // 2
        if badges:
            edge = side // 4
            page.canvas.panel((x - edge, y - edge, x + side + edge, y + side + edge), background, radius=side)
        page.canvas.shape(SHAPES[shape], (x, y, x + side, y + side), visible[colour])


def tinted(colour: RGB) -> RGB:
    """Return a light tint of a colour, for large areas."""
    return mixed(colour, (255, 255, 255), 0.82)


def _high(box: Box) -> int:
    return box[3] - box[1]
