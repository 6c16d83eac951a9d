"""Boxes in the conventions that models and data sets use, and how far two of them agree.

Inside the project a box is (x0, y0, x1, y1) in pixels of the image, x to the right, y downwards, x1 and y1 exclusive.

Legend:  N, M boxes
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64

Boxes = Float64[np.ndarray, "N 4"]
Convention = Literal[
    "pixels", "unit", "per mille", "y first pixels", "y first unit", "y first per mille", "x y width height"
]


class InvalidBoxes(ValueError):
    """Boxes of another shape or convention than was asked for, or without area where some is needed."""


def iou(one: Boxes, other: Boxes) -> Float64[np.ndarray, " N"]:
    """Return the intersection over union of each pair of boxes, 0 to 1 (Everingham et al. 2010).

    Two boxes that have no area, or one that is inverted (x1 < x0), have 0 with anything. Raises InvalidBoxes if the
    shapes are not (N, 4), or numbers are not finite.
    """
    one, other = _checked(one), _checked(other)
    if len(one) != len(other):
        raise InvalidBoxes(f"{len(one)} boxes cannot be paired with {len(other)}")
    return _iou(one, other)


def iou_table(rows: Boxes, columns: Float64[np.ndarray, "M 4"]) -> Float64[np.ndarray, "N M"]:
    """Return the intersection over union of each of N boxes with each of M. Raises InvalidBoxes as `iou`."""
    rows, columns = _checked(rows), _checked(columns)
    return _iou(rows[:, None], columns[None])


def areas(boxes: Boxes) -> Float64[np.ndarray, " N"]:
    """Return the areas of boxes; an inverted one has 0. Raises InvalidBoxes as `iou`."""
    return _area(_checked(boxes))


def to_pixels(boxes: Boxes, convention: str, *, width: float, height: float) -> Boxes:
    """Return boxes of a model or data set as (x0, y0, x1, y1) in pixels of an image of ``width`` × ``height``.

    ``convention`` is "pixels"; "unit", which is 0 to 1; "per mille", which is 0 to 1000; one of these three after
    "y first", whose boxes are (y0, x0, y1, x1); or "x y width height" in pixels (COCO). Nothing is clipped or turned
    round. Raises InvalidBoxes for another convention, or shapes that are not (N, 4).
    """
    if convention not in get_args(Convention):
        raise InvalidBoxes(f"no convention is called {convention!r}; there are {', '.join(get_args(Convention))}")
    boxes = _checked(boxes)
    if convention == "x y width height":
        return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    if convention.startswith("y first "):
        boxes = boxes[:, [1, 0, 3, 2]]
    side = np.array([width, height, width, height], dtype=np.float64)
    scale = {"pixels": np.ones(4), "unit": side, "per mille": side / 1000}[convention.removeprefix("y first ")]
    return boxes * scale


def to_unit(boxes: Boxes, *, width: float, height: float) -> Boxes:
    """Return boxes in pixels as shares of the image's sides. Raises InvalidBoxes for shapes other than (N, 4)."""
    return _checked(boxes) / np.array([width, height, width, height], dtype=np.float64)


def without_padding(boxes: Boxes, *, width: float, height: float, size: float) -> Boxes:
    """Return boxes, in pixels, of an image that was padded in its middle to ``size`` × ``size`` after it was resized.

    The longer side of the original, ``width`` × ``height``, filled ``size``; what comes back is in pixels of the
    original. Raises InvalidBoxes for shapes other than (N, 4).
    """
    scale = size / max(width, height)
    left, top = (size - scale * width) / 2, (size - scale * height) / 2
    return (_checked(boxes) - np.array([left, top, left, top])) / scale


def _iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    lower, upper = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:], other[..., 2:])
    shared = np.clip(upper - lower, 0, None).prod(axis=-1)
    both = _area(one) + _area(other) - shared
    valid = (_area(one) > 0) & (_area(other) > 0)
    return np.divide(shared, both, out=np.zeros(np.broadcast_shapes(shared.shape, both.shape)), where=valid)


def _area(boxes: np.ndarray) -> np.ndarray:
    return np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(axis=-1)


def _checked(boxes: np.ndarray) -> np.ndarray:
    boxes = np.asarray(boxes, dtype=np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise InvalidBoxes(f"boxes are finite numbers (N, 4), not {boxes.shape}")
    return boxes
