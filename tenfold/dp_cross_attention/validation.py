"""Checking and clipping what comes in: shapes, finite numbers, and the public bounds on lengths."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from tenfold.arguments import unmasked
from tenfold.dp_cross_attention.errors import BoundViolated, InvalidMemory

OnViolation = Literal["error", "clip"]
SLACK = 2.0**-20  # relative: vectors normalised in float32 are longer than 1 by less; clipped away below


def shaped(array: Any, name: str, columns: int | None = None, *, empty: bool = False) -> Float[np.ndarray, "n d"]:
    """Return ``array`` (NumPy, torch or nested lists) as float64 (n, d), without a copy where it is that already.

    ``empty`` allows no rows, as where n is secret: the only row may be the one that is removed. No error tells n.

    Raises InvalidMemory if the array has another number of axes or columns, or no rows; MaskedValues for a mask.
    """
    if hasattr(array, "detach"):
        array = array.detach().cpu().double().numpy()
    found = np.asarray(unmasked(array, name), dtype=np.float64)
    if found.ndim != 2 or (columns is not None and found.shape[1] != columns):
        wrong = f"of {found.ndim} axes" if found.ndim != 2 else f"of {found.shape[1]} columns"
        raise InvalidMemory(f"{name} must be (rows, {columns or 'columns'}), not {wrong}")
    if found.shape[1] == 0 or (found.shape[0] == 0 and not empty):
        raise InvalidMemory(f"{name} is empty: attention over no rows, or no columns, is not defined")
    return found


def finite(rows: Float[np.ndarray, "n d"], name: str) -> Float[np.ndarray, "n d"]:
    """Return the rows. Raises InvalidMemory if they hold NaN or infinity."""
    if not np.isfinite(rows).all():
        raise InvalidMemory(f"{name} holds NaN or infinity, which no bound covers")
    return rows


def matrix(array: Any, name: str, columns: int | None = None, *, empty: bool = False) -> Float[np.ndarray, "n d"]:
    """Return ``array`` as finite float64 (n, d). Raises InvalidMemory as ``shaped`` and ``finite`` do."""
    return finite(shaped(array, name, columns, empty=empty), name)


def within(rows: Float[np.ndarray, "n d"], radius: float, name: str, on_violation: OnViolation) -> np.ndarray:
    """Return the rows with lengths of at most ``radius``.

    Longer ones are an error, or are shortened to ``radius`` where clipping is asked for. How many there were is not
    told: of private rows that number is private itself. Excess within float32's rounding (10⁻⁶) is always shortened.

    Raises BoundViolated if a row is longer and ``on_violation`` is "error".
    """
    if on_violation not in ("error", "clip"):
        raise InvalidMemory(f"on_violation = {on_violation!r} must be 'error' or 'clip'")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if lengths.max(initial=0.0) <= radius:
        return rows
    if on_violation == "error" and lengths.max() > radius * (1 + SLACK):
        raise BoundViolated(
            f"{name} has a row longer than its public bound {radius:g}. Scale by public numbers, state a larger "
            "bound chosen without looking at private rows, or ask for on_violation='clip'. (That a row violates the "
            "bound is itself information about the rows: do not pass this message on.)"
        )
    return np.where(lengths > radius, rows * (radius / np.maximum(lengths, radius)), rows)


def nonnegative(values: Float[np.ndarray, "n v"]) -> Float[np.ndarray, "n v"]:
    """Return the values. Raises BoundViolated if one is negative."""
    if values.min(initial=0.0) < 0:
        raise BoundViolated("released='numerator' is proved for non-negative values only; release both, 'joint'")
    return values
