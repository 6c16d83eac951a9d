"""A layout as an image to look at: its boxes, and the words in them as large as they fit.

Legend:  H, W height and width
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8

from tenfold.artist.layouts import Layout
from tenfold.rendering.canvas import Canvas
from tenfold.rendering.colours import NAMED
from tenfold.rendering.drawing import TextStyle
from tenfold.rendering.errors import TextDoesNotFit
from tenfold.rendering.fonts import Font, bundled_fonts
from tenfold.rendering.outlines import outlined
from tenfold.rendering.word_canvases import largest_ink

LEGIBLE = 512  # pixels that a layout is wide at least, for a person to read it


def legible_scale(layout: Layout) -> int:
    """Return how many times as large a layout is drawn to be legible."""
    return -(-LEGIBLE // layout.width)


def drawn_layout(layout: Layout, *, scale: int = 8, font: Font | None = None) -> UInt8[np.ndarray, "H W 3"]:
    """Return a layout ``scale`` times as large: outlines of boxes in red, words in black, paper in white.

    A word that fits its box at no size leaves the box empty, outlined in orange. The font is DejaVu Sans unless given.
    """
    face = font or bundled_fonts()[0]
    boxes = [(scale * x0, scale * y0, scale * x1, scale * y1) for x0, y0, x1, y1 in layout.boxes]
    canvas, empty = Canvas(np.full((scale * layout.height, scale * layout.width, 3), 255, np.uint8)), []
    for text, (x0, y0, x1, y1) in zip(layout.texts, boxes, strict=True):
        try:
            size, mask = largest_ink(text, face, x1 - x0 - 2, y1 - y0 - 2)
        except TextDoesNotFit:
            empty.append((x0, y0, x1, y1))
            continue
        corner = (x0 + (x1 - x0 - mask.width) // 2, y0 + (y1 - y0 - mask.height) // 2)
        canvas.next_block()
        canvas.paste_ink(text, mask, corner, TextStyle(face, size, NAMED["black"]))
    image = outlined(canvas.finished("layout").image, [box for box in boxes if box not in empty])
    return outlined(image, empty, NAMED["orange"])
