"""Shares of the points, corrected shares and their differences, with intervals over images.

A share is of the points that its columns could have. A corrected share takes away what needs no look: a quarter of the
choices, and of boxes the points of a constant box that was fitted to other images: 0 is what those get, 1 is
everything. Items about one image are drawn together, the same images for all models, so that what two models differ by
is paired.

Legend:  N items · K images · M models · C the twelve columns · R resamples
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from tenfold.metrics.bootstrap import Estimate, resample_counts
from tenfold.metrics.clustered import RESAMPLES, Difference, cluster_sums
from tenfold.metrics.intervals import CONFIDENCE
from tenfold.mmr.items import ItemSet
from tenfold.mmr.scores import in_columns
from tenfold.mmr.tasks import COLUMNS, Column

SEED = 0  # of the resamples: the same images are drawn for all that is compared
DECIMALS = 9  # of all values: what lies beyond is rounding, and must not decide whether a value is at least zero
LEAST = 2  # images of an interval
CHANCE = 0.25  # of four options
OF_OBJECTS: tuple[Column, ...] = ("localize_o", "spatial_ot", "spatial_oo", "grounding_o")
GROUPS: dict[str, tuple[Column, ...]] = {
    "recognition": COLUMNS[:2],
    "choice": COLUMNS[2:9],
    "object box": COLUMNS[9:10],
    "grounded text": COLUMNS[10:11],
    "text box": COLUMNS[11:],
    "grounding": COLUMNS[9:],
    "without objects": tuple(column for column in COLUMNS if column not in OF_OBJECTS),
    "all": COLUMNS,
}
UNCORRECTED = ("without objects", "all")  # groups of several kinds of columns, whose floors differ
ALL = "all"
Value = Callable[[Any], Any]  # sums (*R, M + 1, C) → values (*R,)


@dataclass(frozen=True)
class Table:
    """Points of models on one set of items, summed by image.

    ``sums`` (K, M + 1, C): the points of each model, and last those that could be had.
    """

    models: tuple[str, ...]
    sums: Float[np.ndarray, "K M1 C"]

    @property
    def images(self) -> int:
        return len(self.sums)

    def share(self, model: str, group: str = ALL) -> Value:
        """Return the share of a model in a group of columns or a column, as a function of sums; NaN without an item."""
        columns, place = _places(group), self.models.index(model)

        def value(sums: Any) -> Any:
            return _ratio(sums[..., place, columns].sum(axis=-1), sums[..., -1, columns].sum(axis=-1))

        return value

    def corrected(self, model: str, group: str, constant: str) -> Value:
        """Return the corrected share of a model, ``constant`` being the model that gives the constant box."""
        own, floor = self.share(model, group), self.share(constant, group)

        def value(sums: Any) -> Any:
            chance = floor(sums) if group in ("object box", "text box", "grounding") else _chance(group)
            return _ratio(own(sums) - chance, 1 - chance)

        return value

    def has(self, group: str) -> bool:
        """Whether any item belongs to a group of columns."""
        return bool(self.sums[:, -1, _places(group)].sum())

    def estimate(self, value: Value, group: str = ALL) -> Estimate | None:
        """Return a value × 100 with its interval over images; None if fewer than two have items of ``group``."""
        n = self._defining(group)
        if n < LEAST:
            return None
        found = float(_scaled(value)(self.sums.sum(axis=0)))
        return None if np.isnan(found) else Estimate(found, _interval(_scaled(value)(self._resampled)), n)

    def compare(self, first: str, second: str, group: str = ALL) -> Difference | None:
        """Return the share of ``first`` × 100 less that of ``second``, paired, with its two-sided p-value.

        The p-value is twice the smaller share of resamples on one side of zero, each share with one resample added.
        """
        value = less(self.share(first, group), self.share(second, group))
        found = self.estimate(value, group)
        if found is None:
            return None
        draws = _defined(_scaled(value)(self._resampled))
        sides = (1 + np.count_nonzero(draws <= 0), 1 + np.count_nonzero(draws >= 0))
        return Difference(found.value, found.interval, found.n, float(min(1.0, 2 * min(sides) / (1 + len(draws)))))

    def draws(self, values: Sequence[Value]) -> Float[np.ndarray, "R V"]:
        """Return each of ``values`` × 100 in every resample."""
        return np.stack([_scaled(value)(self._resampled) for value in values], axis=-1)

    @cached_property
    def _resampled(self) -> Float[np.ndarray, "R M1 C"]:
        """The sums in each resample of the images."""
        sums = _weights(self.images) @ self.sums.reshape(self.images, -1)
        return sums.reshape(RESAMPLES, *self.sums.shape[1:])

    def _defining(self, group: str) -> int:
        """Return how many images have items of a group."""
        return int(np.count_nonzero(self.sums[:, -1, _places(group)].sum(axis=-1)))


@lru_cache(maxsize=8)
def _weights(images: int) -> Float[np.ndarray, "R K"]:
    """Return how often each resample draws each image, the same for all tables of as many images."""
    return resample_counts(images, RESAMPLES, np.random.default_rng(SEED)).astype(float)


def table_of(items: ItemSet, points: Mapping[str, Float[np.ndarray, "N 2"]]) -> Table:
    """Return the table of models' points, those of `tenfold.mmr.scores.Scores`."""
    rows = [in_columns(items, own) for own in (*points.values(), np.ones((len(items), 2)))]
    stacked = np.stack(rows, axis=1)  # (N, M + 1, C)
    sums = cluster_sums(items.images, stacked.reshape(len(items), -1))
    return Table(tuple(points), sums.reshape(-1, *stacked.shape[1:]))


def least(values: Sequence[Value]) -> Value:
    """Return the least of ``values``, chosen anew in every resample."""
    return lambda sums: np.stack([value(sums) for value in values]).min(axis=0)


def largest(values: Sequence[Value]) -> Value:
    """Return the largest of ``values``, chosen anew in every resample."""
    return lambda sums: np.stack([value(sums) for value in values]).max(axis=0)


def less(first: Value, second: Value) -> Value:
    """Return ``first`` less ``second``."""
    return lambda sums: first(sums) - second(sums)


def _places(group: str) -> list[int]:
    """Return the places of a group's columns, or of one column."""
    return [place for place, column in enumerate(COLUMNS) if column in GROUPS.get(group, (group,))]


def _defined(draws: Any) -> Any:
    return draws[~np.isnan(draws)]


def _interval(draws: Any) -> tuple[float, float]:
    tails = (1 - CONFIDENCE) / 2
    low, high = np.quantile(_defined(draws), [tails, 1 - tails])
    return float(low), float(high)


def _chance(group: str) -> float:
    return CHANCE if group == "choice" else 0.0


def _scaled(value: Value) -> Value:
    return lambda sums: np.round(100 * np.asarray(value(sums), dtype=float), DECIMALS)


def _ratio(above: Any, below: Any) -> Any:
    above, below = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below > 0)
