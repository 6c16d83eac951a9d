"""Measures with golden cases, each by itself and by kind; nothing is left out of a mean."""

from __future__ import annotations

import pytest

from tenfold.llava_read.questions import Question
from tenfold.llava_read.reading_errors import InvalidScores
from tenfold.llava_read.scores import MEASURES, item_scores, score_table, side_by_side

CASES = {  # answer and references -> score by each measure
    "sitting": (("kitten",), {"anls_lmms": 0.571, "anls_docvqa": 0.571, "contained": 0, "exact": 0, "relaxed": 0}),
    "a": (("ab",), {"anls_lmms": 0.5, "anls_docvqa": 0, "contained": 0, "exact": 0}),
    "x": (("completely unrelated text here",), {"anls_lmms": 0, "anls_docvqa": 0}),
    "kitten": (("x", "kitten"), {"anls_lmms": 1, "anls_docvqa": 1, "contained": 1, "exact": 1, "relaxed": 1}),
    "The Total is 12.40.": (("12.40",), {"contained": 1, "exact": 0, "relaxed": 0}),
    "104": (("100",), {"relaxed": 1, "exact": 0, "contained": 0}),
    "5%": (("5",), {"relaxed": 0, "contained": 1}),
    "0.0": (("0",), {"relaxed": 0, "contained": 1}),
    "": (("red",), {"contained": 0, "exact": 0, "anls_lmms": 0}),
}


def asked(kind="text", answers=("red",), name="q", page="p"):
    return Question(name, page, kind, "What?", answers)


@pytest.mark.parametrize("answer", CASES)
def test_golden_cases(answer):
    references, expected = CASES[answer]
    for measure, score in expected.items():
        (found,) = item_scores(measure, [asked(answers=references)], {"q": answer})
        assert found == pytest.approx(score, abs=1e-3), measure


def test_scores_are_by_kind_with_the_length_of_answers_and_short_references_apart():
    questions = [
        asked("text", ("12.40",), "a", "p1"),
        asked("text", ("harvest",), "b", "p2"),
        asked("text", ("9",), "c", "p2"),
        asked("colour", ("red",), "d", "p1"),
    ]
    answers = {"a": "It is 12.40", "b": "no", "c": "1985", "d": "red"}
    table = score_table("contained", questions, answers, ocr_source="ppocr6")
    rows = {(row.kind, row.references): row for row in table.rows}
    assert set(rows) == {("text", "long"), ("text", "short"), ("colour", "short")}
    assert rows["text", "long"].score == 0.5 and rows["text", "long"].pages == 2
    assert rows["text", "short"].score == 1 and rows["text", "short"].questions == 1  # a 9 stands in 1985
    assert rows["text", "long"].answer_length == 6.5
    exact = score_table("exact", questions, answers, ocr_source="ppocr6")
    assert [(row.kind, row.references, row.score) for row in exact.rows] == [("text", "all", 0), ("colour", "all", 1)]
    assert score_table("exact", questions, answers, ocr_source="ppocr6") == exact  # nothing adds up between calls


def test_measures_are_never_mixed_and_rows_carry_their_ocr_source():
    questions, answers = [asked()], {"q": "red"}
    one, other = (score_table("exact", questions, answers, ocr_source=source) for source in ("none", "simulated"))
    rows = side_by_side({"A1": one, "A5": other})
    assert [(row["model"], row["ocr_source"], row["exact"]) for row in rows] == [
        ("A1", "none", 1),
        ("A5", "simulated", 1),
    ]
    with pytest.raises(InvalidScores, match="one measure"):
        side_by_side({"A1": one, "A5": score_table("anls_lmms", questions, answers, ocr_source="none")})
    with pytest.raises(InvalidScores, match="none"):
        side_by_side({})
    with pytest.raises(InvalidScores, match="OCR source"):
        score_table("exact", questions, answers, ocr_source="")


@pytest.mark.parametrize("measure", MEASURES)
def test_a_question_without_an_answer_is_no_item_to_skip(measure):
    with pytest.raises(InvalidScores, match=r"1 questions have no answer \['q'\]"):
        item_scores(measure, [asked()], {})
    with pytest.raises(InvalidScores, match=r"1 answers no question \['other'\]"):
        item_scores(measure, [asked()], {"q": "red", "other": "x"})
    with pytest.raises(InvalidScores, match="two questions have the id 'q'"):
        item_scores(measure, [asked(), asked()], {"q": "red"})
    assert item_scores(measure, [], {}).shape == (0,)


def test_an_unknown_measure_is_refused():
    with pytest.raises(InvalidScores, match="'bleu'"):
        item_scores("bleu", [asked()], {"q": "red"})


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("reply", [None, 9.5, float("nan"), b"red"])
def test_an_answer_that_is_no_text_is_refused_by_its_question(measure, reply):
    with pytest.raises(InvalidScores, match="answer to 'q' is a text"):
        item_scores(measure, [asked()], {"q": reply})


def test_an_empty_answer_is_not_a_reference_of_punctuation():
    (found,) = item_scores("exact", [asked(answers=("...",))], {"q": ""})
    assert found == 0
