"""Charts: values above bars, names in one row below, so that the layout says which belongs to which.

Three forms, one per part: bars with the title above; pillars on a grid with the title above and the names in a band;
pins with the title below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.llava_read.contents import COLOURS, Texts
from tenfold.rendering.assets import Composition
from tenfold.rendering.canvas import line_width
from tenfold.rendering.colours import NAMED, RGB
from tenfold.rendering.drawing import TextStyle
from tenfold.rendering.errors import TextDoesNotFit
from tenfold.rendering.fitting import fitted, line_height

RULE = (176, 178, 184)
FEWEST, MOST = 3, 6
NARROWEST = 0.4  # ems per letter
FORMS = ("bars", "pillars", "pins")


def colours_of(number: int, count: int, generator: np.random.Generator) -> list[str]:
    """Return different colours for a chart's bars; the first, of the bar that is asked about, runs through all."""
    first = number % len(COLOURS)
    rest = [place for place in generator.permutation(len(COLOURS)).tolist() if place != first]
    return [COLOURS[place] for place in (first, *rest[: count - 1])]


def draw_chart(page: Composition, form: str, number: int, ground: RGB) -> dict[str, Any]:
    """Draw chart ``number`` with its labels in ``page.body`` pixels per em, and return its title and bars.

    A bar is its name, value and colour; ``asked`` is the name of the bar whose colour is asked for. Raises
    TextDoesNotFit where the labels have no room.
    """
    canvas, ink = page.canvas, page.ink_on(ground)
    style, margin = page.style(ink), round(10 * page.unit)
    title_style = page.style(ink, size=1.2)
    most = min(MOST, (canvas.width - 2 * margin) // round(3.4 * style.size))
    if most < FEWEST:
        raise TextDoesNotFit(f"a chart has no room for {FEWEST} names at {style.size} px")
    count = page.whole(FEWEST, most)
    pitch = (canvas.width - 2 * margin) / count
    room = round(pitch) - max(6, round(0.5 * style.size))
    texts = Texts(page, str.capitalize)
    title = texts.word(lambda text: line_width(text, title_style) <= canvas.width - 2 * margin)
    longest = room / (NARROWEST * style.size)
    names = [texts.word(lambda text: len(text) <= longest and line_width(text, style) <= room) for _ in range(count)]
    values = [int(texts.number(10, 99)) for _ in range(count)]
    order = page.generator.permutation(count).tolist()
    drawn = colours_of(number, count, page.generator)
    colours = [drawn[place] for place in order]
    high = line_height(title_style) + round(6 * page.unit)
    above, below = (0, high) if form == "pins" else (high, 0)
    _title(page, title, title_style, canvas.height - margin - high if below else margin)
    floor = canvas.height - margin - below - line_height(style) - round(4 * page.unit)
    ceiling = margin + above + line_height(style) + 2
    if floor - ceiling < 50 * page.unit:
        raise TextDoesNotFit(f"a chart of {canvas.width}×{canvas.height} has no room at {style.size} px per em")
    bars = [
        {"name": name, "value": value, "colour": colour}
        for name, value, colour in zip(names, values, colours, strict=True)
    ]
    _bars(page, form, bars, style, (margin, ceiling, floor), pitch)
    return {"title": title, "bars": bars, "asked": names[order.index(0)]}


def _title(page: Composition, title: str, style: TextStyle, y: int) -> None:
    page.canvas.next_block()
    style = fitted(title, style.font, style.colour, width=page.canvas.width - 20, largest=style.size)
    page.canvas.write(title, page.canvas.width // 2, y, style, role="title", anchor="middle")


def _bars(
    page: Composition,
    form: str,
    bars: list[dict[str, Any]],
    style: TextStyle,
    frame: tuple[int, int, int],
    pitch: float,
) -> None:
    """Draw each bar with its value above it, then the names under the floor."""
    canvas, (margin, ceiling, floor) = page.canvas, frame
    highest = max(bar["value"] for bar in bars)
    if form == "pillars":
        for line in range(1, 5):
            y = floor - round(line / 4 * (floor - ceiling))
            canvas.rule(margin, y, canvas.width - margin, y, RULE, dashed=True)
    canvas.rule(margin, floor, canvas.width - margin, floor, style.colour)
    for place, bar in enumerate(bars):
        middle = round(margin + (place + 0.5) * pitch)
        top = floor - max(12, round(bar["value"] / highest * (floor - ceiling)))
        colour = NAMED[bar["colour"]]
        if form == "pins":
            half = min(round(0.26 * pitch), (floor - top) // 2)
            canvas.rule(middle, top, middle, floor, style.colour)
            canvas.panel((middle - half, top, middle + half, top + 2 * half), colour, radius=half)
        else:
            half = round((0.32 if form == "bars" else 0.2) * pitch)
            canvas.panel((middle - half, top, middle + half, floor), colour)
        canvas.next_block()
        canvas.write(
            str(bar["value"]), middle, top - line_height(style) - 1, style, role=f"value {place}", anchor="middle"
        )
    canvas.next_block()
    for place, bar in enumerate(bars):
        middle = round(margin + (place + 0.5) * pitch)
        canvas.write(bar["name"], middle, floor + round(3 * page.unit), style, role=f"name {place}", anchor="middle")
