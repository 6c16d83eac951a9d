"""Parts of an image in which words are known to stand.

Legend:  H, W height and width
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8

from tenfold.ocr.page import Box

MARGIN = 2  # pixels around a word's ink, so that a recogniser sees its edge


def word_crops(
    image: UInt8[np.ndarray, "H W *C"], boxes: Iterable[Box], *, margin: int = MARGIN
) -> list[UInt8[np.ndarray, "h w *C"]]:
    """Return the part of an image in each box (x0, y0, x1, y1 in pixels, ends exclusive), with a margin around it."""
    height, width = image.shape[:2]
    found = []
    for x0, y0, x1, y1 in boxes:
        rows = slice(max(0, int(y0) - margin), min(height, int(y1) + margin))
        columns = slice(max(0, int(x0) - margin), min(width, int(x1) + margin))
        found.append(image[rows, columns])
    return found
