"""Boxes survive padding and resizing, on any page: drawn, found again, and through place tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tenfold.llava_read.errors import InvalidInputs
from tenfold.llava_read.image_processor import LlavaReadImageProcessor
from tenfold.llava_read.squares import Square, box_tokens, place_tokens, read_box

SHARE = st.floats(0, 1)


@pytest.mark.parametrize("width, height", [(256, 256), (512, 300), (90, 240), (33, 31)])
def test_a_drawn_box_is_where_the_square_says_in_both_resolutions(width, height):
    box = (0.25 * width, 0.25 * height, 0.75 * width, 0.6 * height)
    page = Image.new("RGB", (width, height), (128, 128, 128))
    ImageDraw.Draw(page).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill="white")
    pixels = LlavaReadImageProcessor(96, 256)(page)
    expected = Square(width, height).shares(box)
    for values in (pixels["pixel_values_low"], pixels["pixel_values_high"]):
        white = (values[0, 0].numpy() > 0.5).nonzero()
        side = values.shape[-1]
        found = (white[1].min() / side, white[0].min() / side, (white[1].max() + 1) / side, (white[0].max() + 1) / side)
        assert np.allclose(found, expected, atol=1.5 / side + 1 / max(width, height))


@given(st.integers(1, 3000), st.integers(1, 3000), SHARE, SHARE, SHARE, SHARE)
def test_there_and_back_is_the_same_box(width, height, a, b, c, d):
    (x0, x1), (y0, y1) = sorted((a * width, b * width)), sorted((c * height, d * height))
    square = Square(width, height)
    shares = square.shares((x0, y0, x1, y1))
    assert all(0 <= value <= 1 for value in shares)
    assert np.allclose(square.pixels(shares), (x0, y0, x1, y1), atol=1e-6 * max(width, height))


@given(SHARE, SHARE, SHARE, SHARE, st.sampled_from([8, 32]))
def test_place_tokens_hold_the_box_to_a_column_and_a_row(a, b, c, d, places):
    (x0, x1), (y0, y1) = sorted((a, b)), sorted((c, d))
    found = read_box(f"it is at {box_tokens((x0, y0, x1, y1), places)}.", places)
    assert found is not None
    assert np.allclose(found, (x0, y0, x1, y1), atol=1 / places + 1e-6)
    assert found[0] <= x0 and found[1] <= y0 and found[2] >= x1 - 1e-8 and found[3] >= y1 - 1e-8


def test_the_last_place_holds_the_edge():
    assert place_tokens(1, 0) == "<x31><y0>" and box_tokens((0, 0, 1, 0.5)) == "<x0><y0><x31><y15>"


def test_text_without_a_box_gives_none():
    assert read_box("<x1><y2>") is None and read_box("<x5><y5><x1><y9>") is None and read_box("") is None
    assert read_box("<x1><y2><x99><y9>") is None


@pytest.mark.parametrize("box", [(-1, 0, 2, 2), (0, 0, 11, 2), (3, 0, 2, 2), (0, 0, float("nan"), 1)])
def test_boxes_outside_are_refused(box):
    with pytest.raises(InvalidInputs):
        Square(10, 5).shares(box)
    with pytest.raises(InvalidInputs):
        box_tokens(box)
