"""Answers scored by one measure at a time, by kind of question; measures and OCR sources never share a table's column.

contained     a reference stands in the answer (OCRBench); references below four characters apart, the length beside
anls_lmms     normalised edit similarity as lmms-eval has it, exactly ½ counts
anls_docvqa   the same as its paper defines it, exactly ½ is 0
relaxed       numbers within 5 % (ChartQA)
exact         the same text but for case, width and outer punctuation

Legend:  N questions
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64

from tenfold.llava_read.questions import KINDS, Question
from tenfold.llava_read.reading_errors import InvalidScores
from tenfold.text.anls import anls_docvqa, anls_lmms
from tenfold.text.matching import contained_match, exact_match, relaxed_match

Measure = Literal["contained", "anls_lmms", "anls_docvqa", "relaxed", "exact"]
References = Literal["all", "short", "long"]

MEASURES: tuple[Measure, ...] = get_args(Measure)
SHORT = 4  # characters, below which a reference stands in many an answer by chance


@dataclass(frozen=True)
class ScoreRow:
    """The mean score of the questions of a kind, from 0 to 1, with the mean length of the answers in characters.

    ``references`` says whether these are all questions of the kind, or those whose shortest reference is short or long.
    """

    kind: str
    references: References
    questions: int
    pages: int
    score: float
    answer_length: float


@dataclass(frozen=True)
class ScoreTable:
    """One model's scores by one measure; ``ocr_source`` says whose OCR text was in its prompts."""

    measure: Measure
    ocr_source: str
    rows: tuple[ScoreRow, ...]


def item_scores(
    measure: Measure, questions: Sequence[Question], predictions: Mapping[str, str]
) -> Float64[np.ndarray, " N"]:
    """Return the score of each question's answer; ``predictions`` maps a question's id to it.

    Raises InvalidScores for an unknown measure, a question without an answer or an answer without a question, since
    nothing is left out of a mean; and for an answer that is no text.
    """
    if measure not in MEASURES:
        raise InvalidScores(f"no measure is called {measure!r}; there are {', '.join(MEASURES)}")
    answers = _paired(questions, predictions)
    references = [question.answers for question in questions]
    match measure:
        case "anls_lmms":
            return anls_lmms(answers, references)
        case "anls_docvqa":
            return anls_docvqa(answers, references)
        case "contained":
            found = [contained_match(answer, listed) for answer, listed in zip(answers, references, strict=True)]
        case "exact":
            found = [exact_match(answer, listed) for answer, listed in zip(answers, references, strict=True)]
        case _:
            pairs = zip(answers, references, strict=True)
            found = [any(relaxed_match(answer, one) for one in listed) for answer, listed in pairs]
    return np.array(found, dtype=np.float64)


def score_table(
    measure: Measure, questions: Sequence[Question], predictions: Mapping[str, str], *, ocr_source: str
) -> ScoreTable:
    """Return the scores by kind, each call by itself.

    By the measure "contained", questions with a reference below four characters have rows of their own. Raises
    InvalidScores as ``item_scores`` does, and without an OCR source ("none" if no text was in the prompts).
    """
    if not ocr_source:
        raise InvalidScores('every table names its OCR source, "none" if no OCR text was in the prompts')
    scores = item_scores(measure, questions, predictions)
    lengths = np.array([len(predictions[question.id]) for question in questions])
    short = np.array([min(map(len, question.answers)) < SHORT for question in questions], dtype=bool)
    kinds = np.array([question.kind for question in questions])
    pages = np.array([question.page for question in questions])
    groups: list[tuple[References, np.ndarray]] = [("all", np.ones(len(questions), dtype=bool))]
    if measure == "contained":
        groups = [("long", ~short), ("short", short)]
    rows = []
    for kind in KINDS:
        for name, group in groups:
            chosen = group & (kinds == kind) if len(questions) else group
            if chosen.any():
                rows.append(
                    ScoreRow(
                        kind=kind,
                        references=name,
                        questions=int(chosen.sum()),
                        pages=len(set(pages[chosen].tolist())),
                        score=float(scores[chosen].mean()),
                        answer_length=float(lengths[chosen].mean()),
                    )
                )
    return ScoreTable(measure, ocr_source, tuple(rows))


def side_by_side(tables: Mapping[str, ScoreTable]) -> list[dict[str, str | int | float]]:
    """Return rows of several models for one table, each with its OCR source and the one measure's score.

    Raises InvalidScores if the measures differ, or there is no table.
    """
    measures = sorted({table.measure for table in tables.values()})
    if len(measures) != 1:
        raise InvalidScores(f"one table holds one measure, not {measures or 'none'}: make a table for each")
    return [
        {
            "model": model,
            "ocr_source": table.ocr_source,
            "kind": row.kind,
            "references": row.references,
            "questions": row.questions,
            "pages": row.pages,
            measures[0]: row.score,
            "answer_length": row.answer_length,
        }
        for model, table in tables.items()
        for row in table.rows
    ]


def _paired(questions: Sequence[Question], predictions: Mapping[str, str]) -> list[str]:
    ids = [question.id for question in questions]
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise InvalidScores(f"two questions have the id {twice!r}")
    missing, unasked = sorted(set(ids) - set(predictions)), sorted(set(predictions) - set(ids))
    if missing or unasked:
        raise InvalidScores(
            f"{len(missing)} questions have no answer {missing[:1]}, {len(unasked)} answers no question {unasked[:1]}: "
            "score answers with the very questions that were asked, one for each"
        )
    for one in ids:
        if not isinstance(predictions[one], str):
            raise InvalidScores(f"the answer to {one!r} is a text, {predictions[one]!r} is none; no answer is ''")
    return [predictions[one] for one in ids]
