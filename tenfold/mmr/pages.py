"""Pages of the benchmark by number and seed, each in one of its layouts and in one band.

    from tenfold.mmr.pages import draw_page
    drawing = draw_page("jacket", "small", (0, 12), assets=assets_of("evaluation", bundled_fonts()))

The same layout, band, seed, assets, sides and version of Pillow give the same bytes.

Legend:  H, W height and width
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tenfold.mmr.layouts import LAYOUTS
from tenfold.mmr.sheets import BANDS, GROUNDS, Band, Sheet, palette_on
from tenfold.rendering.assets import Assets, Composition
from tenfold.rendering.backgrounds import Pixels, paper, plain, stripes
from tenfold.rendering.canvas import Canvas
from tenfold.rendering.colours import NAMED, RGB, mixed
from tenfold.rendering.drawing import Drawing
from tenfold.rendering.errors import TextDoesNotFit

SHORTEST_SIDE, LONGEST_SIDE = 384, 640
SCALES = (1.0, 0.85, 0.72, 0.6)
GRAIN = 128
BOARDED = ("pinboard", "directory")  # layouts with a background around what texts stand on


def draw_page(
    layout: str,
    band: Band,
    seed: Sequence[int],
    *,
    assets: Assets,
    sides: tuple[int, int] = (SHORTEST_SIDE, LONGEST_SIDE),
) -> Drawing:
    """Draw one page with both sides within ``sides`` pixels.

    A page whose words are too long for their places is drawn again in smaller sizes, with the same words; its facts
    are its band and what its texts stand on. Raises TextDoesNotFit if the smallest sizes are too large.
    """
    numbers = [list(LAYOUTS).index(layout), BANDS.index(band), *seed]
    for scale in SCALES:
        generator = np.random.default_rng(numbers)
        try:
            return _drawn(layout, band, scale, generator, assets, sides)
        except TextDoesNotFit:
            if scale == SCALES[-1]:
                raise
    raise AssertionError("the loop returns or raises")


def _drawn(
    layout: str, band: Band, scale: float, generator: np.random.Generator, assets: Assets, sides: tuple[int, int]
) -> Drawing:
    width, height = _size(layout, generator, sides)
    order = generator.permutation(len(NAMED))
    names = [name for name, colour in GROUNDS.items() if len(palette_on(colour, band, order)) >= 4]
    ground = names[int(generator.integers(0, len(names)))]
    canvas = Canvas(_background(layout, ground, (width, height), generator))
    page = Composition(canvas, assets, generator, body=12)
    sized = layout not in BOARDED or bool(generator.random() < 0.6)
    sheet = Sheet(page, band, scale, ground, sized=sized, crowded=layout in BOARDED)
    LAYOUTS[layout](sheet)
    return canvas.finished(layout, {"band": band, "ground": ground})


def _size(layout: str, generator: np.random.Generator, sides: tuple[int, int]) -> tuple[int, int]:
    """Return width and height: jackets and programmes stand upright, boards are among the larger pages."""
    low, high = sides
    middle = (low + high) // 2
    if layout in ("jacket", "programme"):
        return int(generator.integers(low, middle + 1)), int(generator.integers(middle, high + 1))
    if layout in BOARDED:
        low = middle
    return int(generator.integers(low, high + 1)), int(generator.integers(low, high + 1))


def _background(layout: str, ground: str, size: tuple[int, int], generator: np.random.Generator) -> Pixels:
    colour = GROUNDS[ground]
    if layout not in BOARDED:
        return _paper(size, colour, generator) if generator.random() < 0.5 else plain(*size, colour)
    around = NAMED[("brown", "teal", "grey", "green", "navy")[int(generator.integers(0, 5))]]
    board = mixed(around, (255, 255, 255), 0.25)
    if generator.random() < 0.5:
        return _paper(size, board, generator)
    width, height = size
    period = int(generator.integers(8, 20))
    rows = stripes(width, period, board, mixed(board, (0, 0, 0), 0.06), period=period)  # (period, W, 3): then again
    return rows[np.arange(height) % period]  # (H, W, 3)


def _paper(size: tuple[int, int], colour: RGB, generator: np.random.Generator) -> Pixels:
    """Return paper whose grain repeats every ``GRAIN`` pixels, which is quick to draw and to compress."""
    width, height = size
    grain = paper(GRAIN, GRAIN, colour, generator)
    return grain[np.arange(height) % GRAIN][:, np.arange(width) % GRAIN]  # (H, W, 3)
