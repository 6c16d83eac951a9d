"""A page's choice of samples is even at every level, and fixed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tenfold.viewing.selection import evenly

KINDS = [("a", "right")] * 50 + [("a", "wrong")] * 3 + [("b", "right")] * 40 + [("c", "wrong")] * 2


def test_first_entries_take_turns_and_within_them_second_ones() -> None:
    chosen = [KINDS[place] for place in evenly(KINDS, 12)]
    assert Counter(kind[0] for kind in chosen) == {"a": 5, "b": 5, "c": 2}
    assert sorted(Counter(kind for kind in chosen if kind[0] == "a").values()) == [2, 3]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40), st.integers(0, 50))
def test_a_choice_has_its_size_stands_in_order_and_is_the_same_again(kinds: list[tuple], most: int) -> None:
    chosen = evenly(kinds, most)
    assert len(chosen) == min(most, len(kinds)) and chosen == sorted(set(chosen)) == evenly(kinds, most)
    counts = Counter(kinds[place][0] for place in chosen)
    short = [name for name, there in Counter(kind[0] for kind in kinds).items() if counts[name] < there]
    assert all(counts[name] >= max(counts.values(), default=0) - 1 for name in short)
