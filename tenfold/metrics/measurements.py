"""One measurement: a value with its unit, its interval at 95 % and what it is of, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

Measurement = dict[str, Any]
CONFIDENCE = 0.95


def measured(
    value: float,
    unit: str,
    detail: str,
    interval: tuple[float, float] | None = None,
    *,
    seeds: int | None = None,
    n: int | None = None,
) -> Measurement:
    """Return one measurement; ``seeds`` and ``n`` say how many there were, where that applies."""
    return {
        "value": float(value),
        "interval": None if interval is None else [float(end) for end in interval],
        "seeds": seeds,
        "n": n,
        "unit": unit,
        "detail": detail,
    }


def unavailable(reason: str) -> Measurement:
    """Return the record of what could not be measured."""
    return {"unavailable": reason}


def mean_of(values: Sequence[float], unit: str, detail: str, *, seeds: int | None = None) -> Measurement:
    """Return a mean with Student's interval; without one where all values are equal or there is one."""
    array = np.asarray(values, dtype=float)
    spread = array.std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else 0.0
    if spread == 0:
        return measured(array.mean(), unit, detail, n=len(array), seeds=seeds)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(array) - 1) * spread
    return measured(array.mean(), unit, detail, (array.mean() - half, array.mean() + half), n=len(array), seeds=seeds)


def share_of(successes: int, runs: int, detail: str) -> Measurement:
    """Return a share with its Clopper–Pearson interval."""
    interval = stats.binomtest(int(successes), int(runs)).proportion_ci(CONFIDENCE)
    return measured(successes / runs, "share", detail, (interval.low, interval.high), n=int(runs))


def slope_over_seeds(x: Sequence[float], curves: Mapping[Any, Sequence[float]], detail: str) -> Measurement:
    """Return the slope of log y against log x: one least-squares line a seed, mean and Student's interval over
    seeds.
    """
    logs = np.log(np.asarray(x, dtype=float))
    slopes = [float(np.polyfit(logs, np.log(np.asarray(y, dtype=float)), 1)[0]) for y in curves.values()]
    return mean_of(slopes, "log-log slope", detail, seeds=len(slopes))


def difference_of(first: Sequence[float], second: Sequence[float], unit: str, detail: str) -> Measurement:
    """Return the mean of paired differences, first less second, over seeds."""
    pairs = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    return mean_of(pairs.tolist(), unit, detail, seeds=len(pairs))
