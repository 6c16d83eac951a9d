"""The measurements that papers are judged by: means, differences, ratios, shares and slopes, with their intervals."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import ValidationError

from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.intervals import least_squares, proportion, student, welch
from tenfold.metrics.measurement import Interval, Measurement

SLOPE = "log-log slope"


class InvalidMeasurement(ValueError):
    """A value is NaN or infinite, lies outside its interval, or a count is not positive."""


def measured(
    value: float,
    unit: str,
    detail: str,
    interval: Interval | None = None,
    *,
    seeds: int | None = None,
    n: int | None = None,
) -> Measurement:
    """Return one measurement; raises InvalidMeasurement as said there."""
    ends = None if interval is None else (float(interval[0]), float(interval[1]))
    try:
        return Measurement(value=float(value), interval=ends, seeds=seeds, n=n, unit=unit, detail=detail)
    except ValidationError as error:
        what = error.errors()[0]
        field = ".".join(str(part) for part in what["loc"])
        problem = f"{field} = {what['input']}: {what['msg']}" if field else what["msg"]
        raise InvalidMeasurement(
            f"the measurement {detail!r} ({unit}): {problem}; look at what it is made of"
        ) from None


def unavailable(reason: str) -> Measurement:
    """Return the record of what could not be measured."""
    return Measurement(unavailable=reason)


def mean_of(values: Sequence[float], unit: str, detail: str, *, seeds: int | None = None) -> Measurement:
    """Return a mean with Student's interval; without one for one value or for equal ones."""
    mean = np.asarray(values, dtype=float).mean()
    return measured(mean, unit, detail, student(values), n=len(values), seeds=seeds)


def mean_or_unavailable(values: Sequence[float], unit: str, detail: str) -> Measurement:
    """Return a mean with Student's interval, or that this profile has no value of it."""
    return mean_of(values, unit, detail) if len(values) else unavailable(f"no draw in this profile: {detail}")


def geometric_mean_of(ratios: Sequence[float], detail: str, *, seeds: Sequence[Hashable] | None = None) -> Measurement:
    """Return the geometric mean of ratios with Student's interval of the mean of their logarithms.

    ``seeds`` names the seed of each ratio: the logarithms are averaged within seeds first, and the interval is over
    seeds. Without them it is over the ratios.
    """
    logs = np.log(np.asarray(ratios, dtype=float))
    if seeds is not None:
        of_seed: dict[Hashable, list[float]] = {}
        for seed, log in zip(seeds, logs, strict=True):
            of_seed.setdefault(seed, []).append(log)
        logs = np.array([np.mean(within) for within in of_seed.values()])
    ends = student(logs)
    interval = None if ends is None else (float(np.exp(ends[0])), float(np.exp(ends[1])))
    counts = {"n": len(logs)} if seeds is None else {"seeds": len(logs)}
    return measured(np.exp(logs.mean()), "ratio", f"{detail}, geometric mean", interval, **counts)


def share_of(successes: int, trials: int, detail: str, *, method: Literal["exact", "wilson"] = "exact") -> Measurement:
    """Return a share with its interval: Clopper–Pearson's, or Wilson's."""
    return measured(successes / trials, "share", detail, proportion(successes, trials, method=method), n=int(trials))


def slope_of(
    x: Sequence[float], y: Sequence[float], detail: str, *, seeds: int | None = None, n: int | None = None
) -> Measurement:
    """Return the slope of log y against log x over all points, with the interval of least squares."""
    slope, interval = least_squares(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)))
    return measured(slope, SLOPE, detail, interval, seeds=seeds, n=n)


def log_log_slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the slope of log y against log x by least squares."""
    return float(np.polyfit(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)), 1)[0])


def slope_over_seeds(
    x: Sequence[float], curves: Mapping[Any, Sequence[float]], detail: str, *, seeds: int | None = None
) -> Measurement:
    """Return the slope of log y against log x: one least-squares line per curve, mean and Student's interval.

    A curve belongs to one seed; ``seeds`` says how many there were where a seed has several.
    """
    slopes = [log_log_slope(x, y) for y in curves.values()]
    return mean_of(slopes, SLOPE, detail, seeds=len(slopes) if seeds is None else seeds)


def difference_of(first: Sequence[float], second: Sequence[float], unit: str, detail: str) -> Measurement:
    """Return the mean of paired differences, first less second, with Student's interval over seeds."""
    pairs = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    return mean_of(pairs.tolist(), unit, detail, seeds=len(pairs))


def unpaired_difference(first: Sequence[float], second: Sequence[float], unit: str, detail: str) -> Measurement:
    """Return the difference of two independent means with Welch's interval; exact values have no spread.

    Unavailable if there is no value of one of them.
    """
    if 0 in (len(first), len(second)):
        return unavailable(f"no draw in this profile: {detail}")
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    return measured(a.mean() - b.mean(), unit, detail, welch(first, second), n=max(a.size, b.size))


def estimated(estimate: Estimate, unit: str, detail: str, *, seeds: int | None = None) -> Measurement:
    """Return a bootstrap estimate as a measurement; its interval is widened, if need be, to hold the value."""
    low, high = estimate.interval
    interval = (min(low, estimate.value), max(high, estimate.value))
    return measured(estimate.value, unit, detail, interval, seeds=seeds, n=estimate.n)
