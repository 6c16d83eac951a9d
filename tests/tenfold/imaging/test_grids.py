"""Grids of images and PNG."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.grids import image_grid, png

PIXELS = np.arange(6 * 4 * 5, dtype=np.uint8).reshape(6, 4, 5)


def test_a_grid_has_its_images_in_rows():
    grid = image_grid(PIXELS, 3)
    assert grid.shape == (8, 15) and np.array_equal(grid[4:, 5:10], PIXELS[4])
    assert image_grid(np.repeat(PIXELS[..., None], 3, axis=-1), 2).shape == (12, 10, 3)
    for pixels, columns in ((PIXELS[:1], 2), (PIXELS, 0), (PIXELS[:0], 2)):
        with pytest.raises(InvalidImages, match=f"rows of {columns}"):
            image_grid(pixels, columns)


def test_a_png_is_the_grid_enlarged():
    content = png(image_grid(PIXELS, 3), scale=2)
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content)))[::2, ::2], image_grid(PIXELS, 3))
