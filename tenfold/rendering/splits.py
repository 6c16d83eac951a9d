"""Parts that share nothing: words and font families for training, validation and test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

from tenfold.rendering.errors import CannotSplit

Item = TypeVar("Item")


def disjoint_parts(
    items: Sequence[Item], shares: Mapping[str, float], *, seed: int, key: Callable[[Item], Hashable]
) -> dict[str, tuple[Item, ...]]:
    """Return ``items`` in parts of the given shares, such that no two parts have a key in common.

    The keys are put in the order of their digests under ``seed`` and cut at the shares, each part getting one key at
    least; within a part, items keep their order. Raises CannotSplit if there are fewer keys than parts, or shares are
    not positive and of sum 1.
    """
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-9:
        raise CannotSplit(f"the shares of the parts must be positive and add up to 1, not {dict(shares)}")
    keys = sorted({key(item) for item in items}, key=lambda one: _digest(seed, one))
    if len(keys) < len(shares):
        raise CannotSplit(f"{len(keys)} different keys cannot fill {len(shares)} parts: bring more words or fonts")
    part_of: dict[Hashable, str] = {}
    start, total = 0, 0.0
    for number, (name, share) in enumerate(shares.items()):
        total += share
        left = len(shares) - number - 1  # parts that still need a key each
        end = min(max(round(total * len(keys)), start + 1), len(keys) - left)
        part_of |= dict.fromkeys(keys[start:end], name)
        start = end
    return {name: tuple(item for item in items if part_of[key(item)] == name) for name in shares}


def _digest(seed: int, key: Hashable) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
