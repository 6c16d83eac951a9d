"""What is on a page, read off the drawing: texts and objects with the boxes of their ink, their regions and relations.

Boxes are (x0, y0, x1, y1) in pixels, x1 and y1 exclusive. Whatever could be told in two ways is told in none: functions
here return None for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Literal

from rapidfuzz.fuzz import ratio

from tenfold.rendering.colours import NAMED
from tenfold.rendering.drawing import Box, Drawing, union

Direction = Literal["above", "below", "left", "right", "above left", "above right", "below left", "below right"]

STRAIGHT: tuple[Direction, ...] = ("above", "below", "left", "right")
DIAGONAL: tuple[Direction, ...] = ("above left", "above right", "below left", "below right")
OPPOSITE = {"above": "below", "below": "above", "left": "right", "right": "left"}
REGIONS = (
    *("top left", "top center", "top right"),
    *("middle left", "center", "middle right"),
    *("bottom left", "bottom center", "bottom right"),
)
CLEAR = 0.10  # of a side: by how much a centre is nearer to its region's than to the next, or apart from another's
ALIKE = 75.0  # per cent of equal letters (rapidfuzz.fuzz.ratio) from which two texts are alike
COLOUR_NAMES = {colour: name for name, colour in NAMED.items()}
SPOKEN = {"moon": "crescent moon", "bolt": "lightning bolt"}


@dataclass(frozen=True)
class PageText:
    """A text of one line or more in one style; ``height`` is the ink's of its tallest line, ``size`` in px per em."""

    text: str
    box: Box
    role: str
    size: int
    height: int
    colour: str


@dataclass(frozen=True)
class PageObject:
    """A coloured shape; ``name`` is how it is spoken of, as "red star"."""

    name: str
    box: Box


@dataclass(frozen=True)
class Contents:
    """A page's texts and objects, and its size in pixels."""

    width: int
    height: int
    texts: tuple[PageText, ...]
    objects: tuple[PageObject, ...]

    @property
    def phrases(self) -> tuple[PageText, ...]:
        """The texts but the author's, which is worded like a name, so that its words tell where it stands."""
        return tuple(text for text in self.texts if text.role != "author")

    def shares(self, box: Box) -> str:
        """Return a box as shares of the sides, four decimals each, in JSON."""
        x0, y0, x1, y1 = box
        shares = (x0 / self.width, y0 / self.height, x1 / self.width, y1 / self.height)
        return json.dumps([round(share, 4) for share in shares])

    def region(self, box: Box) -> str | None:
        """Return the ninth of the page in which the centre of a box lies, None if that is not clear."""
        places = []
        for low, high, side in ((box[1], box[3], self.height), (box[0], box[2], self.width)):
            centre = (low + high) / 2 / side
            third = min(2, int(3 * centre))
            if any(abs(centre - border) < CLEAR / 2 for border in (1 / 3, 2 / 3)):
                return None
            places.append(third)
        return REGIONS[3 * places[0] + places[1]]

    def direction(self, box: Box, other: Box) -> Direction | None:
        """Return where ``box`` lies as seen from ``other``, None if that is not clear.

        Straight: one is past the other's edge, their centres are apart by a tenth of the side, and across that
        direction they face each other over half of the shorter extent. Diagonal: past both edges, and apart on both.
        """
        across = _offset(box, other, 0, self.width), _offset(box, other, 1, self.height)
        horizontal = "left" if across[0] < 0 else "right"
        vertical = "above" if across[1] < 0 else "below"
        apart = [abs(offset) >= CLEAR for offset in across]
        facing = [_facing(box, other, axis) for axis in (0, 1)]
        if facing[0] == 0 and facing[1] == 0:
            return f"{vertical} {horizontal}" if all(apart) else None  # type: ignore[return-value]
        if facing[0] >= 0.5 and facing[1] == 0 and apart[1]:
            return vertical  # type: ignore[return-value]
        if facing[1] >= 0.5 and facing[0] == 0 and apart[0]:
            return horizontal  # type: ignore[return-value]
        return None


def contents_of(drawing: Drawing) -> Contents:
    """Return the texts and objects of a drawing; the lines of one block are one text."""
    height, width = drawing.image.shape[:2]
    texts = []
    for _, group in groupby(drawing.lines, key=lambda line: line.block):
        lines = list(group)
        texts.append(
            PageText(
                " ".join(line.text for line in lines),
                union(line.box for line in lines),
                lines[0].role,
                lines[0].style.size,
                max(line.box[3] - line.box[1] for line in lines),
                COLOUR_NAMES[lines[0].style.colour],
            )
        )
    objects = (
        PageObject(f"{shape.colour_name} {SPOKEN.get(shape.name, shape.name)}", shape.box) for shape in drawing.shapes
    )
    return Contents(width, height, tuple(texts), tuple(objects))


def flaw_of(contents: Contents) -> str | None:
    """Return why no question may be asked about a page, None if there is no reason."""
    boxes = [text.box for text in contents.texts] + [one.box for one in contents.objects]
    if any(_facing(one, other, 0) > 0 and _facing(one, other, 1) > 0 for one, other in combinations(boxes, 2)):
        return "two things overlap"
    if len({one.name for one in contents.objects}) < len(contents.objects):
        return "two objects have one name"
    words = [text.text.casefold() for text in contents.texts]
    for one, other in combinations(words, 2):
        if one == other or set(one.split()) & set(other.split()):
            return "a text or word stands twice on the page"
        if one in other or other in one or ratio(one, other) >= ALIKE:
            return "two texts are alike"
    return None


def _offset(box: Box, other: Box, axis: int, side: int) -> float:
    """Return how far the centre of ``box`` is past that of ``other``, in shares of the side."""
    return (box[axis] + box[axis + 2] - other[axis] - other[axis + 2]) / 2 / side


def _facing(box: Box, other: Box, axis: int) -> float:
    """Return the share of the shorter extent along ``axis`` that both boxes cover."""
    shared = min(box[axis + 2], other[axis + 2]) - max(box[axis], other[axis])
    return max(0, shared) / min(box[axis + 2] - box[axis], other[axis + 2] - other[axis])
