"""Images brought to squares, padded in the middle of the shorter side, and boxes with them, there and back.

Boxes are (x0, y0, x1, y1), x1 and y1 exclusive: in pixels of the image, or as shares (0 to 1) of the padded square.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenfold.llava_read.errors import InvalidInputs

if TYPE_CHECKING:
    from PIL.Image import Image

Box = tuple[float, float, float, float]
TOKEN = re.compile(r"<([xy])(\d+)>")


@dataclass(frozen=True)
class Square:
    """Where an image of ``width`` × ``height`` pixels lies in the square around it. Raises InvalidInputs."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise InvalidInputs(f"an image of {self.width} × {self.height} pixels has no square")

    @property
    def side(self) -> int:
        """The square's side in pixels of the image."""
        return max(self.width, self.height)

    @property
    def corner(self) -> tuple[int, int]:
        """Where the image's upper left corner lies in the square, in pixels."""
        return (self.side - self.width) // 2, (self.side - self.height) // 2

    def padded(self, image: Image, colour: tuple[int, int, int]) -> Image:
        """Return the image (RGB) in the middle of a square of ``colour``."""
        from PIL import Image as Images

        if image.size != (self.width, self.height):
            raise InvalidInputs(f"an image of {image.size} pixels is not the one of {(self.width, self.height)}")
        if self.width == self.height:
            return image
        canvas = Images.new("RGB", (self.side, self.side), colour)
        canvas.paste(image, self.corner)
        return canvas

    def shares(self, box: Box) -> Box:
        """Return a box in pixels of the image as shares of the square. Raises InvalidInputs for one outside."""
        x0, y0, x1, y1 = (float(value) for value in box)
        if not (0 <= x0 <= x1 <= self.width and 0 <= y0 <= y1 <= self.height):
            raise InvalidInputs(f"the box {box} does not lie in an image of {self.width} × {self.height} pixels")
        left, top = self.corner
        return (x0 + left) / self.side, (y0 + top) / self.side, (x1 + left) / self.side, (y1 + top) / self.side

    def pixels(self, shares: Box) -> Box:
        """Return a box in shares of the square as pixels of the image; what lies in the padding is cut off.

        Raises InvalidInputs for values outside 0 to 1 or ends before beginnings.
        """
        x0, y0, x1, y1 = (float(value) for value in shares)
        if not (0 <= x0 <= x1 <= 1 and 0 <= y0 <= y1 <= 1):
            raise InvalidInputs(f"{shares} is no box in shares of a square")
        left, top = self.corner
        xs = (min(max(x * self.side - left, 0.0), float(self.width)) for x in (x0, x1))
        ys = (min(max(y * self.side - top, 0.0), float(self.height)) for y in (y0, y1))
        (a, c), (b, d) = xs, ys
        return a, b, c, d


def place_tokens(x: float, y: float, places: int = 32) -> str:
    """Return a point in shares (0 to 1) as ``<x3><y17>``, one of ``places`` columns and rows. Raises InvalidInputs."""
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise InvalidInputs(f"({x}, {y}) is no point in shares of a square")
    return f"<x{min(int(x * places), places - 1)}><y{min(int(y * places), places - 1)}>"


def box_tokens(box: Box, places: int = 32) -> str:
    """Return a box in shares as two points, the last column and row it reaches included. Raises InvalidInputs."""
    x0, y0, x1, y1 = box
    if not (0 <= x0 <= x1 <= 1 and 0 <= y0 <= y1 <= 1):
        raise InvalidInputs(f"{box} is no box in shares of a square")
    nearly = 1e-9  # an end on a column's edge belongs to the column before
    return place_tokens(x0, y0, places) + place_tokens(max(x1 - nearly, x0), max(y1 - nearly, y0), places)


def read_box(text: str, places: int = 32) -> Box | None:
    """Return the first box that a text holds as four place tokens, in shares, or nothing if it holds none."""
    found = TOKEN.findall(text)
    for start in range(len(found) - 3):
        names, values = zip(*found[start : start + 4], strict=True)
        x0, y0, x1, y1 = map(int, values)
        if names == ("x", "y", "x", "y") and x0 <= x1 < places and y0 <= y1 < places:
            return x0 / places, y0 / places, (x1 + 1) / places, (y1 + 1) / places
    return None
