"""Images brought to one size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tenfold.imaging.resizing import crop_square, fit_square, resize_shorter_side


def test_small_images_are_enlarged_before_they_are_padded():
    found = fit_square(np.full((2, 5, 5), 200, np.uint8), 16)
    assert found.shape == (2, 16, 16) and (found[:, :15, :15] == 200).all() and (found[:, 15] == 0).all()
    assert fit_square(np.zeros((2, 28, 28, 3), np.uint8), 32).shape == (2, 32, 32, 3)
    assert fit_square(np.zeros((2, 64, 64), np.uint8), 32).shape == (2, 32, 32)


@pytest.mark.parametrize(("size", "expected"), [((40, 20), (20, 10)), ((20, 43), (10, 22)), ((3, 3), (10, 10))])
def test_the_shorter_side_is_what_was_asked_for(size, expected):
    image = Image.new("L", size, 90)
    for resampling in (None, Image.Resampling.BILINEAR):
        found = resize_shorter_side(image, 10, resampling)
        assert found.size == expected and np.asarray(found).min() == 90


def test_a_square_is_cut_from_the_middle_or_from_a_given_corner():
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    image = Image.fromarray(pixels)
    assert np.array_equal(np.asarray(crop_square(image, 4)), pixels[1:5, 2:6])
    assert np.array_equal(np.asarray(crop_square(image, 4, left=0, top=2)), pixels[2:6, :4])
