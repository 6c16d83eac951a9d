"""Amendments that stand alike under several claims: told once, under the first, and referred to from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Amended:
    """What is told under one claim: amendments in full, and those told before, ``(claim, dates, number)`` of each."""

    own: tuple[Any, ...]
    before: tuple[tuple[str, str, int], ...]


def told_once(entries: Sequence[Any]) -> dict[str, Amended]:
    """Return by id what is told of the amendments of claims, findings and facts, in their order.

    ``entries`` have an ``id`` and ``amendments``, as attributes or as keys.
    """
    told: dict[str, str] = {}
    found = {}
    for entry in entries:
        name, amendments = _field(entry, "id"), _field(entry, "amendments")
        own: list[Any] = []
        before: dict[str, list[str]] = {}
        for one in amendments:
            first = told.setdefault(repr(one), name)
            if first == name:
                own.append(one)
            else:
                before.setdefault(first, []).append(_field(one, "date"))
        dates = ((first, ", ".join(dict.fromkeys(of)), len(of)) for first, of in before.items())
        found[name] = Amended(tuple(own), tuple(dates))
    return found


def _field(entry: Any, name: str) -> Any:
    return entry[name] if isinstance(entry, dict) else getattr(entry, name)
