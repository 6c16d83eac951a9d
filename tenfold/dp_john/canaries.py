"""Canaries: pairs of neighbouring inputs on which a private mode is most likely to be caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_john.polytopes import regular_polygon


@dataclass(frozen=True)
class CanaryPair:
    """Neighbours A and A' (n, d): ``row`` moves by exactly ``closeness``; norms lie in [floor, bound]."""

    name: str
    rows: Float[np.ndarray, "n d"]
    neighbour: Float[np.ndarray, "n d"]
    row: int
    closeness: float
    row_norm_floor: float
    row_norm_bound: float


def _pushed(name: str, rows: Float[np.ndarray, "n d"], row: int, closeness: float) -> CanaryPair:
    neighbour = rows.copy()
    neighbour[row] *= 1 + closeness / np.linalg.norm(rows[row])
    return CanaryPair(name, rows, neighbour, row, closeness, 1.0 - 1e-9, 1.0 + closeness + 1e-9)


def outward_row(closeness: float) -> CanaryPair:
    """Four unit rows in the plane, one pushed outwards: it becomes the tightest constraint."""
    return _pushed("outward row", regular_polygon(4), 1, closeness)


def duplicate_pair(closeness: float) -> CanaryPair:
    """Two equal unit rows, one pushed outwards: all of the pair's weight moves to it."""
    return _pushed("duplicate pair", np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 1, closeness)


def near_parallel_pair(closeness: float) -> CanaryPair:
    """Two unit rows at angle √ε₀, one pushed outwards: the ellipsoid moves by about √(2ε₀) ≫ ε₀."""
    angle = np.sqrt(closeness)
    rows = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)], [0.0, 1.0]])
    return _pushed("near-parallel pair", rows, 1, closeness)


def replaced_row(row_norm_bound: float) -> CanaryPair:
    """Rows of norm r, one replaced by an orthogonal one of norm r: the largest change of AᵀA, √2 r²."""
    rows = row_norm_bound * np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    neighbour = rows.copy()
    neighbour[1] = rows[2]
    closeness = float(np.linalg.norm(neighbour[1] - rows[1]))
    bound = row_norm_bound * (1 + 1e-9)
    return CanaryPair("replaced row", rows, neighbour, 1, closeness, row_norm_bound * (1 - 1e-9), bound)


CLOSE_CANARIES: dict[str, Callable[[float], CanaryPair]] = {
    "outward row": outward_row,
    "duplicate pair": duplicate_pair,
    "near-parallel pair": near_parallel_pair,
}
