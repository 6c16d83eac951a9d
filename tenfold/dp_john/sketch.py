"""Leverage scores through a Gaussian sketch: s numbers per row in place of d.

Source: Cohen, Cousins, Lee & Yang 2019; Song, Yang, Yang & Zhou 2022 (arXiv:2211.14407).
Legend: n rows a_i, d columns, A (n, d), M = AᵀWA, s sketch rows, S (s, n).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from tenfold.dp_john.certificate import factor_weighted
from tenfold.dp_john.polytope import row_blocks

Columns = Callable[[slice], NDArray]  # the columns of S (s, rows) that belong to some rows
NUMBERS = 1 << 17  # of S held at once: 1 MiB


def sketched_scores(A: NDArray, weights: NDArray, sketch_rows: int, columns: Columns) -> Float64[np.ndarray, " n"]:
    """Return τ̂_i = s⁻¹‖S W^½A M⁻¹a_i‖² (n,), with S (s = ``sketch_rows``, n) given some columns at a time.

    E τ̂ = τ for standard Gaussian S; τ̂ = τ for S = √n·I.
    Raises InvalidWeights if ``weights`` has another shape, a negative or non-finite entry, or only zeros;
    RankDeficient if the weighted rows do not span the space.
    """
    n, d = A.shape
    factor = factor_weighted(A, weights)
    roots = np.sqrt(weights)
    sketched = np.zeros((sketch_rows, d))
    width = max(1, NUMBERS // sketch_rows)
    for where, block in row_blocks(A):
        rows = factor.whiten(block) * roots[where, None]
        for first in range(0, len(block), width):
            some = slice(where.start + first, min(where.start + first + width, where.stop))
            sketched += columns(some) @ rows[first : first + width]  # S W^½ X, X = AR⁻¹
    if sketch_rows > d:
        sketched = np.asarray(np.linalg.qr(sketched, mode="r"))  # keeps every norm, in d numbers
    scores = np.empty(n)
    for where, block in row_blocks(A):
        rows = factor.whiten(block) @ sketched.T  # S W^½ A M⁻¹a_i = (S W^½ X) x_i
        scores[where] = np.vecdot(rows, rows) / sketch_rows
    return scores


def sketch_size(tolerance: float) -> int:
    """Return the number of sketch rows s = ⌈8/ξ⌉.

    **Deviation:** a tenth of the constant of the analysis, which is there for a union bound over rounds.
    """
    return ceil(8 / tolerance)


@dataclass(frozen=True)
class SketchedScores:
    """Estimated scores by a Gaussian S (``sketch_rows``, n), drawn afresh at each call."""

    sketch_rows: int
    generator: np.random.Generator

    def __call__(self, A: NDArray, weights: NDArray) -> Float64[np.ndarray, " n"]:
        def columns(where: slice) -> NDArray:
            return self.generator.standard_normal((self.sketch_rows, where.stop - where.start))

        return sketched_scores(A, weights, self.sketch_rows, columns)


@dataclass(frozen=True, eq=False)
class FixedSketch:
    """Estimated scores by one given S (s, n), for instance √n·I, which makes them exact."""

    sketch: Float64[np.ndarray, "s n"]

    def __call__(self, A: NDArray, weights: NDArray) -> Float64[np.ndarray, " n"]:
        return sketched_scores(A, weights, len(self.sketch), lambda where: self.sketch[:, where])
