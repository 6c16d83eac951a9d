"""Predictions as people have them: one JSON line per question, its answer an option's letter, number or text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.debias.bbq import read_bbq
from tenfold.debias.errors import InvalidAnswers, NoQuestions
from tenfold.debias.items import NONE, Items
from tenfold.debias.own_items import option_number, read_own_items


def read_questions(path: Path) -> Items:
    """Return the questions of a BBQ folder, or of a file of one's own. Raises what the two readers raise."""
    if not path.exists():
        raise NoQuestions(f"{path} does not exist; name a BBQ folder or a file of questions")
    return read_bbq(path) if path.is_dir() else read_own_items(path)


def read_predictions(path: Path, items: Items) -> tuple[Items, Int[np.ndarray, " N"]]:
    """Return the questions that a file of JSON lines answers, in their own order, and the answers.

    A line has ``key`` and ``answer``: a letter, a number from 0, an option's text or a whole reply. What names no
    option is −1; null too.
    Raises InvalidAnswers for a line without these fields, a key that no question has, or one that comes twice, and
    NoQuestions for an empty file.
    """
    places = {item.key: place for place, item in enumerate(items.rows)}
    found: dict[int, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), 1):
        if not line.strip():
            continue
        key, said = _fields(path, number, line)
        if key not in places:
            raise InvalidAnswers(
                f"{path}:{number}: no question has the key {key!r}; keys are like {next(iter(places))!r}"
            )
        place = places[key]
        if place in found:
            raise InvalidAnswers(f"{path}:{number}: {key!r} is answered twice; give one answer per question")
        chosen = option_number(said, items.rows[place].options)
        found[place] = NONE if chosen is None else chosen
    if not found:
        raise NoQuestions(f"{path} holds no prediction")
    order = sorted(found)
    return items.only(order), np.array([found[place] for place in order], dtype=np.int64)


def _fields(path: Path, number: int, line: str) -> tuple[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InvalidAnswers(f"{path}:{number}: not JSON: {error}") from None
    if not isinstance(row, dict) or "key" not in row or "answer" not in row:
        raise InvalidAnswers(f"{path}:{number}: a line is an object with the fields key and answer")
    if not isinstance(row["answer"], str | int | None) or isinstance(row["answer"], bool):
        raise InvalidAnswers(f"{path}:{number}, answer {row['answer']!r}: give a letter, a number or a text")
    return str(row["key"]), row["answer"]
