"""Boxes: intersection over union against counted pixels, and the conventions of models and data sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.metrics.boxes import InvalidBoxes, areas, iou, iou_table, to_pixels, to_unit, without_padding

BOX = st.tuples(*[st.integers(0, 12)] * 4)


def pixels_of(box: tuple[int, ...]) -> set[tuple[int, int]]:
    return {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])}


@given(BOX, BOX)
def test_iou_is_that_of_the_pixels_inside(one, other):
    first, second = pixels_of(one), pixels_of(other)
    wanted = len(first & second) / len(first | second) if first and second else 0.0
    assert iou(np.array([one]), np.array([other]))[0] == pytest.approx(wanted)
    assert iou_table(np.array([one]), np.array([other, one]))[0, 0] == pytest.approx(wanted)
    assert areas(np.array([one]))[0] == len(first)


def test_a_threshold_of_iou_is_strict_at_its_exact_value():
    assert iou(np.array([[0, 0, 10, 10.0]]), np.array([[0, 0, 3, 10.0]]))[0] == pytest.approx(0.3, abs=1e-15)
    assert not iou(np.array([[0, 0, 10, 10.0]]), np.array([[0, 0, 3, 10.0]]))[0] > 0.3


@pytest.mark.parametrize(
    ("convention", "box"),
    [
        ("pixels", [60, 80, 300, 200]),
        ("unit", [0.1, 0.2, 0.5, 0.5]),
        ("per mille", [100, 200, 500, 500]),
        ("y first pixels", [80, 60, 200, 300]),
        ("y first unit", [0.2, 0.1, 0.5, 0.5]),
        ("y first per mille", [200, 100, 500, 500]),
        ("x y width height", [60, 80, 240, 120]),
    ],
)
def test_every_convention_names_the_same_box(convention, box):
    found = to_pixels(np.array([box], float), convention, width=600, height=400)
    assert found == pytest.approx(np.array([[60, 80, 300, 200]]))
    assert to_unit(found, width=600, height=400) == pytest.approx(np.array([[0.1, 0.2, 0.5, 0.5]]))


def test_padding_of_the_model_is_taken_off():
    """600×400 padded to 600×600: the middle two thirds of the padded image are the whole original."""
    whole = without_padding(np.array([[0, 100, 600, 500.0]]), width=600, height=400, size=600)
    assert whole == pytest.approx(np.array([[0, 0, 600, 400]]))
    resized = without_padding(np.array([[0, 56, 336, 280.0]]), width=600, height=400, size=336)
    assert resized == pytest.approx(np.array([[0, 0, 600, 400]]))


def test_what_are_no_boxes_is_refused():
    good = np.zeros((2, 4))
    for call in (
        lambda: iou(np.zeros(4), good),
        lambda: iou(good, np.full((2, 4), np.nan)),
        lambda: iou(good, good[:1]),
        lambda: to_pixels(good, "centimetres", width=1, height=1),
    ):
        with pytest.raises(InvalidBoxes):
            call()
