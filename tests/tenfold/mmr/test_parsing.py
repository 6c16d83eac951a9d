"""What the official runner reads in replies, to the letter, and what a careful reader does: side by side."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.metrics.boxes import InvalidBoxes
from tenfold.mmr.annotations import read_official
from tenfold.mmr.coordinates import COORDINATES, UnknownCoordinates, needs_size, overlap, shares
from tenfold.mmr.errors import InvalidItem
from tenfold.mmr.items import ItemSet
from tenfold.mmr.parsing import official, official_box, official_choice, official_text_and_box
from tenfold.mmr.predictions import prediction_of
from tenfold.mmr.receipts import receipt_items
from tenfold.mmr.robust_parsing import options_of, robust, robust_box, robust_choice, robust_text, robust_text_and_box
from tenfold.mmr.scores import Scorer, score
from tenfold.mmr.tasks import TASKS

MIRROR = Path(os.environ.get("TENFOLD_MIRROR", "none"))
needs_mirror = pytest.mark.skipif(not (MIRROR / "mmr_bench").is_dir(), reason="there is no mirror folder")
QUESTION = (
    "Question: Where is it?\nChoices:\n1. In the upper left\n2. On the right\n3. 3 birds above\n"
    "4. All texts are of the same size.\n\n"
)
NAN, INFINITE = float("nan"), float("inf")
BOX = (0.1, 0.2, 0.3, 0.4)


@pytest.mark.parametrize(
    ("reply", "by_official", "by_robust"),
    [
        ("The correct answer is 2. Option 1 is wrong.", "2", "2"),
        ("I first thought 1. Final answer: 4", "1", "4"),
        ("In 2024 … 3", "2024", "3"),
        ("Answer: **B**", None, "2"),
        ("Answer", None, None),  # and never option A
        ("", None, None),
        ("2", "2", "2"),
        (" (2) ", "2", "2"),
        ("02", "02", None),
        ("b)", None, "2"),
        ("**2. On the right**", "2", "2"),
        ("It is on the right of it", None, "2"),
        ("3 birds above", "3", "3"),
        ("Answer: 1 or 2", "1", None),
        ("Answer: 1. No wait, answer: 4", "1", "4"),
        ("The text on the right is at 3", "3", "3"),
        ("It is not 3", "3", None),
        ("1. In the upper left\n2. On the right", "1", None),
        (r"\boxed{3}", "3", "3"),
        ('```json\n{"answer": "3"}\n```', "3", "3"),
        ("<think>1? No, 3.</think>2", "1", "2"),
        ("The answer is a title", None, None),
        ("The answer is not 2", "2", None),
        ("Option 1 is tempting, but the correct option is 3", "1", "3"),
        ("Option 2 is correct", "2", "2"),
        ("5", "5", None),
        ("2.5", "2", None),
        ("②", None, "2"),
        ("Answer: 2\n\nExplanation: option 1 is smaller", "2", "2"),
    ],
)
def test_choices(reply: str, by_official: str | None, by_robust: str | None):
    assert official_choice(reply) == by_official
    assert robust_choice(reply, QUESTION) == by_robust


def test_options_are_the_numbered_lines_and_digits_inside_them_choose_nothing():
    assert list(options_of(QUESTION)) == ["1", "2", "3", "4"] and options_of(QUESTION)["3"] == "3 birds above"
    assert robust_choice("There are 3 birds above, so: 3 birds above", QUESTION) == "3"
    assert robust_choice("E", QUESTION) is None and robust_choice("D") == "4"


@pytest.mark.parametrize(
    ("reply", "by_official", "by_robust"),
    [
        ("[0.1,0.2,  0.3,0.4]", BOX, BOX),
        ('```json\n{"bbox_2d":[0.1, 0.2, 0.3, 0.4]}\n```', None, BOX),
        ("The box is [0.1, 0.2, 0.3, 0.4].", None, BOX),
        ("(0.1,0.2),(0.3,0.4)", None, BOX),
        ("[[0.1, 0.2], [0.3, 0.4]]", None, BOX),
        ("0.1 0.2 0.3 0.4", None, BOX),
        ('{"y_min": 0.2, "x_min": 0.1, "x_max": 0.3, "y_max": 0.4}', None, BOX),
        ("[x_min=0.1, y_min=0.2, x_max=0.3, y_max=0.4]", None, BOX),
        ("Roughly [0, 0, 1, 1]. Final answer: [0.1, 0.2, 0.3, 0.4]", None, BOX),
        ("[1, 2, 3]", None, None),
        ("[1, 2, 3, 4, 5]", None, None),
        ('["a", "b", "c", "d"]', None, None),
        ('{"a": 1, "b": 2, "c": 3, "d": 4}', None, None),
        ('"abcd"', None, None),
        ("4", None, None),
        ("[[1], 2, 3, 4]", None, None),
        ("[" * 5000, None, None),
        ("1," * 9000, None, None),
        ("1" * 20_000, None, None),
        (f"[{'9' * 400}, 0, 1, 1]", None, (float("inf"), 0, 1, 1)),
        ("nowhere", None, None),
        ("Of 1, 2, 3, 4 the last: [0.1, 0.2, 0.3, 0.4]", None, BOX),
    ],
)
def test_boxes(reply: str, by_official: tuple | None, by_robust: tuple | None):
    assert official_box(reply) == by_official
    assert robust_box(reply) == by_robust


@pytest.mark.parametrize(
    ("reply", "by_official", "by_robust"),
    [
        ('"Hello world", [0.1, 0.2, 0.3, 0.4]', ("Hello world,", BOX), ("Hello world", BOX)),
        ('Hello ["0.1", 0.2, 0.3, 0.4] and more', None, None),
        ('["Hello", [0.1, 0.2, 0.3, 0.4]]', None, ("Hello", BOX)),
        ("['Hello', (0.1, 0.2, 0.3, 0.4)]", None, ("Hello", BOX)),
        ('"Chapter [1] one", [0.1, 0.2, 0.3, 0.4]', None, ("Chapter [1] one", BOX)),
        ('{"text": "Hi", "bbox_2d": [0.1, 0.2, 0.3, 0.4]}', None, ("Hi", BOX)),
        ('```json\n[{"bbox_2d": [0.1, 0.2, 0.3, 0.4], "label": "Hi"}]\n```', None, ("Hi", BOX)),
        ("**Hello**\n[0.1, 0.2, 0.3, 0.4]", ("**Hello**", BOX), ("Hello", BOX)),
        ("[0.1, 0.2, 0.3, 0.4] Hello", None, ("Hello", BOX)),
        ("ERROR 404, [0.1, 0.2, 0.3, 0.4]", None, ("ERROR 404", BOX)),  # the runner leaves such a text out
        ("1984, [0.1, 0.2, 0.3, 0.4]", ("1984,", BOX), ("1984", BOX)),
        ('He said "hi", [0.1, 0.2, 0.3, 0.4] [', ("He said hi,", BOX), ('He said "hi"', BOX)),
        ("東京, [0.1, 0.2, 0.3, 0.4]", ("東京,", BOX), ("東京", BOX)),
        ("Hello", None, None),
        ('"TEL : + 6 03", [0.1, 0.2, 0.3, 0.4]', ("TEL : + 6 03,", BOX), ("TEL : + 6 03", BOX)),
        ("Room 1, 2, 3, 4, [0.1, 0.2, 0.3, 0.4]", ("Room 1, 2, 3, 4,", BOX), ("Room 1, 2, 3, 4", BOX)),
        ('"Grid [1, 2, 3, 4]", [0.1, 0.2, 0.3, 0.4]', None, ("Grid [1, 2, 3, 4]", BOX)),
        ("Grid [1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4]", None, ("Grid [1, 2, 3, 4]", BOX)),
        ('"Position", [0.1, 0.2, 0.3, 0.4]', ("Position,", BOX), ("Position", BOX)),
        ("The Box, [0.1, 0.2, 0.3, 0.4]", ("The Box,", BOX), ("The Box", BOX)),
        ("Box: [0.1, 0.2, 0.3, 0.4]", ("Box:", BOX), ("", BOX)),
        ("Hello\nBounding box: [0.1, 0.2, 0.3, 0.4]", ("Hello\nBounding box:", BOX), ("Hello", BOX)),
        ('The text is "Hello" at [0.1, 0.2, 0.3, 0.4]', ("The text is Hello at", BOX), ("Hello", BOX)),
        ('The box of "Hello" is [0.1, 0.2, 0.3, 0.4]', ("The box of Hello is", BOX), ("Hello", BOX)),
        ("(867388-U), [0.1, 0.2, 0.3, 0.4]", ("(867388-U),", BOX), ("(867388-U)", BOX)),
        ("(Hello, [0.1, 0.2, 0.3, 0.4])", None, ("Hello", BOX)),
        ("Hello (0.1, 0.2, 0.3, 0.4)", None, ("Hello", BOX)),
        ('Hi {"x_min": 0.1, "y_min": 0.2, "x_max": 0.3, "y_max": 0.4}', None, ("Hi", BOX)),
        ('Here: {"text": "Hi", "bbox_2d": [0.1, 0.2, 0.3, 0.4]}', None, ("Hi", BOX)),
        ('"A", [0, 0, 1, 1]\n"B", [0.1, 0.2, 0.3, 0.4]', None, ("B", BOX)),
        ("[0.1, 0.2, 0.3, 0.4] (867388-U)", None, ("(867388-U)", BOX)),
    ],
)
def test_texts_with_boxes(reply: str, by_official: tuple | None, by_robust: tuple | None):
    assert official_text_and_box(reply) == by_official
    assert robust_text_and_box(reply) == by_robust


def test_numbers_as_texts_are_numbers_to_the_official_runner_in_grounding_t_alone():
    assert official_text_and_box('Hi ["0.1", 0.2, 0.3, 0.4]') == ("Hi", BOX)
    assert official_box('["0.1", 0.2, 0.3, 0.4]') is None  # it stops there


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Dune", "Dune"),
        ('"Dune"', "Dune"),
        ('The title is "Dune".', "Dune"),
        ("Answer: **Dune**", "Dune"),
        ('{"text": "Dune"}', "Dune"),
        ('The text in the image reads "A B C"', "A B C"),
        ("The title of the book is Dune", "Dune"),
        ("```\nDune\n```", "Dune"),
        ("It may be Rune. Final answer: Dune", "Dune"),
        ('He said "hi" to me', 'He said "hi" to me'),
        ("The Title", "The Title"),
        ('The title is "Dune" by Frank Herbert', "Dune"),
        ("**Answer:** Dune", "Dune"),
        ("PURPOSE **", "PURPOSE **"),
        ('"The \\"Dune\\" book"', 'The "Dune" book'),
        ('"', ""),
        ('{"a": 1}', '{"a": 1}'),
    ],
)
def test_texts(reply: str, expected: str):
    assert robust_text(reply) == expected
    assert official("recognition_pos", reply) == reply.replace('"', "")


@settings(max_examples=150)
@given(st.sampled_from(TASKS), st.text() | st.text("[]{}()\"'0123456789., ABCD:*`answerfinal\n", max_size=60))
def test_no_reply_makes_a_parser_fail(task: str, reply: str):
    for found in (official(task, reply), robust(task, reply, QUESTION)):
        if found is not None and task == "grounding_o":
            assert len(found) == 4 and all(isinstance(value, float) for value in found)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"[')), st.tuples(*[st.floats(0, 1)] * 4))
def test_a_reply_in_the_form_that_is_asked_for_is_read_by_both(text: str, box: tuple):
    reply = f'"{text}" {json.dumps(list(box))}'
    assert official_text_and_box(reply)[1] == box
    assert robust_text_and_box(reply)[1] == box


FORMS = {
    "as prompted": '"{text}", {box}',
    "without quotes": "{text}, {box}",
    "list": "[{escaped}, {box}]",
    "object": '{{"text": {escaped}, "bbox_2d": {box}}}',
    "in a sentence": 'The text is "{text}" at {box}.',
    "in lines": "Text: {text}\nBounding box: {box}",
}
HARD = ("(867388-U)", "TEL : + 6 03 2026", "Room 1, 2, 3, 4", "Grid [1, 2, 3, 4]", "The Box", "Position", "OWNED BY :")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [*HARD, 'MY "PARDNER" AND I', "BREANNA J.", "*** THANKS ***", "BASIC OF THE", "[1] A"])
def test_texts_that_look_like_something_else_come_back_in_every_form(form: str, text: str):
    reply = FORMS[form].format(text=text, escaped=json.dumps(text), box=json.dumps(list(BOX)))
    assert robust_text_and_box(reply) == (text, BOX)


@needs_mirror
def test_the_truth_has_every_point_in_every_form():
    official_items = read_official(MIRROR / "mmr_bench").first_of_each_task().rows
    rows = [one for one in (*official_items, *receipt_items(MIRROR / "sroie")) if one.task == "grounding_t"]
    for form in FORMS.values():
        for text in ("pnls", "pnls_length"):
            replies = [
                prediction_of(one.key, form.format(text=said, escaped=json.dumps(said), box=json.dumps(box)))
                for one in rows
                for said, box in [json.loads(one.answer)]
            ]
            assert score(ItemSet("both", tuple(rows)), replies, Scorer("robust", text)).total == 2 * len(rows) == 200


def test_numbers_that_no_share_can_hold_are_no_error():
    for box in ((1e308,) * 4, (-1e308, -1e308, 1e308, 1e308)):
        for convention in COORDINATES:
            assert overlap(shares(box, convention, width=600, height=400), BOX) == 0
    assert all(map(math.isnan, shares((1e308,) * 4, "x y width height", width=600, height=400)))


def test_each_convention_is_a_column_of_its_own():
    corners, size = [60, 80, 300, 200], {"width": 600, "height": 400}
    same = (0.1, 0.2, 0.5, 0.5)
    assert shares(corners, "pixels", **size) == pytest.approx(same)
    assert shares([100, 200, 500, 500], "per mille") == pytest.approx(same)
    assert shares([80, 60, 200, 300], "y first pixels", **size) == pytest.approx(same)
    assert shares([200, 100, 500, 500], "y first per mille") == pytest.approx(same)
    assert shares([60, 80, 240, 120], "x y width height", **size) == pytest.approx(same)
    assert shares([200, 100, 500, 500], "per mille") != pytest.approx(same)
    assert shares([0, 1 / 6, 1, 5 / 6], "padded unit", **size) == pytest.approx((0, 0, 1, 1))
    assert shares([0, 1000 / 6, 1000, 5000 / 6], "padded per mille", **size) == pytest.approx((0, 0, 1, 1))


@pytest.mark.parametrize(
    "box", [(0.5, 0.5, 0.1, 0.1), (60, 80, 300, 200), (float("nan"), 0, 1, 1), (0, 0, float("inf"), 1)]
)
@pytest.mark.parametrize("convention", COORDINATES)
def test_odd_boxes_have_no_overlap_and_never_crash(box: tuple, convention: str):
    found = shares(box, convention, width=600, height=400)
    assert 0 <= overlap(found, BOX) <= 1
    if box[0] != 60:
        assert overlap(found, BOX) == 0


def test_a_convention_that_is_not_known_or_needs_a_size_says_so():
    with pytest.raises(UnknownCoordinates, match="there are unit, per mille"):
        shares(BOX, "percent")
    with pytest.raises(InvalidItem, match="k7: boxes in 'pixels' need the image's size"):
        shares(BOX, "pixels", key="k7")
    assert [needs_size(one) for one in ("unit", "y first per mille", "padded unit")] == [False, False, True]
    assert issubclass(InvalidBoxes, ValueError)
