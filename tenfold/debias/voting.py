"""Several answers to one question become one: the plurality, and what a tie is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from tenfold.debias.errors import InvalidProtocol
from tenfold.debias.seeded_order import one_of

Tie = Literal["random", "first", "unknown"]


def agreed(choices: Sequence[int | None]) -> int | None:
    """Return the option that everyone names; None where two differ or a reply names none."""
    return choices[0] if choices and len(set(choices)) == 1 else None


def plurality(
    choices: Sequence[int | None], *, tie: Tie = "random", unknown: int | None = None, draw: object = 0
) -> int | None:
    """Return the option that most replies name; those that name none (None) do not count, and None is never elected.

    Among options with equally many voices ``tie`` decides: one at random (drawn from ``draw``, a seed or a key), the
    one that was named first, or the item's option ``unknown``, whether it was named or not.
    Raises InvalidProtocol if a tie is to be the unknown option and there is none.
    """
    counts = Counter(choice for choice in choices if choice is not None)
    if not counts:
        return None
    most = max(counts.values())
    tied = [choice for choice, count in counts.items() if count == most]  # in the order in which they were named
    if len(tied) == 1 or tie == "first":
        return tied[0]
    if tie == "random":
        return one_of(sorted(tied), "tie", draw)
    if unknown is None:
        raise InvalidProtocol("a tie is to be the unknown option, and there is none: take another rule for ties")
    return unknown
