"""Points of replies: golden cases of the official rules, what the mended scorer changes, and the reasons given."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tenfold.mmr.coordinates import COORDINATES, UnknownCoordinates
from tenfold.mmr.errors import InvalidItem, InvalidPredictions
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.scores import MENDED, OFFICIAL, TEXTS, InvalidScorer, Scorer, score
from tenfold.mmr.tasks import CHOICE, COLUMNS, RECOGNITION, TASKS

BOX = [0.0, 0.0, 1.0, 0.5]
QUESTION = "Where?\nChoices:\n1. above\n2. below\n3. left\n4. right"


def item(task: str, key: str = "k", **fields) -> Item:
    answer = "3" if task in CHOICE else "abcdefghij" if task in RECOGNITION else json.dumps(BOX)
    answer = json.dumps(["abcdefghij", BOX]) if task == "grounding_t" else answer
    return Item(key, **{"image": f"image of {key}", "task": task, "question": QUESTION, "answer": answer} | fields)


def one(task: str, reply: str | None, scorer: Scorer = OFFICIAL, **fields):
    found = score(ItemSet("test", (item(task, **fields),)), [prediction_of("k", reply)], scorer)
    return found.points[0].tolist(), found.reasons[0]


def test_the_answers_themselves_have_all_points_and_silence_none():
    items = ItemSet("all", tuple(item(task, f"{task} {n}") for task in TASKS for n in range(3)))
    replies = [
        prediction_of(row.key, f'"abcdefghij", {json.dumps(BOX)}' if row.task == "grounding_t" else row.answer)
        for row in items.rows
    ]
    for scorer in (OFFICIAL, MENDED):
        found = score(items, replies, scorer)
        assert found.total == found.most == 36 and set(found.columns().values()) == {3.0}
        assert found.possible() == dict.fromkeys(COLUMNS, 3)
        assert score(items, replies, scorer).total == 36  # twice in one process
    nothing = score(items, [])
    assert nothing.total == 0 and nothing.most == 36 and nothing.unanswered.all() and not nothing.format_failures.any()
    assert set(nothing.reasons) == {"no reply came: not asked"}


@pytest.mark.parametrize(
    ("task", "reply", "points", "reason"),
    [
        ("font_size", "2", [0, 0], "chose 2, and 3 is right"),
        ("font_size", "3", [1, 0], "chose 3, which is right"),
        ("font_size", "C", [0, 0], "the reply names no number"),
        (
            "recognition_pos",
            "abcdefghix",
            [0, 0],
            "read 'abcdefghix' where 'abcdefghij' stands: PNLS 0.9 is not above 0.9",
        ),
        ("grounding_o", "[0, 0, 0.3, 0.5]", [0, 0], "IoU 0.3 is not above 0.3"),
        ("grounding_o", "[0, 0, 0.31, 0.5]", [1, 0], "IoU 0.31 is above 0.3"),
        ("grounding_o", "[0, 0, 0.27, 0.5]", [0, 0], "IoU 0.27 is not above 0.3"),
        ("grounding_o", "[1, 0.5, 0, 0]", [0, 0], "the box is inverted or has no area, so its IoU is 0"),
        ("grounding_o", "[NaN, 0, 1, 1]", [0, 0], "the box holds a number that is not finite, so its IoU is 0"),
        (
            "grounding_o",
            "[600, 629, 924, 762]",
            [0, 0],
            "IoU 0.0 is not above 0.3, since its numbers lie outside the image",
        ),
        ("grounding_o", "The box: [0, 0, 1, 0.5]", [0, 0], "the reply is no list of four numbers"),
        ("grounding_t", "abcdefghij", [0, 0], "the reply holds no text with a list of four numbers"),
        (
            "grounding_t",
            'ERROR "abcdefghij" [0, 0, 1, 0.5]',
            [0, 0],
            "the official runner leaves out a reply that holds 'ERROR'",
        ),
        (
            "grounding_t",
            '"abcdefghij", [0, 0, 0.2, 0.5]',
            [1, 0],
            "read 'abcdefghij,' where 'abcdefghij' stands: PNLS 1.0 is above 0.9; IoU 0.2 is not above 0.3",
        ),
        (
            "grounding_t",
            '"xyz", [0, 0, 1, 0.5]',
            [0, 1],
            "read 'xyz,' where 'abcdefghij' stands: PNLS 0.0 is not above 0.9; IoU 1.0 is above 0.3",
        ),
    ],
)
def test_points_and_reasons(task: str, reply: str, points: list, reason: str):
    assert one(task, reply) == (points, reason)


def test_eleven_characters_with_one_slip_are_right():
    assert one("recognition_label", "abcdefghijx", answer="abcdefghijk")[0] == [1, 0]  # 10 / 11
    found = score(ItemSet("t", (item("recognition_label"),)), [prediction_of("k", "abcdefghix")])
    assert found.text_score[0] == 0.9 and np.isnan(found.iou[0])


def test_the_mended_scorer_reads_what_the_official_one_drops_and_a_dump_does_not_win():
    reply = '"ERROR 404", [0, 0, 1, 0.5]'
    answer = json.dumps(["ERROR 404", BOX])
    assert one("grounding_t", reply, answer=answer)[0] == [0, 0]
    assert one("grounding_t", reply, MENDED, answer=answer)[0] == [1, 1]
    assert one("recognition_label", "ERROR abcdefghij")[0] == [1, 0]  # recognition drops nothing
    assert one("recognition_label", "much else and abcdefghij", MENDED)[0] == [0, 0]
    assert one("font_size", "I first thought 1. Final answer: 3", MENDED)[0] == [1, 0]
    assert one("font_size", "3 or 4", MENDED)[1] == "the reply names no option, or several"


def test_failures_stay_in_the_denominator_and_apart_from_answers_that_cannot_be_read():
    items = ItemSet("t", tuple(item("grounding_o", f"k{n}") for n in range(5)))
    replies = [
        Prediction("k0", None, "failed", "HTTP 500"),
        Prediction("k1", json.dumps(BOX), "cut"),
        prediction_of("k2", "  "),
        prediction_of("k3", "somewhere"),
        prediction_of("k4", json.dumps(BOX)),
    ]
    found = score(items, replies)
    assert found.total == 1 and found.most == 5 and found.possible()["grounding_o"] == 5
    assert found.unanswered.tolist() == [True, True, True, False, False]
    assert found.format_failures.tolist() == [False, False, False, True, False]
    assert found.reasons[:3] == (
        "no reply came: HTTP 500",
        "the reply was cut off, so it is no answer",
        "the reply is empty",
    )
    assert found.iou.tolist() == [0, 0, 0, 0, 1]
    assert found.parsed == (None, None, None, None, (0, 0, 1, 0.5))


def test_of_several_references_the_best_counts_and_no_score_is_rounded():
    items = ItemSet("t", (item("recognition_label", answer="zzzz", also=("abcdefghij", "abcdxxxxxx")),))
    found = score(items, [prediction_of("k", "abcdefghix")], MENDED)
    assert found.text_score.tolist() == [0.9] and found.total == 0
    assert score(items, [prediction_of("k", "abcdefghix")]).text_score[0] < 0.9  # the runner knows one
    boxes = item("grounding_o", also=("[0.5, 0.5, 1, 1]",))
    assert score(ItemSet("t", (boxes,)), [prediction_of("k", "[0.5, 0.5, 1, 1]")], MENDED).total == 1


def test_conventions_and_thresholds_are_columns_of_their_own():
    reply = '```json\n{"bbox_2d": [60, 80, 300, 200]}\n```'
    sized = {"answer": "[0.1, 0.2, 0.5, 0.5]", "width": 600, "height": 400}
    assert one("grounding_o", reply, **sized)[0] == [0, 0]
    assert one("grounding_o", reply, MENDED, **sized)[0] == [0, 0]
    assert one("grounding_o", reply, Scorer("robust", convention="pixels"), **sized)[0] == [1, 0]
    assert one("grounding_o", "[0, 0, 0.4, 0.5]", Scorer(iou=0.5))[0] == [0, 0]
    with pytest.raises(InvalidItem, match="need the image's size"):
        one("grounding_o", reply, Scorer("robust", convention="pixels"))


def test_an_answer_is_one_of_the_options_that_a_question_has():
    assert one("font_size", "5", answer="5", question=f"{QUESTION}\n5. nowhere")[0] == [1, 0]
    with pytest.raises(InvalidItem, match="one of the options 1, 2"):
        one("font_size", "3", question="Where?\n1. above\n2. below")


def test_huge_boxes_have_no_point_under_any_convention():
    reply, sized = "[1e308, 1e308, 1e308, 1e308]", {"width": 600, "height": 400}
    for convention in COORDINATES:
        assert one("grounding_o", reply, Scorer("robust", convention=convention), **sized)[0] == [0, 0]
    said = one("grounding_o", reply, Scorer(convention="x y width height"), **sized)[1]
    assert said == "the box holds a number that is not finite, so its IoU is 0"


def test_no_items_have_no_points_and_no_reply_belongs_to_them():
    assert score(ItemSet("none", ()), []).total == 0
    with pytest.raises(InvalidPredictions, match="'a'; it holds no items"):
        score(ItemSet("none", ()), [Prediction("a", "b")])


def test_quotes_inside_a_text_cost_nothing_under_pnls():
    reply, answer = f'"a "bc" d", {BOX}', json.dumps(['a "bc" d', BOX])
    assert one("grounding_t", reply, Scorer("robust"), answer=answer)[0] == [1, 1]


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_score_gives_an_equal_text_its_point(text: str):
    assert one("recognition_label", "ABCDEFGHIJ", Scorer(text=text))[0] == [1, 0]
    assert one("recognition_label", "something else", Scorer(text=text))[0] == [0, 0]


def test_scorers_items_and_replies_that_make_no_sense_are_refused():
    for wrong, said in (({"parser": "kind"}, "parser"), ({"text": "bleu"}, "text score"), ({"iou": 1.0}, "iou")):
        with pytest.raises(InvalidScorer, match=said):
            Scorer(**wrong)
    with pytest.raises(UnknownCoordinates):
        Scorer(convention="percent")
    for task, answer in (
        ("font_size", "B"),
        ("font_size", "5"),
        ("font_size", "03"),
        ("grounding_o", "[1, 2]"),
        ("grounding_t", "[0, 0, 1, 1]"),
    ):
        with pytest.raises(InvalidItem, match=f"the answer of {task} is"):
            one(task, "1", answer=answer)
    with pytest.raises(InvalidPredictions, match="answered twice"):
        score(ItemSet("t", (item("font_size"),)), [prediction_of("k", "1"), prediction_of("k", "2")])
