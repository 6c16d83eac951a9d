"""Intervals that this paper needs beside the shared ones: of unpaired differences and of slopes over all points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from tenfold.metrics.measurements import CONFIDENCE, Measurement, mean_of, measured, unavailable


def mean_or_reason(values: Sequence[float], unit: str, detail: str) -> Measurement:
    """Return the mean with its interval, or that this profile has no draw."""
    if len(values) == 0:
        return unavailable(f"no draw in this profile: {detail}")
    return mean_of(values, unit, detail)


def unpaired_difference(first: Sequence[float], second: Sequence[float], unit: str, detail: str) -> Measurement:
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


def slope(x: Sequence[float], y: Sequence[float], detail: str) -> Measurement:
    """Return the slope of log y against log x over all points, with the interval of least squares at 95 %."""
    fit = stats.linregress(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)))
    if len(x) < 3 or not np.isfinite(fit.stderr):
        return measured(fit.slope, "log-log slope", detail)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(x) - 2) * fit.stderr
    return measured(fit.slope, "log-log slope", detail, (fit.slope - half, fit.slope + half), n=len(x))
