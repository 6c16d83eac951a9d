"""δ against the number of records: the one warning that every mode of every mechanism gives."""

from __future__ import annotations

import sys
import warnings

LIBRARY = __name__.partition(".")[0]
DECORATORS = ("torch.utils._contextlib",)  # whose frames stand between a decorated function and its caller


class WeakDelta(UserWarning):
    """δ is at least 1/n: a mechanism that publishes a random record satisfies that."""


def warn_of_weak_delta(delta: float | None, rows: int | None) -> None:
    """Warn if δ ≥ 1/n, at the line outside this library that called it, however deep the call is by now.

    Give ``rows`` None where n is secret: then a warning would tell of it, and none is given.
    """
    if delta is None or not rows or delta * rows < 1:
        return
    frame = sys._getframe()
    while frame.f_back is not None and _ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    warnings.warn_explicit(
        f"delta = {delta:g} is at least 1/n = {1 / rows:g}, which publishing a random record satisfies, too: take a "
        "smaller one",
        WeakDelta,
        filename=frame.f_code.co_filename,
        lineno=frame.f_lineno,
        module=frame.f_globals.get("__name__"),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


def _ours(module: str) -> bool:
    return module.partition(".")[0] == LIBRARY or module in DECORATORS
