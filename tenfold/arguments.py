"""What comes in at a public door: NumPy's and torch's numbers become Python's own, and no array loses its mask."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any


class InvalidArgument(ValueError):
    """An argument has another type than it must have, or is out of range."""


class MaskedValues(InvalidArgument):
    """An array hides some of its values behind a mask, which nothing here reads."""


def plain(value: Any) -> Any:
    """Return a number of NumPy or torch (an array without axes, too) as Python's own; anything else as it is."""
    return value.item() if callable(getattr(value, "item", None)) and not getattr(value, "shape", None) else value


def whole(
    value: Any, name: str, *, least: int | None = None, error: type[Exception] = InvalidArgument, says: str = ""
) -> int:
    """Return a whole number as Python's int. Raises ``error`` for anything else, bool too, and below ``least``."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, Integral) or (least is not None and number < least):
        floor = "" if least is None else f" of at least {least}"
        raise error(f"{name} = {value!r} must be a whole number{floor}{says}")
    return int(number)


def real(value: Any, name: str, *, error: type[Exception] = InvalidArgument) -> float:
    """Return a finite real number as Python's float. Raises ``error`` for anything else, bool too."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number):
        raise error(f"{name} = {value!r} must be a finite number")
    return float(number)


def unmasked(array: Any, name: str) -> Any:
    """Return an array as it is, or a masked array that hides nothing without its mask.

    Raises MaskedValues if values are hidden: what stands behind a mask is no data.
    """
    if not hasattr(array, "filled"):  # of masked arrays alone
        return array
    if array.mask.any():
        raise MaskedValues(f"{name} hides {int(array.mask.sum())} value(s) behind a mask: fill them in, or leave out")
    return array.data
