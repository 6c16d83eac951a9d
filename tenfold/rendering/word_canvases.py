"""Small canvases with a word or two, each as large as its row lets it be, and the same words in white on black.

    from tenfold.rendering.word_canvases import draw_word_canvas, glyph_image
    drawing = draw_word_canvas(["open"], np.random.default_rng(0), assets=assets, size=(64, 64))
    glyphs = glyph_image(drawing)  # (H, W): the same ink, in the same place

Legend:  H, W height and width
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import UInt8

from tenfold.rendering.assets import Assets
from tenfold.rendering.backgrounds import Background, Kind, Pixels, photograph, random_background
from tenfold.rendering.canvas import Canvas, ink
from tenfold.rendering.colours import NAMED, RGB, contrast_ratio, readable_on
from tenfold.rendering.drawing import Box, Drawing, TextStyle
from tenfold.rendering.errors import InvalidDrawing, TextDoesNotFit
from tenfold.rendering.fitting import SMALLEST, fitted
from tenfold.rendering.fonts import Font

if TYPE_CHECKING:
    from PIL.Image import Image

GREY_RANGE = (60, 200)


def draw_word_canvas(
    words: Sequence[str],
    generator: np.random.Generator,
    *,
    assets: Assets,
    size: tuple[int, int] = (64, 64),
    grey: bool = False,
    contrast: float = 4.5,
    across: bool = False,
    smallest: float = 1.0,
) -> Drawing:
    """Draw words one under the other in one face and colour, with what ``generator`` draws for the rest.

    ``size`` is width, height. ``across`` puts words side by side instead. Each word is as large as its part of the
    canvas allows, or a share of that drawn from ``smallest`` to 1. ``grey`` brings backgrounds to grey between 60 and
    200, smoothed, with text in black or white. The colour has ``contrast`` (WCAG ratio) against the mean of what is
    behind each word where one of the named colours has, else black or white, whichever has more.
    ``facts`` holds the kind of background.
    Raises InvalidDrawing without words, and TextDoesNotFit if a word is wider than its part at 6 px per em.
    """
    if not words:
        raise InvalidDrawing("a word canvas needs one word at least")
    background = _background(assets, generator, size, grey)
    pixels = background.pixels
    font = assets.fonts[int(generator.integers(0, len(assets.fonts)))]
    placed = place_words(words, font, generator, size=size, across=across, smallest=smallest)
    behind = [_mean(pixels[y : y + mask.height, x : x + mask.width]) for _, _, mask, (x, y) in placed]
    colour = _colour(behind, contrast, generator, grey=grey)
    canvas = Canvas(pixels)
    for word, found, mask, corner in placed:
        canvas.next_block()
        canvas.paste_ink(word, mask, corner, TextStyle(font, found, colour))
    return canvas.finished("words", {"background": background.kind})


class PlacedInk(NamedTuple):
    """A word with its size in pixels per em, the coverage of its ink, and the upper left corner of that."""

    word: str
    size: int
    mask: Image
    corner: tuple[int, int]


def place_words(
    words: Sequence[str],
    font: Font,
    generator: np.random.Generator,
    *,
    size: tuple[int, int],
    across: bool = False,
    smallest: float = 1.0,
) -> list[PlacedInk]:
    """Return where and how large words stand on a canvas, each at random inside its row or column.

    Raises TextDoesNotFit as `draw_word_canvas` does.
    """
    margin, placed = max(1, min(size) // 32), []
    for word, (left, top, right, bottom) in zip(words, parts_of(size, len(words), across=across), strict=True):
        width, height = right - left - 2 * margin, bottom - top - 2 * margin
        share = 1.0 if smallest == 1 else float(generator.uniform(smallest, 1))
        found, mask = largest_ink(word, font, width, min(height, max(SMALLEST, round(share * height))))
        free = (width - mask.width + 1, height - mask.height + 1)
        x, y = generator.integers(0, free).tolist()
        placed.append(PlacedInk(word, found, mask, (left + margin + x, top + margin + y)))
    return placed


def parts_of(size: tuple[int, int], count: int, *, across: bool = False) -> list[Box]:
    """Return ``count`` equal rows of a canvas (width, height), or columns, from the upper left."""
    width, height = size
    if across:
        pitch = width // count
        return [(number * pitch, 0, (number + 1) * pitch, height) for number in range(count)]
    pitch = height // count
    return [(0, number * pitch, width, (number + 1) * pitch) for number in range(count)]


def glyph_image(drawing: Drawing) -> UInt8[np.ndarray, "H W"]:
    """Return the words of a drawing in white on black: the same ink, in the same places."""
    glyphs = np.zeros(drawing.image.shape[:2], np.uint8)
    for word in drawing.words:
        mask, _, _ = ink(word.text, drawing.lines[word.line].style)
        x0, y0, x1, y1 = word.box
        glyphs[y0:y1, x0:x1] = np.maximum(glyphs[y0:y1, x0:x1], np.asarray(mask))
    return glyphs


@lru_cache(maxsize=16384)
def largest_ink(word: str, font: Font, width: int, height: int) -> tuple[int, Image]:
    """Return the largest size at which a word's ink is within ``width`` × ``height`` pixels, and the ink.

    The ink is shared between calls: paste it, and leave it as it is. Raises TextDoesNotFit if it is wider at 6 px.
    """
    start = fitted(word, font, NAMED["black"], width=width, largest=round(1.3 * height)).size
    for size in range(start, SMALLEST - 1, -1):
        mask, _, _ = ink(word, TextStyle(font, size, NAMED["black"]))
        if mask.width <= width and mask.height <= height:
            return size, mask
    raise TextDoesNotFit(f"{word!r} in {font.name} does not fit {width}×{height} pixels at {SMALLEST} px per em")


def _background(assets: Assets, generator: np.random.Generator, size: tuple[int, int], grey: bool) -> Background:
    if not grey:
        names = list(NAMED)
        colour = NAMED[names[int(generator.integers(0, len(names)))]]
        return random_background(*size, colour, generator, photographs=assets.photographs)
    low, high = sorted(generator.integers(*GREY_RANGE, 2).tolist())
    if assets.photographs:
        source = assets.photographs[int(generator.integers(0, len(assets.photographs)))]
        shades = _smooth(photograph(*size, source, generator), low, high)
    else:
        shades = np.linspace(low, high, size[1])[:, None].repeat(size[0], axis=1)
    kind: Kind = "photograph" if assets.photographs else "gradient"
    return Background(np.repeat(np.rint(shades).astype(np.uint8)[..., None], 3, axis=2), kind)


def _smooth(pixels: Pixels, low: int, high: int) -> np.ndarray:
    """Return a photograph as smoothed shades of grey between ``low`` and ``high``."""
    from PIL import Image, ImageFilter

    radius = max(2, min(pixels.shape[:2]) // 16)
    blurred = Image.fromarray(pixels).convert("L").filter(ImageFilter.GaussianBlur(radius))
    shades = np.asarray(blurred, dtype=np.float64)
    spread = max(float(np.ptp(shades)), 1.0)
    return low + (shades - shades.min()) / spread * (high - low)


def _mean(pixels: Pixels) -> RGB:
    red, green, blue = (round(value) for value in pixels.reshape(-1, 3).mean(axis=0).tolist())
    return red, green, blue


def _colour(behind: list[RGB], contrast: float, generator: np.random.Generator, *, grey: bool) -> RGB:
    """Return a colour that can be read on all that lies behind the words, or the better one of black and white."""
    readable = [] if grey else [set(readable_on(one, contrast)) for one in behind]
    names = [name for name in NAMED if readable and all(name in one for one in readable)]
    if names:
        return NAMED[names[int(generator.integers(0, len(names)))]]
    return max((NAMED["black"], NAMED["white"]), key=lambda colour: min(contrast_ratio(colour, one) for one in behind))
