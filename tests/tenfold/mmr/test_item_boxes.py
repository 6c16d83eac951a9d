"""Boxes lie where they should, in the tone of what they are worth, and their labels do not cover each other."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tenfold.imaging.errors import InvalidImages
from tenfold.mmr.item_boxes import boxes_of, reference_box
from tests.tenfold.mmr.looked_at import encoded, item, reading

ITEM = item("grounding_o")
SPACE = "\u00a0"


def test_boxes_are_in_pixels_and_coloured_by_what_they_are_worth() -> None:
    read = {"good": reading(ITEM, "[0.1, 0.2, 0.5, 0.6]"), "bad": reading(ITEM, "[0.6, 0.2, 0.9, 0.6]")}
    found = boxes_of(ITEM, read, encoded(200, 100))
    edges = [(round(box.left), round(box.top), round(box.right), round(box.bottom), box.tone) for box in found]
    assert edges == [(20, 20, 100, 60, "notice"), (20, 20, 100, 60, "good"), (120, 20, 180, 60, "bad")]
    assert [box.label.strip(SPACE) for box in found] == ["reference", "1 IoU 1.00", "2 IoU 0.00"]


def test_labels_at_one_corner_stand_one_after_the_other() -> None:
    same = {name: reading(ITEM, "[0.1, 0.2, 0.5, 0.6]") for name in "abc"}
    spaces = [box.label.count(SPACE) for box in boxes_of(ITEM, same, encoded(200, 100))]
    assert spaces[0] == 0 and spaces == sorted(set(spaces))
    at_right = item("grounding_o", answer="[0.7, 0.2, 0.9, 0.6]")
    _, one = boxes_of(at_right, {"a": reading(at_right, "[0.7, 0.2, 0.9, 0.6]")}, encoded(200, 100))
    assert one.label.startswith("IoU 1.00") and one.label.endswith(SPACE)
    apart = {"a": reading(ITEM, "[0.1, 0.7, 0.5, 0.9]")}
    assert not any(SPACE in box.label for box in boxes_of(ITEM, apart, encoded(200, 100)))


@pytest.mark.parametrize("text", ["[0.5, 0.6, 0.1, 0.2]", "no box", "[1e308, 1e308, 1e309, 1e309]", "[1, 2, 3]"])
def test_a_box_that_cannot_be_drawn_is_left_out(text: str) -> None:
    assert [box.label for box in boxes_of(ITEM, {"a": reading(ITEM, text)}, encoded(200, 100))] == ["reference"]


def test_other_tasks_have_no_boxes_and_odd_references_none() -> None:
    assert boxes_of(item("font_color"), {}, b"not even an image") == []
    for answer in ("[1, 2]", "{}", "no JSON", '["a", [0, 0, 1, NaN]]', "[0.1, 0.2, 0.5, null]"):
        assert reference_box(item("grounding_o", answer=answer)) is None
    assert reference_box(item("grounding_t")) == (0.1, 0.2, 0.5, 0.6)
    with pytest.raises(InvalidImages):
        boxes_of(ITEM, {}, b"not even an image")


def test_boxes_belong_to_the_image_as_it_is_seen() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    turned = encoded(200, 100, exif=exif)
    assert Image.open(io.BytesIO(turned)).size == (200, 100)
    (box,) = boxes_of(ITEM, {}, turned)
    assert (round(box.right), round(box.bottom)) == (50, 120)


def test_a_box_that_only_the_mended_reading_finds_is_grey() -> None:
    fenced = '```json\n{"bbox_2d": [0.1, 0.2, 0.5, 0.6]}\n```'
    found = boxes_of(ITEM, {"a": reading(ITEM, fenced)}, encoded(200, 100))
    assert [(box.label.strip(SPACE), box.tone) for box in found] == [
        ("reference", "notice"),
        ("mended 1.00", "neutral"),
    ]
