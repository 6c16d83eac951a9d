"""Orders and draws that depend on a seed and on names alone: the same on every machine and in any batch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

from tenfold.debias.items import Item

Order = tuple[int, ...]  # numbers of an item's options, in the order in which they are shown
_Value = TypeVar("_Value")


def drawn_number(*words: object) -> int:
    """Return a number in [0, 2³¹) that is drawn anew for other words; endpoints take it as a seed."""
    return int.from_bytes(hashlib.sha256("\0".join(map(str, words)).encode()).digest()[:4], "little") >> 1


def shuffled(values: Iterable[_Value], *words: object) -> list[_Value]:
    """Return values in an order that is drawn anew for other words; each by its own name, so that names must differ."""
    return sorted(values, key=lambda value: hashlib.sha256("\0".join(map(str, (*words, value))).encode()).digest())


def one_of(values: Sequence[_Value], *words: object) -> _Value:
    """Return one value, drawn anew for other words."""
    return shuffled(values, *words)[0]


def option_order(item: Item, seed: int) -> Order:
    """Return the order in which an item's options are shown to every agent of a run."""
    return tuple(shuffled(range(len(item.options)), "options", seed, item.key))
