"""What was drawn: an image with its words, lines and shapes, each with the box of its ink.

Boxes are (x0, y0, x1, y1) in pixels from the upper left corner, x1 and y1 exclusive: ``image[y0:y1, x0:x1]`` is what is
inside, and it holds every pixel that the word or shape changed. They are taken from the ink, not from font metrics.

Legend:  H, W height and width
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8

from tenfold.rendering.colours import RGB
from tenfold.rendering.fonts import Font

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class TextStyle:
    """A face, its size in pixels per em, and its colour."""

    font: Font
    size: int
    colour: RGB


@dataclass(frozen=True)
class DrawnWord:
    """One word, the box of its ink, and the number of its line."""

    text: str
    box: Box
    line: int


@dataclass(frozen=True)
class DrawnLine:
    """A line of words, numbered in reading order from 0.

    ``role`` says what it is on the page (title, author, label …), ``block`` which lines belong together.
    """

    text: str
    box: Box
    role: str
    block: int
    style: TextStyle


@dataclass(frozen=True)
class DrawnShape:
    """A coloured shape and the box of its ink."""

    name: str
    colour_name: str
    colour: RGB
    box: Box


@dataclass(frozen=True)
class Drawing:
    """An image and everything on it; ``facts`` is what its layout knows, such as a receipt's total."""

    image: UInt8[np.ndarray, "H W 3"]
    layout: str
    words: tuple[DrawnWord, ...]
    lines: tuple[DrawnLine, ...]
    shapes: tuple[DrawnShape, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The lines in reading order, one under the other."""
        return "\n".join(line.text for line in self.lines)

    def description(self) -> dict[str, Any]:
        """Return all but the image as what JSON can hold: enough to answer every question about the page."""
        height, width = self.image.shape[:2]
        return {
            "layout": self.layout,
            "width": width,
            "height": height,
            "words": [{"text": word.text, "box": list(word.box), "line": word.line} for word in self.words],
            "lines": [
                {
                    "text": line.text,
                    "box": list(line.box),
                    "role": line.role,
                    "block": line.block,
                    "font": line.style.font.name,
                    "size": line.style.size,
                    "colour": list(line.style.colour),
                }
                for line in self.lines
            ],
            "shapes": [
                {"name": shape.name, "colour": shape.colour_name, "box": list(shape.box)} for shape in self.shapes
            ],
            "facts": dict(self.facts),
        }


def union(boxes: Iterable[Box]) -> Box:
    """Return the smallest box around all of ``boxes``, of which there must be one at least."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
