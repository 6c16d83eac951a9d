"""How one reply was read by the official scorer and by the mended one, for people to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.mmr.coordinates import Box
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.scores import MENDED, OFFICIAL, Scorer, Scores, score
from tenfold.mmr.tasks import Task


@dataclass(frozen=True)
class Way:
    """One scorer's reading: what it parsed, None if nothing; the points (item or text, box); and why.

    Boxes of ``parsed`` are shares of the image's sides, whatever convention the scorer reads.
    """

    item: Item
    parsed: Any
    points: tuple[float, float]
    reason: str
    iou: float

    @property
    def task(self) -> Task:
        """The item's task."""
        return self.item.task

    @property
    def possible(self) -> int:
        """The most points that the item can have."""
        return self.item.points

    @property
    def worth(self) -> str:
        """The points in words."""
        said = f"{sum(self.points):g} of {self.possible}"
        return f"{said}: text {self.points[0]:g}, box {self.points[1]:g}" if self.possible == 2 else said

    @property
    def scores_box(self) -> bool:
        """Whether the box is worth a point."""
        return self.points[1 if self.task == "grounding_t" else 0] > 0

    def chose(self, number: int) -> bool:
        """Return whether the option of this number was chosen."""
        return isinstance(self.parsed, int | str | np.integer) and str(self.parsed) == str(number)

    @property
    def box(self) -> Box | None:
        """The box that was read, as shares of the image's sides, None if there is none of four finite numbers."""
        if not self.task.startswith("grounding") or self.parsed is None:
            return None
        found = self.parsed[1] if self.task == "grounding_t" and len(self.parsed) == 2 else self.parsed
        try:
            numbers = np.asarray(found, dtype=np.float64)
        except (TypeError, ValueError):
            return None
        if numbers.shape != (4,) or not np.isfinite(numbers).all():
            return None
        x0, y0, x1, y1 = map(float, numbers)
        return x0, y0, x1, y1


@dataclass(frozen=True)
class Reading:
    """A reply with its official and its mended reading."""

    prediction: Prediction
    official: Way
    mended: Way


def readings_of(items: ItemSet, predictions: Sequence[Prediction], mended: Scorer = MENDED) -> list[Reading]:
    """Return one reading per item; ``predictions`` are in the items' order, ``mended`` is what the second one is of."""
    both = [list(_ways(items, score(items, predictions, scorer))) for scorer in (OFFICIAL, mended)]
    return [Reading(one, *pair) for one, *pair in zip(predictions, *both, strict=True)]


def _ways(items: ItemSet, scores: Scores) -> Iterator[Way]:
    for place, (item, reason) in enumerate(zip(items.rows, scores.reasons, strict=True)):
        iou = float(scores.iou[place])
        yield Way(item, scores.parsed[place], _pair(scores.points[place]), reason, iou)


def _pair(points: np.ndarray) -> tuple[float, float]:
    return float(points[0]), float(points[1])


def as_text(parsed: Any) -> str:
    """Return what was parsed as people read it: text in quotation marks, a box in brackets."""
    if isinstance(parsed, str):
        return f"“{parsed}”"
    if isinstance(parsed, bool | int | np.integer):
        return str(parsed)
    if isinstance(parsed, float | np.floating):
        return f"{parsed:.4g}"
    if isinstance(parsed, list | tuple | np.ndarray):
        inside = ", ".join(as_text(one) for one in parsed)
        return f"[{inside}]"
    return str(parsed)
