"""A query's image is known by its shape and pixels."""

from __future__ import annotations

import numpy as np

from tenfold.mmr.queries import Query


def digest(image: np.ndarray | None) -> str:
    return Query("k", "font_size", "?", "?", image=image).image_digest


def test_images_of_the_same_bytes_and_other_sides_are_other_images():
    wide, high = np.full((20, 30, 3), 255, np.uint8), np.full((30, 20, 3), 255, np.uint8)
    assert wide.tobytes() == high.tobytes() and digest(wide) != digest(high)


def test_pixels_count_and_their_order_in_memory_does_not():
    image = np.arange(90, dtype=np.uint8).reshape(5, 6, 3)
    other = image.copy()
    other[-1, -1, -1] ^= 1
    assert digest(image) == digest(np.asfortranarray(image)) != digest(other) and digest(None) == ""
