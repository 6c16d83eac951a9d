"""Items as they are shown: options moved, images padded, reduced, encoded, and what that makes of answers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.mmr.errors import InvalidItem, InvalidModel
from tenfold.mmr.items import ItemSet
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.prompts import queries_of
from tenfold.mmr.scores import MENDED, OFFICIAL, score
from tenfold.mmr.showing import Showing, frame_of, letterboxed, original_choice, rotated, through_jpeg
from tests.tenfold.mmr import small_items

sides = st.integers(1, 3000)
shares = st.floats(-0.5, 1.5)


def test_a_box_of_the_padded_image_is_the_whole_original():
    """Symptom 3: 600×400 padded to 600×600 by bars of 100."""
    frame = frame_of(600, 400)
    assert frame.original_box((0, 1 / 6, 1, 5 / 6)) == pytest.approx((0, 0, 1, 1))
    assert frame_of(400, 600).original_box((1 / 6, 0, 5 / 6, 1)) == pytest.approx((0, 0, 1, 1))
    image = np.full((400, 600, 3), 250, dtype=np.uint8)
    square = letterboxed(image)
    assert square.shape == (600, 600, 3) and (square[100:500] == 250).all()
    assert (square[:100] == 127).all() and (square[500:] == 127).all()


@given(sides, sides, st.tuples(shares, shares, shares, shares))
def test_there_and_back_is_the_same_box(width, height, box):
    frame = frame_of(width, height)
    assert frame.original_box(frame.shown_box(box)) == pytest.approx(box, abs=1e-6 * max(width, height))


@given(st.integers(1, 4), st.integers(0, 3))
def test_a_moved_answer_maps_back(answer, rotation):
    item = replace(small_items.item("font_size"), answer=str(answer))
    moved = rotated(item, rotation)
    assert original_choice(int(moved.answer), rotation) == answer
    shown = moved.question.splitlines()[-4:][int(moved.answer) - 1]
    assert shown == f"{moved.answer}. option {answer} of font_size"
    assert rotated(moved, (4 - rotation) % 4) == item


def test_rotations_show_each_option_at_each_place_once():
    item = small_items.item("spatial_tt")
    places = {rotated(item, rotation).answer for rotation in range(4)}
    assert places == {"1", "2", "3", "4"} and rotated(item, 0) == item


@pytest.mark.parametrize(
    ("question", "answer"),
    [("Which?\n1. a\n2. b\n3. c", "1"), ("Which?\n1. a\n2. b\n3. c\n4. d", "5"), ("1. a\n1. b\n2. c\n3. d\n4. e", "1")],
)
def test_options_that_are_not_four_cannot_be_moved(question, answer):
    with pytest.raises(InvalidItem, match="font_size/0"):
        rotated(replace(small_items.item("font_size"), question=question, answer=answer), 1)


@pytest.mark.parametrize(
    "options", [{"rotation": 3}, {"letterbox": True}, {"side": 20}, {"letterbox": True, "side": 24}]
)
def test_the_right_reply_to_what_was_shown_gets_every_point(items, options):
    shown = Showing(**options).items(items)
    replies = [Prediction(one.key, small_items.reply_of(one)) for one in shown.rows]
    assert score(shown, replies, OFFICIAL).total == items.points
    asked = {query.key: query for query in queries_of(items, **options)}
    for one in shown.rows:
        query = asked[one.key]
        assert query.question == one.question and query.image.shape[:2] == (one.height, one.width)
        assert (query.width, query.height) == (small_items.WIDTH, small_items.HEIGHT)


def test_an_overlap_is_the_same_in_both_frames(items):
    boxes = items.only(items.tasks == "grounding_o")
    shown, frame = Showing(letterbox=True).items(boxes), frame_of(small_items.WIDTH, small_items.HEIGHT)
    for guess in ([0.1, 0.25, 0.45, 0.6], [0.0, 0.0, 1.0, 1.0], [0.3, 0.1, 0.6, 0.5]):
        before = [Prediction(one.key, json.dumps(guess)) for one in boxes.rows]
        after = [Prediction(one.key, json.dumps(list(frame.shown_box(guess)))) for one in boxes.rows]
        np.testing.assert_allclose(score(boxes, before).iou, score(shown, after).iou, atol=1e-9)


def test_sizes_that_items_do_not_tell_come_from_their_images(items):
    bare = ItemSet(items.name, tuple(replace(one, width=0, height=0) for one in items.rows), items.folder)
    assert Showing(letterbox=True).items(bare).rows == Showing(letterbox=True).items(items).rows


def test_images_are_reduced_and_never_enlarged(items):
    assert next(queries_of(items, side=30)).image.shape == (20, 30, 3)
    assert next(queries_of(items, side=672)).image.shape == (small_items.HEIGHT, small_items.WIDTH, 3)


def test_jpeg_loses_something_and_less_at_a_higher_quality(items):
    image = next(queries_of(items)).image
    lost = [np.abs(through_jpeg(image, quality).astype(int) - image).mean() for quality in (20, 75, 100)]
    assert lost[0] > lost[1] > lost[2] >= 0
    np.testing.assert_array_equal(next(queries_of(items, jpeg=75)).image, through_jpeg(image, 75))


@pytest.mark.parametrize(
    "options",
    [{"side": 8}, {"jpeg": 0}, {"jpeg": 101}, {"rotation": 4}, {"rotation": -1}, {"rotation": True}, {"side": 30.5}],
)
def test_values_out_of_range_are_refused_by_name(options):
    with pytest.raises(InvalidModel, match=f"{next(iter(options))} = "):
        Showing(**options)


def test_what_only_images_have_is_of_no_use_without_them():
    with pytest.raises(InvalidModel, match="without images"):
        Showing(images=False, side=336)
    assert Showing(jpeg=75).as_published and not Showing(side=336).as_published and not Showing(rotation=1).as_published


def test_further_references_are_moved_into_the_padding_too(items):
    """A reply that is right by ``also`` alone is right in the padded image."""
    also = json.dumps(["a title", [0.6, 0.0, 0.9, 0.1]])
    one = replace(next(one for one in items.rows if one.task == "grounding_t"), also=(also,))
    shown = Showing(letterbox=True).items(ItemSet("one", (one,), items.folder))
    box = frame_of(one.width, one.height).shown_box((0.6, 0.0, 0.9, 0.1))
    assert json.loads(shown.rows[0].also[0])[1] == pytest.approx(box)
    reply = [Prediction(one.key, f'"a title", {json.dumps(list(box))}')]
    assert score(shown, reply, MENDED).total == 2 and score(ItemSet("one", (one,)), reply, MENDED).total == 1


def test_a_reference_without_a_box_cannot_be_padded(items):
    odd = tuple(replace(one, also=("Nights",)) for one in items.rows if one.task == "grounding_t")
    with pytest.raises(InvalidItem, match="grounding_t/0: the reference 'Nights' has no box"):
        Showing(letterbox=True).items(ItemSet("odd", odd, items.folder))
