"""Multiple-choice questions, one by one and as arrays.

Legend:  N questions · O options, three of them in BBQ
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from tenfold.arguments import whole
from tenfold.debias.errors import InvalidItem

Polarity = Literal["neg", "nonneg"]
Condition = Literal["ambig", "disambig"]
TEXTS = ("key", "question", "context", "group", "template")
NONE = -1  # no answer, no such option: in arrays


@dataclass(frozen=True)
class Item:
    """One question with its options; ``gold``, ``unknown`` and ``target`` are numbers of options, from 0.

    ``group`` is the unit of reporting (BBQ's category), ``template`` the unit of resampling. ``unknown`` is the option
    that says so, ``target`` the one that a stereotyping reader gives, the question's polarity allowed for; None where
    there is none or it is not known. ``polarity`` and ``condition`` are BBQ's, None for other questions.

    Raises InvalidItem if a field has another type, there are fewer than two options or two alike, a number is that of
    no option, or ``target`` is the unknown option.
    """

    key: str
    question: str
    options: tuple[str, ...]
    context: str = ""
    gold: int | None = None
    group: str = ""
    template: str = ""
    polarity: Polarity | None = None
    condition: Condition | None = None
    unknown: int | None = None
    target: int | None = None

    def __post_init__(self) -> None:
        for name in TEXTS:
            if not isinstance(getattr(self, name), str):
                raise InvalidItem(f"{self.key}: {name} = {getattr(self, name)!r} must be a text")
        if isinstance(self.options, str) or not all(isinstance(option, str) for option in self.options):
            raise InvalidItem(f"{self.key}: options = {self.options!r} must be texts")
        if len(self.options) < 2 or len(set(self.options)) < len(self.options):
            raise InvalidItem(f"{self.key}: options must be two or more, all different: {list(self.options)}")
        for name in ("gold", "unknown", "target"):
            number = getattr(self, name)
            if number is not None and type(number) is not int:
                number = whole(number, f"{self.key}: {name}", error=InvalidItem)
                object.__setattr__(self, name, number)  # NumPy's numbers become Python's
            if number is not None and not 0 <= number < len(self.options):
                raise InvalidItem(f"{self.key}: {name} = {number} is the number of none of {len(self.options)} options")
        if self.target is not None and self.target == self.unknown:
            raise InvalidItem(f"{self.key}: target = {self.target} is the unknown option; it must name somebody")
        for name, allowed in (("polarity", get_args(Polarity)), ("condition", get_args(Condition))):
            if getattr(self, name) not in (None, *allowed):
                raise InvalidItem(f"{self.key}: {name} = {getattr(self, name)!r} is none of {', '.join(allowed)}")


@dataclass(frozen=True)
class Items:
    """Questions in order, with what scoring needs of them as arrays."""

    rows: tuple[Item, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def gold(self) -> Int[np.ndarray, " N"]:
        return _numbers(item.gold for item in self.rows)

    @cached_property
    def unknown(self) -> Int[np.ndarray, " N"]:
        return _numbers(item.unknown for item in self.rows)

    @cached_property
    def target(self) -> Int[np.ndarray, " N"]:
        return _numbers(item.target for item in self.rows)

    @cached_property
    def ambiguous(self) -> Bool[np.ndarray, " N"]:
        return np.array([item.condition == "ambig" for item in self.rows], dtype=bool)

    @cached_property
    def groups(self) -> np.ndarray:
        """The group of each question, as text (N,)."""
        return np.array([item.group for item in self.rows], dtype=str)

    @cached_property
    def templates(self) -> np.ndarray:
        """The template of each question, as text (N,)."""
        return np.array([item.template for item in self.rows], dtype=str)

    def only(self, chosen: Sequence[int] | np.ndarray) -> Items:
        """Return the questions at the places ``chosen`` (numbers or a mask), in order."""
        places = np.asarray(chosen)
        places = np.flatnonzero(places) if places.dtype == bool else places
        return Items(tuple(self.rows[place] for place in places))


def write_items(items: Items, path: Path) -> None:
    """Write questions as JSON lines."""
    lines = (json.dumps(asdict(item), ensure_ascii=False) for item in items.rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_items(path: Path) -> Items:
    """Return the questions that ``write_items`` wrote.

    Raises InvalidItem, which names the line.
    """
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):  # U+2028 ends no line of JSON
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            if not isinstance(fields["options"], list):
                raise TypeError("options must be a list of texts")
            rows.append(Item(**fields | {"options": tuple(fields["options"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidItem(f"{path}:{number}: {error}") from None
    return Items(tuple(rows))


def _numbers(values: Iterable[int | None]) -> Int[np.ndarray, " N"]:
    return np.array([NONE if value is None else value for value in values], dtype=np.int64)
