"""Bar charts: a title, bars in colour, the names of the bars below and their values above."""

from __future__ import annotations

from typing import Any

from tenfold.rendering.assets import Composition
from tenfold.rendering.colours import NAMED
from tenfold.rendering.errors import TextDoesNotFit
from tenfold.rendering.fitting import fitted, line_height

BARS = ("blue", "orange", "green", "red", "purple", "teal", "brown", "pink")


def bar_chart(page: Composition, colour_name: str) -> dict[str, Any]:
    """Draw a bar chart. The facts list its bars from left to right: name, value and colour."""
    canvas, unit, ink = page.canvas, page.unit, NAMED["black"]
    margin = round(12 * unit)
    title = f"{page.title(2, longest=8)} {page.whole(2010, 2025)}"
    style = fitted(title, page.document_font, ink, width=canvas.width - 2 * margin, largest=round(1.3 * page.body))
    canvas.next_block()
    canvas.write(title, canvas.width // 2, margin, style, role="title", anchor="middle")
    most = (canvas.width - 2 * margin) // round(3.2 * page.body)
    count = page.whole(3, max(3, min(6, most)))
    names = [word.capitalize() for word in page.words(count, longest=7)]
    values = (1 + page.generator.permutation(98)[:count]).tolist()
    pitch = (canvas.width - 2 * margin) / count
    label = min(
        (fitted(name, page.document_font, ink, width=round(0.92 * pitch), largest=page.body) for name in names),
        key=lambda one: one.size,
    )
    floor = canvas.height - margin - line_height(label) - round(2 * unit)
    ceiling = margin + line_height(style) + line_height(label) + round(6 * unit)
    if floor - ceiling < 20:
        raise TextDoesNotFit(f"a chart of {canvas.width}×{canvas.height} has no room at {page.body} px per em")
    colours = [BARS[index] for index in page.generator.permutation(len(BARS))[:count].tolist()]
    canvas.rule(margin, floor, canvas.width - margin, floor, ink)
    facts = []
    for place, (name, value, colour) in enumerate(zip(names, values, colours, strict=True)):
        middle = round(margin + (place + 0.5) * pitch)
        top = floor - max(2, round(value / max(values) * (floor - ceiling)))
        half = round(0.3 * pitch)
        canvas.panel((middle - half, top, middle + half, floor), NAMED[colour])
        canvas.next_block()
        canvas.write(str(value), middle, top - line_height(label) - 1, label, role="value", anchor="middle")
        facts.append({"name": name, "value": value, "colour": colour})
    canvas.next_block()
    for place, name in enumerate(names):
        middle = round(margin + (place + 0.5) * pitch)
        canvas.write(name, middle, floor + round(3 * unit), label, role="bar", anchor="middle")
    return {"title": title, "bars": facts}
