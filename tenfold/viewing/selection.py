"""Which samples a page shows where it has no room for all."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np


def evenly(kinds: Sequence[Sequence[Hashable]], most: int) -> list[int]:
    """Return at most ``most`` places, in order, taken in turn from each kind of sample.

    ``kinds`` says of each sample what it is, the most important first, such as (task, whether it is right): samples
    are taken in turn from each first entry, within it in turn from each second one, and so on. The same kinds give the
    same choice.
    """
    if len(kinds) <= most:
        return list(range(len(kinds)))
    drawn = np.random.default_rng(0).permutation(len(kinds))
    return sorted(_in_turn([int(place) for place in drawn], kinds, 0)[:most])


def _in_turn(places: list[int], kinds: Sequence[Sequence[Hashable]], depth: int) -> list[int]:
    if not places or all(len(kinds[place]) <= depth for place in places):
        return places
    groups: dict[Hashable, list[int]] = {}
    for place in places:
        groups.setdefault(tuple(kinds[place])[depth : depth + 1], []).append(place)
    ordered = [_in_turn(group, kinds, depth + 1) for group in groups.values()]
    return [group[turn] for turn in range(max(map(len, ordered))) for group in ordered if turn < len(group)]
