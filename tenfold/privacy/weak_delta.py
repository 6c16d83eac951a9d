"""δ against the number of records: the one warning that every mode of every mechanism gives."""

from __future__ import annotations

import warnings


class WeakDelta(UserWarning):
    """δ is at least 1/n: a mechanism that publishes a random record satisfies that."""


def warn_of_weak_delta(delta: float | None, rows: int | None, *, stacklevel: int = 3) -> None:
    """Warn if δ ≥ 1/n. Give ``rows`` None where n is secret: then a warning would tell of it, and none is given."""
    if delta is not None and rows and delta * rows >= 1:
        warnings.warn(
            f"delta = {delta:g} is at least 1/n = {1 / rows:g}, which publishing a random record satisfies, too: take "
            "a smaller one",
            WeakDelta,
            stacklevel=stacklevel,
        )
