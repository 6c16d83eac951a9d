"""The share of right answers among all questions that have one, with a condition or without.

BBQ's scores are by condition; questions of one's own may have none, and an accuracy all the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.debias.items import NONE, Items
from tenfold.debias.scores import Unparsed, checked


@dataclass(frozen=True)
class Accuracy:
    """How many ``questions`` there are, how many replies name an option, and the accuracy over the ``graded`` ones.

    ``graded`` counts the questions with a right answer; ``accuracy`` is None where there are none.
    """

    questions: int
    parsed: int
    graded: int
    accuracy: float | None

    def described(self) -> dict[str, Any]:
        """Return the counts and the share as JSON takes them."""
        return asdict(self)


def accuracy_of(items: Items, answers: Int[np.ndarray, " N"], *, unparsed: Unparsed = "wrong") -> Accuracy:
    """Return the accuracy of answers; one that names no option is wrong, or with ``unparsed="dropped"`` not counted.

    Raises InvalidAnswers as ``tenfold.debias.scores.count`` does.
    """
    answers = checked(items, answers)
    parsed = answers != NONE
    graded = (items.gold != NONE) & (parsed if unparsed == "dropped" else True)
    right = int((graded & (answers == items.gold)).sum())
    count = int(graded.sum())
    return Accuracy(len(items), int(parsed.sum()), count, right / count if count else None)


def accuracy_by_group(
    items: Items, answers: Int[np.ndarray, " N"], *, unparsed: Unparsed = "wrong"
) -> dict[str, Accuracy]:
    """Return the accuracy of each group of questions, by name. Raises like ``accuracy_of``."""
    answers = checked(items, answers)
    return {
        str(group): accuracy_of(items.only(items.groups == group), answers[items.groups == group], unparsed=unparsed)
        for group in np.unique(items.groups)
    }
