"""Canvases with words, made up: the text alone in white on black, and composites on backgrounds.

    parts = split_parts(english_words(3, 4), fonts, photographs, held_out="lora")
    canvases = draw_canvases(parts.train, 1000, np.random.default_rng(0), style=CanvasStyle())
    canvases.images, canvases.glyphs, canvases.layouts

Legend:  N canvases · H, W height and width
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from tenfold.artist.captions import Caption, caption
from tenfold.artist.layouts import InvalidLayout, Layout, PlacedWord
from tenfold.npz_files import opened
from tenfold.rendering.assets import Assets
from tenfold.rendering.drawing import Drawing
from tenfold.rendering.errors import InvalidDrawing
from tenfold.rendering.fonts import Font
from tenfold.rendering.word_canvases import draw_word_canvas, glyph_image, largest_ink, place_words
from tenfold.rendering.words import drawn_words

ARRAYS, ROWS = "canvases.npz", "canvases.jsonl"
Glyphs = UInt8[np.ndarray, "N H W"]


@dataclass(frozen=True)
class CanvasStyle:
    """How canvases look; words stand side by side.

    ``backgrounds`` are "grey" (photographs smoothed to shades of grey, text in black or white) or "photographs" (as
    they are, half of them, and plain ones, gradients, paper and stripes). ``contrast`` is the WCAG ratio that the text
    has at least where a named colour has it. A word is ``smallest`` to 1 times as large as its place allows.
    Raises InvalidDrawing.
    """

    width: int = 64
    height: int = 16
    backgrounds: Literal["grey", "photographs"] = "grey"
    contrast: float = 7.0
    smallest: float = 1.0
    words: int = 1

    def __post_init__(self) -> None:
        if self.backgrounds not in ("grey", "photographs"):
            raise InvalidDrawing(f"backgrounds are grey or photographs, not {self.backgrounds!r}")
        if not (0 < self.smallest <= 1 and self.words >= 1 and min(self.width, self.height) >= 8):
            raise InvalidDrawing(f"a canvas has 8 pixels and a word at least, and 0 < smallest <= 1: {self}")


@dataclass(frozen=True)
class Canvases:
    """Composites RGB, the same ink in white on black, and for each canvas its layout, font, caption and background.

    ``photographs`` tells which of the assets' photographs each background is a part of, -1 where it is of none.
    """

    images: UInt8[np.ndarray, "N H W 3"]
    glyphs: Glyphs
    layouts: tuple[Layout, ...]
    fonts: tuple[str, ...]
    captions: tuple[Caption, ...]
    photographs: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def words(self) -> tuple[tuple[str, ...], ...]:
        """The words of each canvas."""
        return tuple(layout.texts for layout in self.layouts)

    def save(self, folder: Path) -> None:
        """Write canvases.npz and canvases.jsonl into ``folder``, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / ARRAYS, images=self.images, glyphs=self.glyphs)
        lines = [
            json.dumps(
                {
                    "prompt": said.text,
                    "wanted": list(said.words),
                    "span": said.span,
                    "font": font,
                    "photograph": photograph,
                    **layout.described(),
                },
                ensure_ascii=False,
            )
            for layout, font, said, photograph in zip(
                self.layouts, self.fonts, self.captions, self.photographs, strict=True
            )
        ]
        (folder / ROWS).write_text("\n".join(lines) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Canvases:
        """Return what ``save`` wrote. Raises InvalidLayout if a file is damaged or the two do not match."""
        with opened(folder / ARRAYS, InvalidLayout, "canvases") as archive:
            images, glyphs = archive["images"], archive["glyphs"]
        try:
            rows = [json.loads(line) for line in (folder / ROWS).read_text(encoding="utf-8").strip().split("\n")]
            captions = tuple(Caption(row["prompt"], tuple(row["wanted"]), tuple(row["span"])) for row in rows)
            fonts = tuple(str(row["font"]) for row in rows)
            photographs = tuple(int(row["photograph"]) for row in rows)
        except (OSError, ValueError, KeyError) as error:
            raise InvalidLayout(f"{folder / ROWS} cannot be read: {error!r}. Make the canvases again.") from None
        if not len(images) == len(glyphs) == len(rows):
            raise InvalidLayout(f"{folder}: {len(images)} images, {len(glyphs)} glyph images and {len(rows)} rows")
        return cls(images, glyphs, tuple(map(Layout.from_description, rows)), fonts, captions, photographs)


def draw_canvases(assets: Assets, count: int, generator: np.random.Generator, *, style: CanvasStyle) -> Canvases:
    """Return ``count`` composites with what ``generator`` draws: the same one gives the same bytes.

    Raises TextDoesNotFit if a word is too long for its place, InvalidDrawing without words or fonts.
    """
    if not assets.words or not assets.fonts:
        raise InvalidDrawing("canvases need one word and one font at least")
    words = drawn_words(assets.words, count * style.words, generator)
    drawings, captions, photographs = [], [], []
    for number in range(count):
        own = words[number * style.words : (number + 1) * style.words]
        photograph, one = _of_one_photograph(assets, generator)
        drawings.append(_drawn(own, one, generator, style))
        captions.append(caption(own, generator))
        photographs.append(photograph if drawings[-1].facts["background"] == "photograph" else -1)
    return Canvases(
        np.stack([drawing.image for drawing in drawings]),
        np.stack([glyph_image(drawing) for drawing in drawings]),
        tuple(Layout.of(drawing) for drawing in drawings),
        tuple(drawing.lines[0].style.font.name for drawing in drawings),
        tuple(captions),
        tuple(photographs),
    )


def _of_one_photograph(assets: Assets, generator: np.random.Generator) -> tuple[int, Assets]:
    """Return the number of a photograph that is drawn, and the assets with that one alone; -1 where there is none."""
    if not assets.photographs:
        return -1, assets
    number = int(generator.integers(0, len(assets.photographs)))
    return number, Assets(assets.fonts, assets.words, (assets.photographs[number],))


def _drawn(words: Sequence[str], assets: Assets, generator: np.random.Generator, style: CanvasStyle) -> Drawing:
    return draw_word_canvas(
        words,
        generator,
        assets=assets,
        size=(style.width, style.height),
        grey=style.backgrounds == "grey",
        contrast=style.contrast,
        across=True,
        smallest=style.smallest,
    )


def draw_glyphs(
    assets: Assets, count: int, generator: np.random.Generator, *, style: CanvasStyle
) -> tuple[Glyphs, tuple[Layout, ...]]:
    """Return ``count`` canvases of text in white on black, and their layouts: what the text module learns from.

    Raises what `draw_canvases` raises.
    """
    if not assets.words or not assets.fonts:
        raise InvalidDrawing("canvases need one word and one font at least")
    words = drawn_words(assets.words, count * style.words, generator)
    glyphs, layouts = np.zeros((count, style.height, style.width), np.uint8), []
    for number, canvas in enumerate(glyphs):
        own = words[number * style.words : (number + 1) * style.words]
        font = assets.fonts[int(generator.integers(0, len(assets.fonts)))]
        size = (style.width, style.height)
        boxes = []
        for placed in place_words(own, font, generator, size=size, across=True, smallest=style.smallest):
            (x, y), ink = placed.corner, np.asarray(placed.mask)
            box = (x, y, x + ink.shape[1], y + ink.shape[0])
            canvas[box[1] : box[3], box[0] : box[2]] = np.maximum(canvas[box[1] : box[3], box[0] : box[2]], ink)
            boxes.append(PlacedWord(placed.word, box))
        layouts.append(Layout(style.width, style.height, tuple(boxes)))
    return glyphs, tuple(layouts)


def glyphs_in_boxes(layout: Layout, font: Font) -> UInt8[np.ndarray, "H W"]:
    """Return a layout's words in white on black, each as large as its box allows, in the middle of it.

    Raises TextDoesNotFit if a box is too small for its word at 6 px per em.
    """
    canvas = np.zeros((layout.height, layout.width), np.uint8)
    for word in layout.words:
        x0, y0, x1, y1 = word.box
        _, mask = largest_ink(word.text, font, x1 - x0, y1 - y0)
        ink = np.asarray(mask)
        top, left = y0 + (y1 - y0 - ink.shape[0]) // 2, x0 + (x1 - x0 - ink.shape[1]) // 2
        place = (slice(top, top + ink.shape[0]), slice(left, left + ink.shape[1]))
        canvas[place] = np.maximum(canvas[place], ink)
    return canvas
