"""Bytes to tensors and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_pixels, to_tensor


def test_images_go_there_and_back():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 6, 8), dtype=np.uint8)
    tensor = to_tensor(pixels, size=8)
    assert tensor.shape == (5, 1, 8, 8) and tensor[:, :, 0].eq(-1).all()
    assert np.array_equal(to_pixels(tensor)[:, 1:7], pixels)
    assert to_pixels(torch.zeros(2, 3, 4, 4)).shape == (2, 4, 4, 3)
    with pytest.raises(InvalidImages, match="do not fit 4×4"):
        to_tensor(pixels, size=4)
    with pytest.raises(InvalidImages, match="uint8"):
        to_tensor(pixels.astype(np.float32))
    with pytest.raises(InvalidImages, match="NaN"):
        to_pixels(torch.full((1, 1, 2, 2), torch.nan))
