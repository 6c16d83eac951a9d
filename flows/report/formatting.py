"""Numbers, durations and tests as a reader wants them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

from flows.report.claims import Test

DIGITS = 4  # significant
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, apart_from: Iterable[float] = ()) -> str:
    """Return the number with four significant digits, whole numbers in full.

    Digits are added until it reads differently from each number in ``apart_from`` that it is not
    equal to, so that 1.00004 does not look like the bound of 1 that it breaks.
    """
    others = [float(other) for other in apart_from if other != value]
    for digits in range(DIGITS, 18):
        text = _rounded(value, digits)
        if all(_rounded(other, digits) != text for other in others):
            break
    return text


def exact(value: float) -> str:
    """Return a number that somebody declared with all its digits."""
    return _rounded(value, 15)


def _rounded(value: float, digits: int) -> str:
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e9:
        text = str(int(value)) if abs(value) < 10_000 else f"{int(value):,}"
    else:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        power = int(exponent)
        if -4 <= power < 6:
            decimals = max(digits - 1 - power, 0)
            text = f"{value:,.{decimals}f}" if power >= 4 else f"{value:.{decimals}f}"
            text = text.rstrip("0").rstrip(".") if "." in text else text
        else:
            mantissa = mantissa.rstrip("0").rstrip(".")
            text = f"{mantissa}×10{str(power).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def interval(bounds: tuple[float, float], apart_from: Iterable[float] = ()) -> str:
    """Return ``[low, high]``."""
    others = list(apart_from)
    return f"[{number(bounds[0], others)}, {number(bounds[1], others)}]"


def resampled(over: str, seeds: int | None) -> str:
    """Return what an interval is over: of one seed not the seeds, where something else was resampled beside them."""
    units = over.split(" and ")
    return " and ".join(unit for unit in units if unit != "seeds") if seeds == 1 and len(units) > 1 else over


def with_unit(text: str, unit: str) -> str:
    """Return a formatted number with its unit, if it has one."""
    if not unit:
        return text
    return f"{text}{unit}" if unit in ("%", "×") else f"{text} {unit}"


def duration(seconds: float) -> str:
    """Return seconds as ``0.423 s``, ``12.3 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    if seconds < 59.95:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def memory(size: float) -> str:
    """Return bytes as KiB, MiB or GiB."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}" if size < 1000 * scale else f"{size / scale:,.0f} {unit}"
    return f"{size:.0f} bytes"


def moment(written: str) -> str:
    """Return an ISO 8601 time, with its offset, as ``2025-11-24 02:05 UTC``."""
    return f"{datetime.fromisoformat(written).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def kind_in_words(test: Test) -> str:
    """Return what a reader must know of a test besides what it asks."""
    marks = {
        "identity: only a bug of ours can fail it": test.identity,
        "control: without it nothing is decided": test.control,
        "rival: it rules out another explanation": test.rival,
        "a training": test.training,
    }
    return "; ".join(mark for mark, given in marks.items() if given)


def in_words(test: Test) -> str:
    """Return the test as the end of a sentence, with measurement names in backticks."""
    match test:
        case Test(at_most=float(limit)):
            return f"`{test.measurement}` is at most {exact(limit)}"
        case Test(at_least=float(limit)):
            return f"`{test.measurement}` is at least {exact(limit)}"
        case Test(between=(low, high)):
            return f"`{test.measurement}` lies between {exact(low)} and {exact(high)}"
        case Test(equals=float(centre), tolerance=float(tolerance)):
            return f"`{test.measurement}` equals {exact(centre)}, give or take {exact(tolerance)}"
        case _:
            return " < ".join(f"`{name}`" for name in test.measurements) + ", with intervals apart"
