"""Intervals at 95 %: Student's, Welch's, Clopper–Pearson's and Wilson's.

Legend:  n values
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import stats

from tenfold.arguments import unmasked
from tenfold.metrics.measurement import Interval

CONFIDENCE = 0.95
ROUNDING = 1e-12  # relative


def student(values: Sequence[float]) -> Interval | None:
    """Return Student's interval of the mean of ``values``; none for one value or for equal ones."""
    array = np.asarray(unmasked(values, "values"), dtype=float)
    spread = np.sqrt(_variance(array))
    return None if spread == 0 else _around(array.mean(), len(array) - 1, spread)


def welch(first: Sequence[float], second: Sequence[float]) -> Interval | None:
    """Return Welch's interval of the difference of two independent means; none if neither varies."""
    a, b = (np.asarray(unmasked(part, "values"), dtype=float) for part in (first, second))
    parts = [_variance(x) for x in (a, b)]
    variance = sum(parts)
    if variance == 0:
        return None
    freedom = variance**2 / sum(p**2 / (x.size - 1) for p, x in zip(parts, (a, b), strict=True) if p)
    return _around(a.mean() - b.mean(), freedom, np.sqrt(variance))


def proportion(successes: int, trials: int, *, method: Literal["exact", "wilson"] = "exact") -> Interval:
    """Return the interval of a share: Clopper–Pearson's, which is exact, or Wilson's, which is shorter."""
    found = stats.binomtest(int(successes), int(trials)).proportion_ci(CONFIDENCE, method=method)
    return float(found.low), float(found.high)


def least_squares(x: Sequence[float], y: Sequence[float]) -> tuple[float, Interval | None]:
    """Return the slope of y against x with its interval; none below three points."""
    fit = stats.linregress(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    known = len(x) > 2 and np.isfinite(fit.stderr)
    return float(fit.slope), _around(fit.slope, len(x) - 2, fit.stderr) if known else None


def _variance(values: np.ndarray) -> float:
    """Return the variance of the mean; 0 for one value or for values that are equal but for rounding."""
    if values.size < 2 or np.ptp(values) <= ROUNDING * np.abs(values).max():
        return 0.0
    return float(values.var(ddof=1)) / values.size


def _around(centre: float, freedom: float, standard_error: float) -> Interval:
    half = stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * standard_error
    return float(centre - half), float(centre + half)
