"""Questions that a page allows, before some of them are chosen as items.

The four options of a choice stand for four things of one kind on the page, of which the one in question is drawn with
equal chances: whoever sees only the options can do no better than one in four.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tenfold.mmr.page_contents import Contents, Direction, PageText
from tenfold.mmr.tasks import Task
from tenfold.rendering.drawing import Box

Thing = TypeVar("Thing")
Rejects = Counter[str]
Asker = Callable[[Contents, np.random.Generator, Rejects], "list[Candidate]"]
OPTIONS = 4


@dataclass(frozen=True)
class Candidate:
    """A question with its answer, and for a choice three options that are wrong.

    Candidates of one task are taken from every ``stratum`` alike.
    """

    task: Task
    question: str
    answer: str
    wrong: tuple[str, ...] = ()
    stratum: str = ""


def one_of(things: Sequence[Thing], generator: np.random.Generator) -> Thing:
    """Return one of ``things``, all with equal chances."""
    return things[int(generator.integers(0, len(things)))]


def four_of(things: Sequence[Thing], generator: np.random.Generator) -> list[Thing]:
    """Return four of ``things`` in random order, fewer where there are fewer."""
    return [things[place] for place in generator.permutation(len(things))[:OPTIONS].tolist()]


def nearest_text(contents: Contents, box: Box, direction: Direction, margin: float) -> PageText | None:
    """Return the one text next to ``box`` in a straight direction, None where another is nearly as near.

    The next one but one that faces ``box`` at all must be farther by ``margin``, in shares of the side.
    """
    axis, sign = {"above": (1, -1), "below": (1, 1), "left": (0, -1), "right": (0, 1)}[direction]
    side = (contents.width, contents.height)[axis]
    found = []
    for text in contents.texts:
        faces = min(text.box[3 - axis], box[3 - axis]) > max(text.box[1 - axis], box[1 - axis])
        gap = text.box[axis] - box[axis + 2] if sign > 0 else box[axis] - text.box[axis + 2]
        if faces and gap >= 0:
            found.append((gap / side, text))
    found.sort(key=lambda pair: pair[0])
    if not found or (len(found) > 1 and found[1][0] - found[0][0] < margin):
        return None
    return found[0][1] if contents.direction(found[0][1].box, box) == direction else None
