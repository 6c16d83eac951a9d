"""Bootstrap intervals over test items, all resamples at once as rows of counts.

Legend:  n items · R resamples · S seeds
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.metrics.intervals import CONFIDENCE

RESAMPLES = 200


class InvalidSamples(ValueError):
    """Values of no use for a statistic: too few, not finite, of another shape, or not as many as those beside them."""


@dataclass(frozen=True)
class Estimate:
    """A value with its bootstrap interval at 95 % over ``n`` items."""

    value: float
    interval: tuple[float, float]
    n: int


def resample_counts(n: int, resamples: int, generator: np.random.Generator) -> Float[np.ndarray, "R n"]:
    """Return how often each item occurs in each of R resamples of n with replacement: rows sum to n."""
    return generator.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)


def estimate(value: float, draws: Float[np.ndarray, " R"], n: int) -> Estimate:
    """Return a value with the spread of its resampled values about their mean.

    A plug-in statistic such as a Fréchet distance is biased upwards at finite n, and resampling adds the same bias
    once more; taking the spread about the draws' own mean leaves that second bias out. The interval is of what this
    statistic would be on other samples of the same n: compare it at equal n only.
    """
    tails = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws - draws.mean(), [tails, 1 - tails])
    return Estimate(float(value), (float(value + low), float(value + high)), n)


def paired_difference(
    first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"], *, seed: int, resamples: int = 2000
) -> Estimate:
    """Return the mean of first − second over the same items, with its percentile interval.

    Raises InvalidSamples for rows of different length, fewer than two items, or NaN.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.shape != second.shape or first.ndim != 1 or len(first) < 2:
        raise InvalidSamples(f"pairs need two rows of one length, at least 2, not {first.shape} and {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InvalidSamples("a value is NaN or infinite")
    n, generator, differences = len(first), np.random.default_rng(seed), first - second
    draws = np.concatenate(
        [resample_counts(n, part, generator) @ differences / n for part in _parts(resamples, 1 + 2**24 // n)]
    )
    tails = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tails, 1 - tails])
    return Estimate(float(differences.mean()), (float(low), float(high)), n)


def nested_difference(differences: Sequence[Float[np.ndarray, "S n"]], *, seed: int, resamples: int = 2000) -> Estimate:
    """Return the mean over tasks of paired differences, resampling seeds and, within them, items of each task.

    ``differences`` holds one table per task; tasks weigh the same, however many items they have.
    Raises InvalidSamples if there is no task or a value is NaN or infinite.
    """
    if not differences or not all(table.size and np.isfinite(table).all() for table in differences):
        raise InvalidSamples("there is no task, or one without items, or a value that is NaN or infinite")
    generator, draws = np.random.default_rng(seed), np.zeros(resamples)
    for table in differences:
        seeds, n = table.shape
        for draw in range(resamples):
            rows = generator.integers(0, seeds, seeds)
            draws[draw] += table[rows][:, generator.integers(0, n, n)].mean() / len(differences)
    low, high = np.quantile(draws, [0.025, 0.975])
    value = np.mean([table.mean() for table in differences])
    return Estimate(float(value), (float(low), float(high)), sum(table.shape[1] for table in differences))


def _parts(total: int, largest: int) -> list[int]:
    """Cut a number of resamples into parts that fit in memory."""
    return [min(largest, total - start) for start in range(0, total, largest)]
