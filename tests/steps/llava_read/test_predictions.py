"""Answers are one per question that was asked; anything else is refused with the file and the line."""

from __future__ import annotations

import json

import pytest

from steps.llava_read.predictions import PREDICTIONS, TEST, InvalidAnswers, asked_in_part, read_answers, read_arms
from tests.steps.llava_read.planted import LATER, USUAL, questions_of, write_model

QUESTIONS = questions_of(3)
KNOWN = {TEST: QUESTIONS, "receipts_test": []}


@pytest.fixture
def folder(tmp_path):
    return write_model(tmp_path / "tune", {"full": USUAL["full"], "blind": USUAL["blind"]}, QUESTIONS)


def rewritten(folder, change):
    rows = [json.loads(line) for line in (folder / PREDICTIONS).read_text().splitlines()]
    lines = [one if isinstance(one, str) else json.dumps(one) for one in change(rows)]
    (folder / PREDICTIONS).write_text("\n".join(lines) + "\n")
    return folder


def test_answers_are_joined_by_arm_source_and_seed(folder, tmp_path):
    later = write_model(tmp_path / "ablated", {name: LATER[name] for name in ("again", "oracle")}, QUESTIONS)
    found = read_answers([folder, later], KNOWN)
    assert [(one.arm, one.code, one.ocr_source) for one in found] == [
        ("full", "A5", "ppocr6"),
        ("blind", "question only", "none"),
        ("full", "A12", "ppocr6"),
        ("full", "A12", "oracle"),
    ]
    assert [one.seeds for one in found] == [(0, 1, 2), (0, 1, 2), (0,), (0,)]
    assert set(found[0].replies[1]) == {one.id for one in QUESTIONS}
    assert len(read_arms([folder, later])) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1:], "1 questions of 'test' have no answer"),
        (lambda rows: [*rows, rows[0]], "was answered before"),
        (
            lambda rows: [rows[0] | {"question": "nobody"}, *rows[1:]],
            r"predictions.jsonl:1: .* no question 'nobody'",
        ),
        (lambda rows: [rows[0] | {"page": "another"}, *rows[1:]], "of 'another'"),
        (lambda rows: [rows[0] | {"set": "training"}, *rows[1:]], "the set 'training'"),
        (lambda rows: [{k: v for k, v in rows[0].items() if k != "ocr_source"}, *rows[1:]], "has no 'ocr_source'"),
        (lambda rows: ["{half", *rows], "predictions.jsonl:1: not a row"),
    ],
)
def test_other_rows_are_refused_by_name(folder, change, message):
    with pytest.raises(InvalidAnswers, match=message):
        read_answers([rewritten(folder, change)], KNOWN)


def test_one_arm_in_two_folders_is_refused(folder, tmp_path):
    twin = write_model(tmp_path / "twin", {"full": USUAL["full"]}, QUESTIONS)
    with pytest.raises(InvalidAnswers, match="stands in"):
        read_answers([folder, twin], KNOWN)


def test_a_step_that_asks_about_some_pages_answers_every_question_of_those(tmp_path):
    folder = write_model(tmp_path / "language", {"language_full": USUAL["language_full"]}, questions_of(2))
    with pytest.raises(InvalidAnswers, match="have no answer"):
        read_answers([folder], KNOWN)
    own = asked_in_part(folder, QUESTIONS)
    assert own == questions_of(2)
    (found,) = read_answers([folder], {TEST: own})
    assert set(found.replies[0]) == {one.id for one in own}
    with pytest.raises(InvalidAnswers, match="1 questions"):
        read_answers([rewritten(folder, lambda rows: rows[1:])], {TEST: own})
