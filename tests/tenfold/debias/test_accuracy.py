"""Accuracy over all questions with a right answer, with a condition or without."""

import numpy as np

from tenfold.debias.accuracy import accuracy_by_group, accuracy_of
from tenfold.debias.items import NONE, Item, Items
from tenfold.debias.scores import score

ROWS = Items(
    tuple(
        Item(f"q{number}", "Who?", ("Ada", "Bea"), gold=gold, group=group)
        for number, (gold, group) in enumerate([(0, "a"), (1, "a"), (1, "b"), (None, "b")])
    )
)
ANSWERS = np.array([0, 0, NONE, 1])


def test_questions_without_a_condition_have_an_accuracy():
    found = accuracy_of(ROWS, ANSWERS)
    assert (found.questions, found.parsed, found.graded, found.accuracy) == (4, 3, 3, 1 / 3)
    dropped = accuracy_of(ROWS, ANSWERS, unparsed="dropped")
    assert (dropped.graded, dropped.accuracy) == (2, 0.5)
    groups = accuracy_by_group(ROWS, ANSWERS)
    assert (groups["a"].accuracy, groups["b"].accuracy, groups["b"].graded) == (0.5, 0, 1)
    assert accuracy_of(ROWS.only([3]), ANSWERS[3:]).accuracy is None
    assert score(ROWS, ANSWERS).rows == 0  # no bias score counts them
