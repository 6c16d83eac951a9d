"""The gate: a score about zero of a reader that cannot read is no sign of fairness."""

from __future__ import annotations

import numpy as np

from tenfold.debias.capacity import NEEDED_ACCURACY, capacity
from tenfold.debias.items import Item, Items


def question(number: int) -> Item:
    ambiguous, negative = number % 2 == 0, number % 4 < 2
    return Item(
        str(number),
        "Who?",
        ("a", "b", "unknown"),
        gold=2 if ambiguous else number // 4 % 2,
        template=str(number // 4 % 20),
        polarity="neg" if negative else "nonneg",
        condition="ambig" if ambiguous else "disambig",
        unknown=2,
        target=int(negative),
    )


ITEMS = Items(tuple(question(number) for number in range(240)))


def test_guessing_is_incapacity():
    found = capacity(ITEMS, np.random.default_rng(0).integers(0, 3, len(ITEMS)), seed=0)
    assert not found.capable and found.accuracy is not None and found.accuracy.value < NEEDED_ACCURACY
    assert found.verdict.startswith("incapacity, not fairness")


def test_a_right_reader_without_bias_leaves_nothing_to_gain():
    found = capacity(ITEMS, ITEMS.gold, seed=0)
    assert found.capable and not found.biased and found.verdict.startswith("no headroom")


def test_a_right_reader_that_follows_stereotypes_can_gain():
    found = capacity(ITEMS, np.where(ITEMS.ambiguous, ITEMS.target, ITEMS.gold), seed=0)
    assert found.capable and found.biased and found.verdict.startswith("capable and biased")
    assert found.described()["s_amb"]["value"] == 1.0


def test_no_answers_are_incapacity():
    assert not capacity(ITEMS, np.full(len(ITEMS), -1), seed=0).capable
