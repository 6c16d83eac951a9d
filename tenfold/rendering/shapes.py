"""Shapes and simple signs by name, drawn large and reduced, so that their edges are smooth."""

from __future__ import annotations

from functools import lru_cache
from math import cos, pi, sin
from typing import TYPE_CHECKING

from tenfold.rendering.errors import InvalidDrawing

if TYPE_CHECKING:
    from PIL.Image import Image

OVERSAMPLING = 4
Point = tuple[float, float]


def _regular(corners: int, turn: float = 0.0) -> list[Point]:
    """Return the corners of a regular polygon around (½, ½), the first one on top."""
    angles = [2 * pi * (corner / corners + turn) - pi / 2 for corner in range(corners)]
    return [(0.5 + 0.5 * cos(angle), 0.5 + 0.5 * sin(angle)) for angle in angles]


def _star() -> list[Point]:
    outer, inner = _regular(5), _regular(5, 0.1)
    pulled = [(0.5 + 0.42 * (x - 0.5), 0.5 + 0.42 * (y - 0.5)) for x, y in inner]
    return [point for pair in zip(outer, pulled, strict=True) for point in pair]


def _heart() -> list[Point]:
    steps = [2 * pi * step / 48 for step in range(48)]
    x = [16 * sin(t) ** 3 for t in steps]
    y = [13 * cos(t) - 5 * cos(2 * t) - 2 * cos(3 * t) - cos(4 * t) for t in steps]
    return [(0.5 + a / 33, 0.44 - b / 30) for a, b in zip(x, y, strict=True)]


POLYGONS: dict[str, list[Point]] = {  # corners in the unit square, y downwards
    "square": [(0.04, 0.04), (0.96, 0.04), (0.96, 0.96), (0.04, 0.96)],
    "triangle": [(0.5, 0.02), (0.98, 0.94), (0.02, 0.94)],
    "diamond": [(0.5, 0.0), (0.95, 0.5), (0.5, 1.0), (0.05, 0.5)],
    "hexagon": _regular(6),
    "star": _star(),
    "heart": _heart(),
    "cross": [
        (x / 3, y / 3)
        for x, y in [(1, 0), (2, 0), (2, 1), (3, 1), (3, 2), (2, 2), (2, 3), (1, 3), (1, 2), (0, 2), (0, 1), (1, 1)]
    ],
    "arrow": [(0.0, 0.32), (0.55, 0.32), (0.55, 0.08), (1.0, 0.5), (0.55, 0.92), (0.55, 0.68), (0.0, 0.68)],
    "house": [(0.5, 0.0), (1.0, 0.48), (0.84, 0.48), (0.84, 1.0), (0.16, 1.0), (0.16, 0.48), (0.0, 0.48)],
    "bolt": [(0.62, 0.0), (0.16, 0.56), (0.46, 0.56), (0.36, 1.0), (0.84, 0.4), (0.54, 0.4)],
}  # fmt: skip
SHAPES = ("circle", "ring", "moon", *POLYGONS)


@lru_cache(maxsize=512)
def shape_mask(name: str, width: int, height: int) -> Image:
    """Return the coverage of a shape that fills ``width`` × ``height`` pixels as far as its form lets it.

    Callers must not change the result, which is kept. Raises InvalidDrawing if no shape has that name.
    """
    from PIL import Image, ImageDraw

    if name not in SHAPES:
        raise InvalidDrawing(f"no shape is called {name!r}; there are {', '.join(SHAPES)}")
    wide, high = width * OVERSAMPLING, height * OVERSAMPLING
    large = Image.new("L", (wide, high))
    pen = ImageDraw.Draw(large)
    if name in POLYGONS:
        pen.polygon([(x * (wide - 1), y * (high - 1)) for x, y in POLYGONS[name]], fill=255)
    else:
        pen.ellipse((0, 0, wide - 1, high - 1), fill=255)
        if name == "ring":
            pen.ellipse((0.28 * wide, 0.28 * high, 0.72 * wide, 0.72 * high), fill=0)
        if name == "moon":
            pen.ellipse((0.34 * wide, -0.08 * high, 1.2 * wide, 0.84 * high), fill=0)
    return large.resize((width, height), Image.Resampling.BOX)
