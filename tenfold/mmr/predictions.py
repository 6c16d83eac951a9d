"""What models replied: one row per item, a failure kept apart from an answer.

A reply that was cut off, is empty or never came is no answer: it is recorded as such, is worth no point, and stays in
the denominator.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.items import ItemSet

EXAMPLE = 'each line is an object such as {"key": …, "reply": …}'
Status = Literal["answered", "empty", "cut", "failed"]


@dataclass(frozen=True)
class Prediction:
    """One model's reply to one item.

    ``status`` is "answered", or says why there is no answer: "empty" (nothing but white space), "cut" (the reply ended
    at its longest), "failed" (no reply came; ``why`` says what did). ``reply`` is the text as it came, or None.
    """

    key: str
    reply: str | None
    status: Status = "answered"
    why: str = ""

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise InvalidPredictions(f"{self.key}: status {self.status!r} is none of {', '.join(get_args(Status))}")
        if self.status == "answered" and (self.reply is None or not self.reply.strip()):
            raise InvalidPredictions(f"{self.key}: an answered item has a reply that is not empty")

    @property
    def answer(self) -> str | None:
        """The reply if it counts as an answer, None otherwise."""
        return self.reply if self.status == "answered" else None


def prediction_of(key: str, reply: str | None, *, finish_reason: str = "stop", why: str = "") -> Prediction:
    """Return the prediction that a reply makes: failed if None, cut if it ended at its longest, empty, or answered."""
    if reply is None:
        return Prediction(key, None, "failed", why or "no reply")
    if finish_reason == "length":
        return Prediction(key, reply, "cut", why or "cut off at the longest reply")
    if not reply.strip():
        return Prediction(key, reply, "empty", why)
    return Prediction(key, reply, "answered", why)


def write_predictions(predictions: Iterable[Prediction], path: Path) -> None:
    """Write predictions as JSON lines; half a surrogate pair, which is no character, as JSON's escape."""
    lines = (json.dumps(asdict(one), ensure_ascii=False) for one in predictions)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="backslashreplace")


def read_predictions(path: Path) -> list[Prediction]:
    """Return the predictions of a file of JSON lines with ``key`` and ``reply``; ``status`` and ``why`` are optional.

    A row without ``status`` is answered, empty or, with a null reply, failed.
    Raises InvalidPredictions, with the line, for a row that is none, for an empty file, and one that is not in UTF-8.
    """
    if not path.is_file():
        raise InvalidPredictions(f"there is no file {path}; give predictions with key and reply")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidPredictions(f"{path} is not in UTF-8: {error}") from None
    rows = []
    for number, line in enumerate(text.split("\n"), 1):  # a reply may hold other ends of lines, such as U+2028
        if not line.strip():
            continue
        try:
            rows.append(_read_prediction(line))
        except InvalidPredictions as error:
            raise InvalidPredictions(f"{path}:{number}: {error}") from None
    if not rows:
        raise InvalidPredictions(f"{path} holds no prediction")
    return rows


def _read_prediction(line: str) -> Prediction:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidPredictions(f"{EXAMPLE}, and this is no JSON: {error}") from None
    if not isinstance(row, dict) or not {"key", "reply"} <= set(row):
        lacks = (
            "no object" if not isinstance(row, dict) else "without " + " and ".join(sorted({"key", "reply"} - set(row)))
        )
        raise InvalidPredictions(f"{EXAMPLE}, and this is {lacks}")
    key, reply = row["key"], row["reply"]
    if not isinstance(key, str) or not isinstance(reply, str | None):
        raise InvalidPredictions(f"key and reply are texts, not {key!r} and {reply!r}")
    status, why = row.get("status"), str(row.get("why", ""))
    return prediction_of(key, reply, why=why) if status is None else Prediction(key, reply, status, why)


def in_order(items: ItemSet, predictions: Sequence[Prediction]) -> list[Prediction]:
    """Return one prediction per item, in the items' order; an item without one has "failed".

    Raises InvalidPredictions for a key that no item has, or one that comes twice.
    """
    known = {item.key for item in items.rows}
    found: dict[str, Prediction] = {}
    for one in predictions:
        if one.key not in known:
            like = f"keys are like {items.rows[0].key!r}" if items.rows else "it holds no items"
            raise InvalidPredictions(f"no item of {items.name} has the key {one.key!r}; {like}")
        if one.key in found:
            raise InvalidPredictions(f"{one.key!r} is answered twice; give one reply per item")
        found[one.key] = one
    return [found.get(item.key, Prediction(item.key, None, "failed", "not asked")) for item in items.rows]
