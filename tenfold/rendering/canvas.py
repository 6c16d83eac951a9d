"""A canvas to draw words, shapes and rules on, which keeps the box of the ink of each.

Legend:  H, W height and width
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import UInt8

from tenfold.rendering.colours import NAMED, RGB
from tenfold.rendering.drawing import Box, Drawing, DrawnLine, DrawnShape, DrawnWord, TextStyle, union
from tenfold.rendering.errors import InvalidDrawing, TextDoesNotFit
from tenfold.rendering.fonts import loaded
from tenfold.rendering.shapes import shape_mask

if TYPE_CHECKING:
    from PIL.Image import Image

Anchor = Literal["left", "middle", "right"]


class Canvas:
    """An image that is being drawn; each word's ink is pasted by itself, so that its box is exact."""

    def __init__(self, background: UInt8[np.ndarray, "H W 3"]) -> None:
        from PIL import Image

        if background.dtype != np.uint8 or background.ndim != 3 or background.shape[2] != 3:
            raise InvalidDrawing(f"a background is uint8 (H, W, 3), not {background.dtype} {background.shape}")
        self._image = Image.fromarray(background)
        self.height, self.width = background.shape[:2]
        self._words: list[DrawnWord] = []
        self._lines: list[DrawnLine] = []
        self._shapes: list[DrawnShape] = []
        self._block = -1

    def next_block(self) -> None:
        """Begin a new block: lines drawn from now on belong together, and not to those before."""
        self._block += 1

    def write(
        self, text: str, x: int, y: int, style: TextStyle, *, role: str = "text", anchor: Anchor = "left"
    ) -> DrawnLine:
        """Draw one line, its words with spaces between, the top of its tallest letters near ``y``.

        ``x`` is its left end, middle or right end as ``anchor`` says. Raises TextDoesNotFit if ink would fall off the
        canvas, and InvalidDrawing for a text without words.
        """
        words = text.split()
        if not words:
            raise InvalidDrawing("a line needs one word at least")
        font = loaded(style.font.path, style.size)
        starts, end = _word_starts(words, style)
        left = x - {"left": 0, "middle": end // 2, "right": end}[anchor]
        baseline = y + font.getmetrics()[0]
        if self._block < 0:
            self.next_block()
        boxes = [self._word(word, left + start, baseline, style) for word, start in zip(words, starts, strict=True)]
        number = len(self._lines)
        self._words += [DrawnWord(word, box, number) for word, box in zip(words, boxes, strict=True)]
        line = DrawnLine(" ".join(words), union(boxes), role, self._block, style)
        self._lines.append(line)
        return line

    def paste_ink(self, word: str, mask: Image, corner: tuple[int, int], style: TextStyle) -> DrawnLine:
        """Draw one word, a line by itself, whose ink is at hand, with the upper left corner of the ink at ``corner``.

        Raises TextDoesNotFit if ink would fall off the canvas.
        """
        box = self._pasted(word, mask, corner, style)
        if self._block < 0:
            self.next_block()
        self._words.append(DrawnWord(word, box, len(self._lines)))
        self._lines.append(DrawnLine(word, box, "text", self._block, style))
        return self._lines[-1]

    def _word(self, word: str, x: int, baseline: int, style: TextStyle) -> Box:
        """Paste a word's ink and return its box."""
        mask, left, top = ink(word, style)
        return self._pasted(word, mask, (x + left, baseline + top), style)

    def _pasted(self, word: str, mask: Image, corner: tuple[int, int], style: TextStyle) -> Box:
        box = (*corner, corner[0] + mask.width, corner[1] + mask.height)
        if box[0] < 0 or box[1] < 0 or box[2] > self.width or box[3] > self.height:
            raise TextDoesNotFit(
                f"{word!r} in {style.font.name} at {style.size} px takes {box}, the canvas is "
                f"{self.width}×{self.height}: take a smaller size or a shorter text"
            )
        self._image.paste(style.colour, box, mask)
        return box

    def shape(self, name: str, box: Box, colour_name: str) -> DrawnShape:
        """Draw a coloured shape inside ``box``. Raises InvalidDrawing for an unknown name, or a box off the canvas."""
        if colour_name not in NAMED:
            raise InvalidDrawing(f"no colour is called {colour_name!r}; there are {', '.join(NAMED)}")
        if box[0] < 0 or box[1] < 0 or box[2] > self.width or box[3] > self.height or min(_size(box)) < 3:
            raise InvalidDrawing(f"a {name} in {box} of a canvas of {self.width}×{self.height}")
        mask = shape_mask(name, *_size(box))
        inner = mask.getbbox()
        assert inner is not None
        placed = (box[0] + inner[0], box[1] + inner[1], box[0] + inner[2], box[1] + inner[3])
        self._image.paste(NAMED[colour_name], placed, mask.crop(inner))
        drawn = DrawnShape(name, colour_name, NAMED[colour_name], placed)
        self._shapes.append(drawn)
        return drawn

    def panel(self, box: Box, colour: RGB, *, radius: int = 0, border: RGB | None = None) -> None:
        """Fill a rectangle, with rounded corners and a border of one pixel where asked; it is no shape to ask about."""
        from PIL import ImageDraw

        inclusive = (box[0], box[1], box[2] - 1, box[3] - 1)
        ImageDraw.Draw(self._image).rounded_rectangle(inclusive, radius, fill=colour, outline=border)

    def rule(self, x0: int, y0: int, x1: int, y1: int, colour: RGB, *, dashed: bool = False) -> None:
        """Draw an upright or level rule of one pixel, both ends included."""
        from PIL import ImageDraw

        pen = ImageDraw.Draw(self._image)
        if not dashed:
            pen.line((x0, y0, x1, y1), fill=colour)
            return
        for x in range(x0, x1, 5):
            pen.line((x, y0, min(x + 2, x1), y1), fill=colour)

    def finished(self, layout: str, facts: Mapping[str, Any] | None = None) -> Drawing:
        """Return what was drawn."""
        lines, shapes = tuple(self._lines), tuple(self._shapes)
        return Drawing(np.array(self._image), layout, tuple(self._words), lines, shapes, dict(facts or {}))


def ink(word: str, style: TextStyle) -> tuple[Image, int, int]:
    """Return the coverage of a word's ink, cut to its box, and its left and top from the start of the baseline.

    Raises TextDoesNotFit for a word without ink.
    """
    from PIL import Image, ImageDraw

    font = loaded(style.font.path, style.size)
    margin = style.size + 2  # swashes of script faces reach that far out
    ascent, descent = font.getmetrics()
    size = (round(font.getlength(word)) + 2 * margin, ascent + descent + 2 * margin)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).text((margin, margin + ascent), word, fill=255, font=font, anchor="ls")
    box = mask.getbbox()
    if box is None:
        raise TextDoesNotFit(f"{word!r} in {style.font.name} at {style.size} px leaves no ink: take a larger size")
    return mask.crop(box), box[0] - margin, box[1] - margin - ascent


def _word_starts(words: list[str], style: TextStyle) -> tuple[list[int], int]:
    """Return where each word of a line starts, and where the line ends, from its left end in whole pixels."""
    font = loaded(style.font.path, style.size)
    space = max(font.getlength(" "), 0.2 * style.size)  # some display faces have next to none
    starts, x = [], 0.0
    for word in words:
        starts.append(round(x))
        x += font.getlength(word) + space
    return starts, round(x - space)


def line_width(text: str, style: TextStyle) -> int:
    """Return the advance width of a line in pixels; its ink may reach a little beyond."""
    return _word_starts(text.split(), style)[1]


def _size(box: Box) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]
