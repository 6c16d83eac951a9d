"""Two models on the same items as a table: differences by column with intervals, p-values by Holm's rule."""

from __future__ import annotations

import numpy as np

from tenfold.metrics.clustered import Difference, holm
from tenfold.mmr.comparison import LEAST_DIFFERING, compare
from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.score_report import aligned
from tenfold.mmr.scores import Scores
from tenfold.mmr.tasks import COLUMNS


def comparison_lines(
    first: Scores, second: Scores, *, seed: int = 0, names: tuple[str, str] = ("first", "second")
) -> list[str]:
    """Return the lines of a table: points of both by column and in all, their difference, its interval and p-value.

    ``names`` head the points; a line below says why a column has no interval.

    Raises InvalidPredictions for fewer than two images.
    """
    found = differences(first, second, seed=seed)
    columns = [name for name in COLUMNS if first.possible()[name]]
    chances = [1.0 if (one := found[name]) is None else one.p_value for name in columns]
    adjusted = dict(zip(columns, holm(chances), strict=True))
    rows = [("", *names, "difference", "95 %", "p (Holm)")]
    for name in columns:
        points = first.columns()[name], second.columns()[name]
        rows.append(_row(name, points, found[name], adjusted[name]))
    total = found["total"]
    rows.append(_row("total", (first.total, second.total), total, None if total is None else total.p_value))
    notes = ["the p-value of the total is not adjusted: it is one test"]
    if any(one is None for one in found.values()):
        notes.insert(0, f"–: fewer than {LEAST_DIFFERING} images differ, too few for an interval or a p-value")
    return [*aligned(rows), *notes]


def differences(first: Scores, second: Scores, *, seed: int = 0) -> dict[str, Difference | None]:
    """Return the difference of points, second less first, of each column with items and of the total, over images.

    None where too few images differ; see ``compare``. Raises InvalidPredictions for fewer than two images.
    """
    images = first.items.images
    if len(np.unique(images)) < 2:
        raise InvalidPredictions(
            f"{len(set(images.tolist()))} image: a comparison resamples images and needs two or more"
        )
    columns = [name for name in COLUMNS if first.possible()[name]]
    found: dict[str, Difference | None] = {}
    for name in columns:
        found[name] = compare(second, first, first.items, columns=[name], seed=seed)
    return found | {"total": compare(second, first, first.items, seed=seed)}


def _row(
    name: str, points: tuple[float, float], found: Difference | None, p_value: float | None
) -> tuple[str, str, str, str, str, str]:
    ends = "–" if found is None else f"[{np.round(found.interval[0], 1):+g}, {np.round(found.interval[1], 1):+g}]"
    chance = "–" if found is None or p_value is None else f"{p_value:.3f}"
    return name, f"{points[0]:g}", f"{points[1]:g}", f"{points[1] - points[0]:+g}", ends, chance
