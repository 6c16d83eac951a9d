"""Boxes of OCR words drawn over their image: which ones stand in the prompt, and which the budget cut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tenfold.ocr.page import Word

if TYPE_CHECKING:
    from PIL.Image import Image

USED, CUT = (0, 128, 64), (214, 96, 0)
PER_LINE = 400  # pixels of the longer side per pixel of a line's width


def overlay(image: Image, used: Iterable[Word], cut: Iterable[Word] = ()) -> Image:
    """Return a copy of an image (RGB) with a green box around each word of the prompt, and an orange one around others.

    Boxes are in pixels of the image.
    """
    from PIL import ImageDraw

    shown = image.convert("RGB")
    draw = ImageDraw.Draw(shown)
    width = max(1, round(max(shown.size) / PER_LINE))
    for words, colour in ((cut, CUT), (used, USED)):
        for word in words:
            x0, y0, x1, y1 = word.box
            draw.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=colour, width=width)
    return shown
