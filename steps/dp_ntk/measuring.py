"""One measurement with its interval, in the form that the report reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

Measurement = dict[str, Any]
CONFIDENCE = 0.95


def measured(
    value: float, unit: str, detail: str, interval: tuple[float, float] | None = None, *, seeds: int | None = None,
    n: int | None = None,
) -> Measurement:  # fmt: skip
    """Return one measurement; ``seeds`` and ``n`` say how many there were, where that applies."""
    ends = None if interval is None else [float(end) for end in interval]
    return {"value": float(value), "interval": ends, "seeds": seeds, "n": n, "unit": unit, "detail": detail}


def unavailable(reason: str) -> Measurement:
    """Return the record of what could not be measured."""
    return {"unavailable": reason}


def mean_of(values: Sequence[float], unit: str, detail: str) -> Measurement:
    """Return a mean over independent draws with Student's interval at 95 %; without one for a single value."""
    array = np.asarray(values, dtype=float)
    if array.size == 0:
        return unavailable(f"no draw in this profile: {detail}")
    spread = array.std(ddof=1) / np.sqrt(array.size) if array.size > 1 else 0.0
    if spread == 0:
        return measured(array.mean(), unit, detail, n=array.size)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, array.size - 1) * spread
    return measured(array.mean(), unit, detail, (array.mean() - half, array.mean() + half), n=array.size)


def difference_of(first: Sequence[float], second: Sequence[float], unit: str, detail: str) -> Measurement:
    """Return the difference of two independent means with Welch's interval at 95 %; exact values have no spread."""
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if 0 in (a.size, b.size):
        return unavailable(f"no draw in this profile: {detail}")
    parts = [x.var(ddof=1) / x.size if x.size > 1 else 0.0 for x in (a, b)]
    value, variance = a.mean() - b.mean(), sum(parts)
    if variance == 0:
        return measured(value, unit, detail, n=max(a.size, b.size))
    freedom = variance**2 / sum(p**2 / (x.size - 1) for p, x in zip(parts, (a, b), strict=True) if p)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variance)
    return measured(value, unit, detail, (value - half, value + half), n=max(a.size, b.size))


def share_of(successes: int, runs: int, detail: str) -> Measurement:
    """Return a share with the Clopper–Pearson interval at 95 %."""
    interval = stats.binomtest(successes, runs).proportion_ci(CONFIDENCE)
    return measured(successes / runs, "share", detail, (interval.low, interval.high), n=runs)


def slope(x: Sequence[float], y: Sequence[float], detail: str) -> Measurement:
    """Return the slope of log y against log x, with the interval of least squares at 95 %."""
    fit = stats.linregress(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)))
    if len(x) < 3 or not np.isfinite(fit.stderr):
        return measured(fit.slope, "log-log slope", detail)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(x) - 2) * fit.stderr
    return measured(fit.slope, "log-log slope", detail, (fit.slope - half, fit.slope + half), n=len(x))
