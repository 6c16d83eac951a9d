"""Predictions as people have them: one row per question, its answer an option's letter, number or text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.debias.bbq import read_bbq
from tenfold.debias.errors import InvalidAnswers, NoQuestions
from tenfold.debias.items import NONE, Items
from tenfold.debias.own_items import no_number, option_number, read_own_items
from tenfold.debias.own_tables import read_rows

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_NO_OPTION = re.compile(rf"{NONE}(?:\.0+)?")


def read_questions(path: Path) -> Items:
    """Return the questions of a BBQ folder, or of a file of one's own. Raises what the two readers raise."""
    if not path.exists():
        raise NoQuestions(f"{path} does not exist; name a BBQ folder or a file of questions")
    return read_bbq(path) if path.is_dir() else read_own_items(path)


def read_predictions(path: Path, items: Items) -> tuple[Items, Int[np.ndarray, " N"]]:
    """Return the questions that a file of JSON lines, or a CSV file, answers, in their own order, and the answers.

    A row has ``key`` and ``answer``: a letter, a number from 0, an option's text or a whole reply. What names no
    option is −1; null too, and an empty cell. Numbers may be written as 2.0, as a table of floats has them.
    Raises InvalidAnswers for a row without these fields, a key that no question has, or one that comes twice, and for
    a number of no option, which tells of a file that counts from 1; NoQuestions for an empty file.
    """
    if not path.is_file():
        raise NoQuestions(f"there is no file {path}; give predictions with key and answer")
    places = {item.key: place for place, item in enumerate(items.rows)}
    found: dict[int, int] = {}
    for number, row in read_rows(path, ("key", "answer"), InvalidAnswers).items():
        key, said = str(row.get("key", "")), _answer(path, number, row.get("answer"))
        if key not in places:
            raise InvalidAnswers(
                f"{path}:{number}: no question has the key {key!r}; keys are like {next(iter(places))!r}"
            )
        place = places[key]
        if place in found:
            raise InvalidAnswers(f"{path}:{number}: {key!r} is answered twice; give one answer per question")
        found[place] = _chosen(path, number, said, items.rows[place].options)
    if not found:
        raise NoQuestions(f"{path} holds no prediction")
    order = sorted(found)
    return items.only(order), np.array([found[place] for place in order], dtype=np.int64)


def _answer(path: Path, number: int, said: Any) -> str | int | None:
    if isinstance(said, float) and said.is_integer():
        return int(said)
    if not isinstance(said, str | int | None) or isinstance(said, bool):
        raise InvalidAnswers(f"{path}:{number}, answer {said!r}: give a letter, a number or a text")
    return said


def _chosen(path: Path, number: int, said: str | int | None, options: tuple[str, ...]) -> int:
    """Return the option that an answer names, or −1. Raises InvalidAnswers for a number of none, by line."""
    try:
        chosen = option_number(said, options)
        text = "" if said is None else str(said).strip()
        counted = bool(_NUMBER.fullmatch(text)) and not _NO_OPTION.fullmatch(text)
        if counted and (chosen is None or (text.startswith("-") and text not in options)):
            raise InvalidAnswers(no_number(text, options))
    except InvalidAnswers as error:
        raise InvalidAnswers(f"{path}:{number}: {error}") from None
    return NONE if chosen is None else chosen
