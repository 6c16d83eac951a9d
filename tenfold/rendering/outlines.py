"""Boxes drawn over an image, to look at.

Legend:  H, W height and width
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8

from tenfold.rendering.colours import RGB
from tenfold.rendering.drawing import Drawing

WORD, LINE, SHAPE = (220, 30, 40), (20, 140, 240), (20, 170, 60)


def outlined(
    image: UInt8[np.ndarray, "H W 3"], boxes: Iterable[tuple[float, float, float, float]], colour: RGB = WORD
) -> UInt8[np.ndarray, "H W 3"]:
    """Return an image with the outlines of ``boxes`` (x0, y0, x1, y1; ends exclusive), one pixel wide, inside them."""
    from PIL import Image, ImageDraw

    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    for x0, y0, x1, y1 in boxes:
        pen.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=colour)
    return np.array(canvas)


def with_boxes(drawing: Drawing) -> UInt8[np.ndarray, "H W 3"]:
    """Return a drawing's image with the boxes of lines in blue, of words in red and of shapes in green."""
    image = outlined(drawing.image, (line.box for line in drawing.lines), LINE)
    image = outlined(image, (word.box for word in drawing.words), WORD)
    return outlined(image, (shape.box for shape in drawing.shapes), SHAPE)
