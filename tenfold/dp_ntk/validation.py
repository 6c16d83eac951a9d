"""Records as rows on the unit sphere: what the modes assume of X, checked before any noise is drawn."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from tenfold.arguments import unmasked

SLACK = 2.0**-20  # of a norm that is 1 up to float32's rounding


class InvalidRows(ValueError):
    """X or y is not what the method is defined for."""


class NonFiniteRow(InvalidRows):
    """A row has NaN or an infinity."""


class ZeroRow(InvalidRows):
    """A row is zero, so that it has no direction."""


class RowNotUnit(InvalidRows):
    """A row is longer than the public bound of 1."""


class TooFewFeatures(InvalidRows):
    """A record activates none of the public random features."""


class NotOneHot(InvalidRows):
    """Targets are not one-hot ±1, the label bound on which the calibration counts."""


class UnknownLabel(InvalidRows):
    """A label is none of the public classes."""


def unit_rows(X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Return the rows of X divided by their norms, float64: a function of each record alone, so it costs nothing.

    Raises InvalidRows if X is not a real matrix with at least one row and column; NonFiniteRow or ZeroRow if a row
    has no direction: nothing is repaired.
    """
    X = np.asarray(unmasked(X, "X"))
    if X.ndim != 2 or X.dtype.kind not in "fiub" or 0 in X.shape:
        raise InvalidRows(f"X must be a real matrix (n, d), not {X.dtype} of shape {X.shape}")
    X = X.astype(np.float64)
    finite = np.isfinite(X).all(axis=1)
    if not finite.all():
        raise NonFiniteRow(f"row {int(np.argmin(finite))} of X has NaN or an infinity: leave it out, or impute it")
    largest = np.abs(X).max(axis=1)
    if not largest.all():
        raise ZeroRow(f"row {int(np.argmin(largest))} of X is zero and has no direction: leave it out")
    X = X / largest[:, None]  # first, so that the squares neither overflow nor vanish
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def check_unit(X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Return X as float64 after checking that it is finite and its rows are at most 1 long, up to rounding: then
    they are shortened to 1.

    Raises InvalidRows if X is not a real matrix; NonFiniteRow if a row has NaN or an infinity; RowNotUnit if a row is
    longer than 1.
    """
    X = np.asarray(unmasked(X, "X"))
    if X.ndim != 2 or X.dtype.kind not in "f":
        raise InvalidRows(f"X must be a real matrix (n, d), not {X.dtype} of shape {X.shape}")
    norms = np.linalg.norm(X.astype(np.float64), axis=1)
    if not np.isfinite(norms).all():
        raise NonFiniteRow(f"row {int(np.argmin(np.isfinite(norms)))} of X has NaN or an infinity")
    if norms.max(initial=0.0) > 1 + SLACK:
        raise RowNotUnit(
            f"row {int(norms.argmax())} of X is longer than 1, on which the calibration counts: use unit_rows, never a "
            "scale read off the data"
        )
    return X.astype(np.float64) / np.maximum(norms, 1.0)[:, None]


def targets(labels: Int[np.ndarray, " n"], classes: int) -> Float[np.ndarray, "n C"]:
    """Return one-hot targets ±1: +1 in the column of the label.

    Raises InvalidRows if a label is outside 0 … classes − 1.
    """
    labels = np.asarray(labels)
    if (
        labels.ndim != 1
        or labels.dtype.kind not in "iu"
        or labels.min(initial=0) < 0
        or labels.max(initial=0) >= classes
    ):
        raise InvalidRows(f"labels must be whole numbers from 0 to {classes - 1}")
    return np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)


def check_one_hot(Y: Float[np.ndarray, "n C"]) -> None:
    """Raise NotOneHot unless every row of Y is −1 but for a single +1: two such rows differ by at most 2√2."""
    Y = np.asarray(Y)
    if Y.ndim != 2 or not (np.isin(Y, (-1, 1)).all() and ((Y == 1).sum(axis=1) == 1).all()):
        raise NotOneHot("private targets must be one-hot rows of ±1, on whose length the noise rests: use targets()")
