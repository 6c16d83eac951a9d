"""Questions about people's own images: JSON lines, the images beside the file; and answers to them.

    {"image": "till.png", "question": "What is the total?", "answers": ["12.40"]}

``id`` is the line's number if it is not given; ``kind`` is one of the kinds of questions, "text" if it is not given.
Answers are needed to train and to score, not to ask.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from tenfold.llava_read.questions import KINDS, Kind, Question
from tenfold.llava_read.reader import NAMED, Answer, Status
from tenfold.llava_read.reading_errors import InvalidQuestion

FIELDS = ("id", "image", "question", "answers", "kind")
EXAMPLE = '{"image": "till.png", "question": "What is the total?", "answers": ["12.40"]}'


@dataclass(frozen=True)
class OwnQuestion:
    """A question about the image in ``path``; ``image`` is its name in the file, and the unit of resampling."""

    id: str
    image: str
    path: Path
    question: str
    answers: tuple[str, ...]
    kind: Kind

    @property
    def scored(self) -> Question:
        """The question as scores take it. Raises InvalidQuestion if it has no answers."""
        if not self.answers:
            raise InvalidQuestion(f"question {self.id!r} has no answers: give `answers` to score or to train with")
        return Question(self.id, self.image, self.kind, self.question, self.answers)


def read_questions(path: Path) -> list[OwnQuestion]:
    """Return the questions of a file of JSON lines, whose images lie beside it.

    Raises InvalidQuestion, with the line, for a row that is none, an id that comes twice, an image that is not there,
    an empty file, or one that is not in UTF-8.
    """
    if not path.is_file():
        raise InvalidQuestion(f"there is no file {path}; each of its lines is like {EXAMPLE}")
    lines = _lines(path)
    found: dict[str, OwnQuestion] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = _question(line, str(number), path.parent)
            if one.id in found:
                raise InvalidQuestion(f"the id {one.id!r} is given twice")
        except InvalidQuestion as error:
            raise InvalidQuestion(f"{path}:{number}: {error}") from None
        found[one.id] = one
    if not found:
        raise InvalidQuestion(f"{path} holds no question; each line is like {EXAMPLE}")
    return list(found.values())


def write_answers(questions: Sequence[OwnQuestion], answers: Sequence[Answer], path: Path) -> None:
    """Write one row per question: its id, reply and status, OCR source, prompt's sum, words used and cut."""
    with path.open("w", encoding="utf-8") as file:
        for question, answer in zip(questions, answers, strict=True):
            asked = answer.asked
            row = {
                "id": question.id,
                "reply": answer.reply,
                "status": answer.status,
                "ocr_source": asked.ocr_source,
                "prompt_sha256": asked.prompt_sha256,
                "words_used": len(asked.used),
                "words_cut": len(asked.cut),
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def read_answers(path: Path) -> tuple[dict[str, str], str]:
    """Return replies by question's id, one that was cut as an empty one, and the one OCR source of all rows.

    Raises InvalidQuestion, with the line, for a row that is none, a status or an OCR source that there is not, or an id
    that comes twice; for a file that is empty or not in UTF-8; for a second OCR source, since scores of two sources
    never share a table.
    """
    if not path.is_file():
        raise InvalidQuestion(f"there is no file {path}; `tenfold llava-read run` writes one")
    replies: dict[str, str] = {}
    sources: dict[str, int] = {}
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        row = _row(line, f"{path}:{number}")
        if not isinstance(row.get("id"), str) or not isinstance(row.get("reply"), str):
            raise InvalidQuestion(
                f"{path}:{number}: id and reply are texts, not {row.get('id')!r}, {row.get('reply')!r}"
            )
        if row["id"] in replies:
            raise InvalidQuestion(f"{path}:{number}: {row['id']!r} is answered twice")
        status, source = row.get("status", "answered"), row.get("ocr_source", "unknown")
        if status not in get_args(Status):
            raise InvalidQuestion(f"{path}:{number}: status = {status!r} is one of {', '.join(get_args(Status))}")
        if not isinstance(source, str) or not source.strip():
            raise InvalidQuestion(
                f'{path}:{number}: ocr_source = {source!r} names whose OCR text stood in the prompt, "none" for no '
                "text; leave it out where it is not known"
            )
        replies[row["id"]] = row["reply"] if status == "answered" else ""
        sources.setdefault(source, number)
    if not sources:
        raise InvalidQuestion(f"{path} holds no answer; `tenfold llava-read run` writes a row per question")
    if len(sources) != 1:
        raise InvalidQuestion(
            f"{path} holds answers of {len(sources)} OCR sources {sorted(sources)}: one file for each"
        )
    return replies, next(iter(sources))


def images_of(questions: Iterable[OwnQuestion]) -> dict[str, Path]:
    """Return the path of each image by its name, once."""
    return {one.image: one.path for one in questions}


def _question(line: str, number: str, folder: Path) -> OwnQuestion:
    row = _row(line, "a question")
    if strange := sorted(set(row) - set(FIELDS)):
        raise InvalidQuestion(f"there is no field {', '.join(strange)}; there are {', '.join(FIELDS)}")
    for name in ("image", "question"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise InvalidQuestion(f"{name} = {row.get(name)!r} must be a text, as in {EXAMPLE}")
    answers, kind = row.get("answers", []), row.get("kind", "text")
    if not isinstance(answers, list) or not all(isinstance(one, str) and one.strip() for one in answers):
        raise InvalidQuestion(f"answers = {answers!r} must be a list of texts, none empty")
    if kind not in KINDS:
        raise InvalidQuestion(f"kind = {kind!r} must be one of {', '.join(KINDS)}")
    path = folder / row["image"]
    if not os.path.isfile(path):  # which a name too long for a file is no error to
        raise InvalidQuestion(f"there is no image {str(path)[:NAMED]}")
    name = row.get("id", number)
    if not isinstance(name, str) or not name:
        raise InvalidQuestion(f"id = {name!r} must be a text")
    return OwnQuestion(name, row["image"], path, row["question"], tuple(answers), cast(Kind, kind))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidQuestion(f"{path} is not in UTF-8: {error}") from None


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidQuestion(f"{where}: no JSON: {error}") from None
    if any("\ud800" <= one <= "\udfff" for one in json.dumps(row, ensure_ascii=False)):
        raise InvalidQuestion(f"{where}: half of a pair of \\u escapes is no character")
    if not isinstance(row, dict):
        raise InvalidQuestion(f"{where}: an object such as {EXAMPLE}, not {type(row).__name__}")
    return row
