"""The plurality of answers: replies without one do not count, and what a tie becomes is a rule."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.debias.errors import InvalidProtocol
from tenfold.debias.voting import agreed, plurality

CHOICES = st.lists(st.sampled_from([None, 0, 1, 2]), max_size=7)


def test_the_option_that_most_name_is_elected():
    assert plurality([1, 0, 1]) == 1
    assert plurality([None, None, 2]) == 2


@pytest.mark.parametrize("tie", ["random", "first", "unknown"])
def test_a_majority_of_none_elects_none_and_not_the_first_letter(tie):
    assert plurality([None, None, None], tie=tie, unknown=2) is None
    assert plurality([], tie=tie, unknown=2) is None


def test_none_beside_two_options_is_a_tie_of_these_two():
    assert plurality([None, 1, 0], tie="first") == 1
    assert plurality([None, 1, 0], tie="unknown", unknown=2) == 2
    drawn = Counter(plurality([None, 1, 0], tie="random", draw=draw) for draw in range(400))
    assert set(drawn) == {0, 1} and min(drawn.values()) > 150


def test_a_random_tie_depends_on_the_draw_and_not_on_who_spoke_first():
    for draw in range(20):
        assert len({plurality(list(order), draw=draw) for order in permutations([0, 1, None])}) == 1


def test_a_tie_cannot_be_an_unknown_option_that_there_is_not():
    with pytest.raises(InvalidProtocol, match="unknown option"):
        plurality([0, 1], tie="unknown")
    assert plurality([0, 0, 1], tie="unknown") == 0


def test_agreement_needs_everyones_answer():
    assert agreed([1, 1]) == 1
    assert agreed([1, None]) is None and agreed([None, None]) is None and agreed([0, 1]) is None and agreed([]) is None


@given(CHOICES, st.sampled_from(["random", "first"]))
def test_the_elected_has_as_many_voices_as_any(choices, tie):
    elected, counts = plurality(choices, tie=tie), Counter(choice for choice in choices if choice is not None)
    assert (elected is None) == (not counts)
    if elected is not None:
        assert counts[elected] == max(counts.values())
