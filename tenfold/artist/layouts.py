"""Layouts: which word is to stand in which box of a canvas, and what is wrong with one before it is drawn.

Boxes are (x0, y0, x1, y1) in pixels of the canvas, x1 and y1 exclusive; planners write them as shares of its sides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tenfold.rendering.drawing import Box, Drawing

UnitBox = tuple[float, float, float, float]


class InvalidLayout(ValueError):
    """A layout has a word that is none, a box that is empty or off the canvas, or more than a model can take."""


@dataclass(frozen=True)
class PlacedWord:
    """One word, without white space, and its box in pixels."""

    text: str
    box: Box


@dataclass(frozen=True)
class Layout:
    """The words of one canvas of ``width`` × ``height`` pixels, none of them changed or left out.

    Raises InvalidLayout for a text that is empty or holds white space, and for a box that is empty or off the canvas.
    """

    width: int
    height: int
    words: tuple[PlacedWord, ...] = ()

    def __post_init__(self) -> None:
        for text, (x0, y0, x1, y1) in ((word.text, word.box) for word in self.words):
            if not text or text.split() != [text]:
                raise InvalidLayout(f"{text!r} is not one word: split it, and give each word a box")
            if not (0 <= x0 < x1 <= self.width and 0 <= y0 < y1 <= self.height):
                raise InvalidLayout(
                    f"{text!r} has the box {(x0, y0, x1, y1)}, empty or off the canvas of {self.width}×{self.height}"
                )

    @property
    def texts(self) -> tuple[str, ...]:
        """The words in order."""
        return tuple(word.text for word in self.words)

    @property
    def boxes(self) -> tuple[Box, ...]:
        """Their boxes in pixels."""
        return tuple(word.box for word in self.words)

    @property
    def overlaps(self) -> tuple[tuple[int, int], ...]:
        """The pairs of words, by number, whose boxes share a pixel."""
        return tuple(
            pair for pair in combinations(range(len(self.words)), 2) if _share_a_pixel(*(self.boxes[i] for i in pair))
        )

    def unit_boxes(self) -> tuple[UnitBox, ...]:
        """Return the boxes as shares of the canvas's sides."""
        return tuple(
            (x0 / self.width, y0 / self.height, x1 / self.width, y1 / self.height) for x0, y0, x1, y1 in self.boxes
        )

    def checked(self, *, most_words: int | None = None, longest: int | None = None) -> Layout:
        """Return the layout if a model takes it. Raises InvalidLayout, with the limit, for more words or letters."""
        if most_words is not None and len(self.words) > most_words:
            raise InvalidLayout(f"{len(self.words)} words on one canvas; the limit is {most_words} (most_words)")
        for text in self.texts:
            if longest is not None and len(text) > longest:
                raise InvalidLayout(f"{text!r} has {len(text)} letters; the limit is {longest} (longest)")
        return self

    def smaller_than(self, pixels: float, *, stride: int = 1) -> tuple[str, ...]:
        """Return the words whose longer side is below ``pixels`` after every ``stride`` pixels have become one."""
        return tuple(
            word.text
            for word in self.words
            if max(word.box[2] - word.box[0], word.box[3] - word.box[1]) / stride < pixels
        )

    def described(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        words = [{"text": word.text, "box": list(word.box)} for word in self.words]
        return {"width": self.width, "height": self.height, "words": words}

    @classmethod
    def from_description(cls, content: Mapping[str, Any]) -> Layout:
        """Return the layout that ``described`` wrote. Raises InvalidLayout."""
        try:
            words = tuple(PlacedWord(str(word["text"]), _box(word["box"])) for word in content["words"])
            return cls(int(content["width"]), int(content["height"]), words)
        except (KeyError, TypeError) as error:
            raise InvalidLayout(
                f"this is no layout ({error!r}): it needs width, height, and words, a box each"
            ) from None

    @classmethod
    def of(cls, drawing: Drawing) -> Layout:
        """Return what stands on a drawing, each word in the box of its ink."""
        height, width = drawing.image.shape[:2]
        return cls(width, height, tuple(PlacedWord(word.text, word.box) for word in drawing.words))


@dataclass(frozen=True)
class Fitted:
    """A layout made of shares of the sides, the words whose boxes had to be clamped, and overlapping pairs."""

    layout: Layout
    clamped: tuple[str, ...]
    overlaps: tuple[tuple[int, int], ...]


def fitted_layout(words: Sequence[tuple[str, UnitBox]], *, width: int, height: int) -> Fitted:
    """Return words with boxes in shares of the sides as a layout in whole pixels; nothing is changed unsaid.

    Edges are rounded to the nearest pixel. What reaches off the canvas is clamped, a box that has no pixel left gets
    the nearest one, and both are said in ``clamped``.
    """
    placed, clamped = [], []
    for text, (left, top, right, bottom) in words:
        wanted = (left * width, top * height, right * width, bottom * height)
        x0, x1, moved_x = _span(wanted[0], wanted[2], width)
        y0, y1, moved_y = _span(wanted[1], wanted[3], height)
        placed.append(PlacedWord(text, (x0, y0, x1, y1)))
        if moved_x or moved_y:
            clamped.append(text)
    layout = Layout(width, height, tuple(placed))
    return Fitted(layout, tuple(clamped), layout.overlaps)


def _span(start: float, end: float, side: int) -> tuple[int, int, bool]:
    """Return whole pixels from ``start`` to ``end``, at least one and inside 0 … ``side``, and whether that moved."""
    # to the nearest pixel, so that boxes that touch do not overlap
    low, high = math.floor(start + 0.5), math.floor(end + 0.5)
    first = min(max(low, 0), side - 1)
    last = max(min(high, side), first + 1)
    return first, last, (first, last) != (low, high)


def _box(values: Sequence[Any]) -> Box:
    if len(values) != 4 or any(int(value) != value for value in values):
        raise InvalidLayout(f"the box {list(values)} is not four whole numbers of pixels")
    x0, y0, x1, y1 = (int(value) for value in values)
    return x0, y0, x1, y1


def _share_a_pixel(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
