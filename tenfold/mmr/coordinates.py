"""Boxes of replies as shares of the image's sides, in the convention that a scorer is told.

No convention is guessed from the numbers: each gives a column of its own.

Legend:  a box is (x0, y0, x1, y1), x to the right, y downwards
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from tenfold.metrics import boxes
from tenfold.mmr.errors import InvalidItem, MMRError

Box = tuple[float, float, float, float]
Coordinates = Literal[
    "unit",
    "per mille",
    "pixels",
    "y first unit",
    "y first per mille",
    "y first pixels",
    "x y width height",
    "padded unit",
    "padded per mille",
]
COORDINATES: tuple[Coordinates, ...] = get_args(Coordinates)


class UnknownCoordinates(MMRError):
    """No convention of boxes has that name."""


def checked_convention(convention: str) -> str:
    """Return the name of a convention. Raises UnknownCoordinates for any other."""
    if convention not in COORDINATES:
        raise UnknownCoordinates(f"no convention is called {convention!r}; there are {', '.join(COORDINATES)}")
    return convention


def needs_size(convention: str) -> bool:
    """Say whether boxes of a convention can only be read beside the image's size."""
    return "pixels" in convention or convention == "x y width height" or convention.startswith("padded")


def shares(box: Sequence[float], convention: str = "unit", *, width: int = 0, height: int = 0, key: str = "") -> Box:
    """Return a box as shares of the original image's sides; nothing is clipped, turned round or made finite.

    A box whose numbers are too large to be told as shares has NaN for all four.

    ``convention`` is "unit", 0 to 1; "per mille", 0 to 1000; "pixels" of the original image of ``width`` × ``height``;
    one of these after "y first", whose boxes are (y0, x0, y1, x1); "x y width height" in pixels; or "padded unit" and
    "padded per mille", of an image that was padded in its middle to a square.
    Raises UnknownCoordinates; InvalidItem where the convention needs a size that is not known, with the item's ``key``.
    """
    checked_convention(convention)
    if needs_size(convention) and (width < 1 or height < 1):
        raise InvalidItem(f"{key}: boxes in {convention!r} need the image's size, and it is {width} × {height}")
    values = tuple(float(value) for value in box)
    if not all(math.isfinite(value) for value in values):
        return values[0], values[1], values[2], values[3]
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            x0, y0, x1, y1 = _in_shares(np.array([values]), convention, width, height)[0].tolist()
    except boxes.InvalidBoxes:  # finite numbers whose sum or product is none
        return math.nan, math.nan, math.nan, math.nan
    return x0, y0, x1, y1


def _in_shares(table: boxes.Boxes, convention: str, width: int, height: int) -> boxes.Boxes:
    """Return finite boxes (N, 4) as shares; raises InvalidBoxes where a step on the way is too large for a number."""
    if convention.startswith("padded "):
        size = float(max(width, height))
        square = boxes.to_pixels(table, convention.removeprefix("padded "), width=size, height=size)
        table = boxes.without_padding(square, width=width, height=height, size=size)
        return boxes.to_unit(table, width=width, height=height)
    if needs_size(convention):
        return boxes.to_unit(boxes.to_pixels(table, convention, width=width, height=height), width=width, height=height)
    return boxes.to_pixels(table, convention, width=1, height=1)


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes; 0 if either is inverted, has no area or no finite one."""
    pair = np.array([one, other], dtype=np.float64)
    if not np.isfinite(pair).all():
        return 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        found = float(boxes.iou(pair[:1], pair[1:])[0])
    return found if math.isfinite(found) else 0.0
