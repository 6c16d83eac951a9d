"""Grids of images, and images as PNG.

Legend:  N images · H, W height and width · C channels
"""

from __future__ import annotations

import io

import numpy as np
from jaxtyping import UInt8

from tenfold.imaging.errors import InvalidImages

Grid = UInt8[np.ndarray, "H W *C"]


def image_grid(pixels: UInt8[np.ndarray, "N H W *C"], columns: int) -> Grid:
    """Lay images out in rows of ``columns``. Raises InvalidImages if the last row would not be full."""
    if columns < 1 or len(pixels) % columns or not len(pixels):
        raise InvalidImages(f"{len(pixels)} images do not fill rows of {columns}")
    rows = pixels.reshape(-1, columns, *pixels.shape[1:])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)


def png(image: Grid, *, scale: int = 1) -> bytes:
    """Return an image as the bytes of a PNG, each pixel ``scale`` times as wide and high."""
    from PIL import Image

    enlarged = image.repeat(scale, axis=0).repeat(scale, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(enlarged).save(buffer, format="PNG")
    return buffer.getvalue()
