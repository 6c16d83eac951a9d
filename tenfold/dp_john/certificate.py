"""How good given weights are: one exact pass over the rows that bounds the distance from the optimum.

Legend: n rows a_i, d columns, A (n, d), weights w (n,), Q = AᵀWA, h_i(w) = a_iᵀQ⁻¹a_i ("leverage").
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from tenfold.dp_john.polytope import row_blocks
from tenfold.dp_john.whitening import Factor, factor_rows


class InvalidWeights(ValueError):
    """The weights are not one finite non-negative number per row."""


@dataclass(frozen=True)
class Certificate:
    """What one exact pass proves of weights with Σw = d, with m = ``max_leverage`` = max_i h_i(w).

    E/√m ⊆ P ⊆ √d·E for E = {x : xᵀQx ≤ 1}, and log vol(E*) − log vol(E/√m) ≤ (d/2)·log m for the John
    ellipsoid E*: weak duality, since Q* is optimal for max log det under h ≤ 1 and Σ w_i h_i = d.
    """

    max_leverage: float
    dimension: int
    worst_row: int

    @property
    def gap(self) -> float:
        """m − 1: the ξ of a (1+ξ)-approximation."""
        return self.max_leverage - 1

    @property
    def volume_gap(self) -> float:
        """Upper bound (d/2)·log m, in nats, on log vol(E*) − log vol(E/√m)."""
        return self.dimension / 2 * log(self.max_leverage)

    @property
    def worst_violation(self) -> float:
        """√m − 1: by how much E, before division by √m, exceeds its worst constraint |a_iᵀx| ≤ 1."""
        return sqrt(self.max_leverage) - 1

    def meets(self, tolerance: float) -> bool:
        """Whether max_i h_i ≤ 1 + tolerance."""
        return self.max_leverage <= 1 + tolerance


def leverage_scores(A: NDArray, weights: NDArray) -> Float64[np.ndarray, " n"]:
    """Return h_i(w) = a_iᵀ(AᵀWA)⁻¹a_i (n,); Σ w_i h_i = d (trace identity).

    A (n, d), weights (n,) ≥ 0. Two passes by blocks.
    Raises InvalidWeights if ``weights`` has another shape, a negative or non-finite entry, or only zeros;
    RankDeficient if the weighted rows do not span the space.
    """
    return scores_under(factor_weighted(A, weights), A)


def factor_weighted(A: NDArray, weights: NDArray) -> Factor:
    """Return R with AᵀWA = RᵀR, from the rows with positive weight.

    Raises InvalidWeights if ``weights`` has another shape, a negative or non-finite entry, or only zeros;
    RankDeficient if those rows do not span the space.
    """
    _check_weights(weights, A.shape[0])
    support = np.flatnonzero(weights)
    if 4 * len(support) < A.shape[0]:
        return factor_rows(np.asarray(A[support]), weights[support])
    return factor_rows(A, weights)


def scores_under(factor: Factor, A: NDArray) -> Float64[np.ndarray, " n"]:
    """Return ‖R⁻ᵀa_i‖² (n,) for A (n, d) read by blocks."""
    scores = np.empty(A.shape[0])
    for where, block in row_blocks(A):
        rows = factor.whiten(block)
        np.einsum("ij,ij->i", rows, rows, out=scores[where])
    return scores


def certificate_of(scores: Float64[np.ndarray, " n"], d: int) -> Certificate:
    """Return the certificate that exact leverage scores (n,) of weights with Σw = d make."""
    worst = int(np.argmax(scores))
    return Certificate(float(scores[worst]), d, worst)


def certify(A: NDArray, weights: NDArray) -> Certificate:
    """Return the certificate of ``weights`` (n,), scaled to Σw = d, for the rows of A (n, d).

    Raises InvalidWeights if ``weights`` has another shape, a negative or non-finite entry, or only zeros;
    RankDeficient if the weighted rows do not span the space.
    """
    scores = leverage_scores(A, weights)
    return certificate_of(scores * (weights.sum() / A.shape[1]), A.shape[1])  # h(cw) = h(w)/c


def _check_weights(weights: NDArray, n: int) -> None:
    if weights.shape != (n,):
        raise InvalidWeights(f"{n} rows need weights of shape ({n},), not {weights.shape}")
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.max() > 0):
        raise InvalidWeights("weights must be finite and non-negative, and not all zero")
