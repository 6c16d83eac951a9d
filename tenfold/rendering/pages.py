"""Pages by layout and seed: the entry to the layouts of this room.

    from tenfold.rendering.pages import draw_page
    drawing = draw_page("receipt", seed=7, assets=Assets(bundled_fonts(), english_words()))

The same layout, seed, size, assets and version of Pillow give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.rendering.assets import Assets, Composition
from tenfold.rendering.backgrounds import paper, plain, random_background
from tenfold.rendering.canvas import Canvas
from tenfold.rendering.charts import bar_chart
from tenfold.rendering.colours import NAMED
from tenfold.rendering.documents import columns, form, plain_words, receipt, table
from tenfold.rendering.drawing import Drawing
from tenfold.rendering.errors import InvalidDrawing, TextDoesNotFit
from tenfold.rendering.fonts import Font
from tenfold.rendering.scenes import cover, poster, sign, tinted

Size = tuple[int, int]  # width, height
Layout = Callable[[Composition, str], dict[str, Any]]

SCENES: dict[str, Layout] = {"sign": sign, "poster": poster, "cover": cover}
DOCUMENTS: dict[str, Layout] = {
    "columns": columns,
    "receipt": receipt,
    "table": table,
    "form": form,
    "chart": bar_chart,
}
LAYOUTS = (*SCENES, *DOCUMENTS)
SMALLEST_SIDE = 128
TRIES = 20


def draw_page(
    layout: str, seed: int | Sequence[int], *, assets: Assets, size: Size = (256, 256), text_size: int | None = None
) -> Drawing:
    """Draw one page of ``size`` (width, height) pixels.

    ``text_size`` is the size of running text in pixels per em, of documents; drawn from 10 to 15 per 256 pixels of the
    shorter side if not given. Words that do not fit their place are drawn anew, with the next numbers of the same seed.
    Raises InvalidDrawing for an unknown layout or a side below 128 pixels, and TextDoesNotFit if a text of that size
    has no room after 20 tries.
    """
    if layout not in LAYOUTS:
        raise InvalidDrawing(f"no layout is called {layout!r}; there are {', '.join(LAYOUTS)}")
    if min(size) < SMALLEST_SIDE:
        raise InvalidDrawing(
            f"a page of {size[0]}×{size[1]} is too small: its sides have {SMALLEST_SIDE} pixels or more"
        )
    numbers = [seed] if isinstance(seed, int) else list(seed)
    generator = np.random.default_rng([LAYOUTS.index(layout), *numbers])
    for attempt in range(TRIES):
        try:
            return _drawn(layout, assets, size, text_size, generator)
        except TextDoesNotFit:
            if attempt == TRIES - 1:
                raise
    raise AssertionError("the loop returns or raises")


def _drawn(layout: str, assets: Assets, size: Size, text_size: int | None, generator: np.random.Generator) -> Drawing:
    names = list(NAMED)
    name = names[int(generator.integers(0, len(names)))]
    body = text_size or round(int(generator.integers(10, 16)) * min(size) / 256)
    if layout in SCENES:
        background = random_background(*size, NAMED[name], generator, photographs=assets.photographs)
        page = Composition(Canvas(background.pixels), assets, generator, body, busy=background.kind == "photograph")
        return page.canvas.finished(layout, SCENES[layout](page, name))
    tint = tinted(NAMED[name])
    sheet = paper(*size, tint if layout == "receipt" else NAMED["white"], generator)
    page = Composition(Canvas(sheet), assets, generator, body)
    return page.canvas.finished(layout, DOCUMENTS[layout](page, name))


def draw_words(words: list[str], font: Font, *, text_size: int, size: Size = (256, 256)) -> Drawing:
    """Draw words in black on white, line by line: a page to measure who reads what size.

    Raises TextDoesNotFit if the canvas does not hold them all.
    """
    canvas = Canvas(plain(*size, (255, 255, 255)))
    page = Composition(canvas, Assets((font,), ()), np.random.default_rng(0), text_size)
    return canvas.finished("words", plain_words(page, words))
