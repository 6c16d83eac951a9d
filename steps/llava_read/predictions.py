"""What models answered, as the steps that train them write it, joined with the questions that they were asked.

A row of predictions.jsonl is one answer: {"arm", "code", "seed", "set", "question", "page", "ocr_source",
"prompt_sha256", "reply"}. The code is the specification's name of an arm (A5); an arm is asked with OCR text of one
source or of several, each of which is a model of its own here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steps.step.json_files import read_json
from tenfold.llava_read.questions import Question

PREDICTIONS, ARMS = "predictions.jsonl", "arms.json"
TEST, RECEIPTS = "test", "receipts_test"
FIELDS = ("arm", "code", "seed", "set", "question", "page", "ocr_source", "prompt_sha256", "reply")


class InvalidAnswers(ValueError):
    """Rows of answers are not one per question that was asked: run the step again that wrote them."""


@dataclass(frozen=True)
class Answers:
    """The answers of one arm, asked with one source's OCR text, to every question of a set, by seed.

    ``replies`` and ``prompts`` (the prompts' sums) map a seed to what belongs to each question's id.
    """

    arm: str
    code: str
    ocr_source: str
    asked: str
    replies: Mapping[int, Mapping[str, str]]
    prompts: Mapping[int, Mapping[str, str]]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in order."""
        return tuple(sorted(self.replies))

    @property
    def named(self) -> str:
        """The arm's name, as figures have it, with the OCR source if there is one."""
        return self.arm if self.ocr_source == "none" else f"{self.arm} · {self.ocr_source}"


def read_answers(folders: Sequence[Path], questions: Mapping[str, Sequence[Question]]) -> list[Answers]:
    """Return what the models of all ``folders`` answered; ``questions`` are those of each set.

    Models stand in the order of their first rows. Raises InvalidAnswers, with the file, for a row that is none, a
    question that the set has not, one that was answered twice, and one that was not; the same arm in two folders.
    """
    known = {name: {question.id: question for question in asked} for name, asked in questions.items()}
    found: dict[tuple[str, ...], dict[int, dict[str, dict[str, Any]]]] = {}
    written: dict[tuple[str, ...], Path] = {}
    for folder in folders:
        path = folder / PREDICTIONS
        for number, row in _rows(path):
            key = (row["arm"], row["code"], row["ocr_source"], row["set"])
            if written.setdefault(key, path) != path:
                raise InvalidAnswers(f"{path}:{number}: {row['arm']!r} stands in {written[key]} too: rename one")
            question = known.get(row["set"], {}).get(row["question"])
            if question is None or question.page != row["page"]:
                raise InvalidAnswers(
                    f"{path}:{number}: the set {row['set']!r} has no question {row['question']!r} of {row['page']!r}"
                )
            of_seed = found.setdefault(key, {}).setdefault(row["seed"], {})
            if row["question"] in of_seed:
                raise InvalidAnswers(f"{path}:{number}: {row['question']!r} was answered before by the same model")
            of_seed[row["question"]] = row
    return [_answers(key, by_seed, known[key[3]], written[key]) for key, by_seed in found.items()]


def _rows(path: Path) -> Iterable[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                missing = [field for field in FIELDS if field not in row]
            except (ValueError, TypeError) as error:
                raise InvalidAnswers(f"{path}:{number}: not a row of answers: {error}") from error
            if missing:
                raise InvalidAnswers(f"{path}:{number}: the row has no {missing[0]!r}")
            yield number, row


def _answers(
    key: tuple[str, ...], by_seed: Mapping[int, Mapping[str, Mapping[str, Any]]], known: Mapping[str, Any], path: Path
) -> Answers:
    arm, code, source, asked = key
    for seed, rows in by_seed.items():
        if missing := sorted(set(known) - set(rows)):
            raise InvalidAnswers(
                f"{path}: {arm!r}, seed {seed}, {source}: {len(missing)} questions of {asked!r} have no answer, "
                f"{missing[0]!r} first"
            )
    return Answers(
        arm,
        code,
        source,
        asked,
        {seed: {name: row["reply"] for name, row in rows.items()} for seed, rows in by_seed.items()},
        {seed: {name: row["prompt_sha256"] for name, row in rows.items()} for seed, rows in by_seed.items()},
    )


def asked_in_part(folder: Path, questions: Sequence[Question]) -> list[Question]:
    """Return those of the test's questions whose pages a step asked about that asks fewer than all."""
    pages = {row["page"] for _, row in _rows(folder / PREDICTIONS) if row["set"] == TEST}
    return [question for question in questions if question.page in pages]


def read_arms(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Return what the steps that train say of each arm and seed, in order."""
    return [row for folder in folders for row in read_json(folder / ARMS)]
