"""Triangular factors R with AᵀWA = RᵀR, accurate also where AᵀWA itself has lost half the digits.

Legend: n rows a_i, d columns, A (n, d), weights w (n,), W = diag(w), whitened rows x_i = R⁻ᵀa_i.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray
from scipy.linalg import lapack

from tenfold.dp_john.polytope import RankDeficient, check_rank, row_blocks

SAFE_RECIPROCAL = 1e-7  # reciprocal condition below which a Gram matrix is not trusted


@dataclass(frozen=True)
class Factor:
    """AᵀWA = RᵀR with R = R_k ⋯ R_1 (each upper triangular, d × d), applied one after the other.

    One stage is enough for a matrix of condition below about 10³. Otherwise the first comes from
    a QR factorisation and the second from the Gram matrix of the whitened rows ("Cholesky-QR twice",
    Yamamoto, Nakatsukasa, Yanagisawa & Fukaya 2015), so that Σ w_i‖x_i‖² = d to rounding.
    """

    stages: tuple[Float64[np.ndarray, "d d"], ...]
    inverses: tuple[Float64[np.ndarray, "d d"], ...]

    @property
    def matrix(self) -> Float64[np.ndarray, "d d"]:
        """R (d, d), upper triangular."""
        R = self.stages[0]
        for stage in self.stages[1:]:
            R = stage @ R
        return R

    def whiten(self, rows: Float64[np.ndarray, "rows d"]) -> Float64[np.ndarray, "rows d"]:
        """Return the rows x_i = R⁻ᵀa_i (rows, d)."""
        for inverse in self.inverses:
            rows = rows @ inverse  # a_iᵀR⁻¹
        return rows

    def then(self, following: Factor) -> Factor:
        """Return the factor that whitens with this one, then with ``following``."""
        return Factor(
            (*self.stages[:-1], following.stages[0] @ self.stages[-1], *following.stages[1:]),
            (*self.inverses[:-1], self.inverses[-1] @ following.inverses[0], *following.inverses[1:]),
        )


def weighted_gram(A: NDArray, weights: NDArray | None, factor: Factor | None = None) -> Float64[np.ndarray, "d d"]:
    """Return Σ w_i a_i a_iᵀ (d, d), one pass by blocks; of the whitened rows if ``factor`` is given."""
    total = np.zeros((A.shape[1], A.shape[1]))
    roots = None if weights is None else np.sqrt(weights)
    for where, block in row_blocks(A):
        rows = block if factor is None else factor.whiten(block)
        if roots is not None:
            rows = rows * roots[where, None]
        total += rows.T @ rows
    return total


def factor_rows(A: NDArray, weights: NDArray | None = None) -> Factor:
    """Return R with AᵀWA = RᵀR (W = I without weights).

    A (n, d) any real type, weights (n,) ≥ 0.
    Raises RankDeficient if the rows do not span the space, by the ratio of singular values.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        factor = cholesky_factor(weighted_gram(A, weights))
    if factor is not None:
        return factor
    n, d = A.shape
    R = _stacked_qr(A, weights)
    scaled = R / np.maximum(np.abs(R).max(axis=0), np.finfo(np.float64).tiny)  # no square may overflow
    norms = np.linalg.norm(scaled, axis=0)
    check_rank(np.linalg.svd(scaled / np.where(norms > 0, norms, 1.0), compute_uv=False), n)
    first = Factor((R,), (_inverse(R),))
    second = cholesky_factor(weighted_gram(A, weights, first))
    if second is None:
        raise RankDeficient(
            f"A has rank {d}, but so nearly less that whitening it fails in float64. Project A to its "
            "leading right singular vectors"
        )
    return Factor((R, *second.stages), (*first.inverses, *second.inverses))


def cholesky_factor(gram: Float64[np.ndarray, "d d"]) -> Factor | None:
    """Return R with RᵀR = gram (d, d), or None where the Gram matrix is too ill-conditioned to trust."""
    norms = np.sqrt(np.diagonal(gram))
    if not (np.isfinite(gram).all() and norms.min() > 0):
        return None
    scaled = gram / norms / norms[:, None]
    lower, status = lapack.dpotrf(scaled.T, lower=1, clean=1)
    if status != 0 or lapack.dpocon(lower, np.abs(scaled).sum(axis=0).max(), uplo="L")[0] < SAFE_RECIPROCAL:
        return None
    R = lower.T * norms
    return Factor((R,), (_inverse(R),))


def whitened_under(
    X: Float64[np.ndarray, "m d"], weights: Float64[np.ndarray, " m"]
) -> tuple[Float64[np.ndarray, "m d"], Float64[np.ndarray, " m"]] | None:
    """Return (Y, h) with Y = XR⁻¹ (m, d), XᵀWX = RᵀR and h_i = ‖y_i‖² (m,), or None if XᵀWX is singular.

    For well-conditioned rows X held in memory: one Cholesky factorisation, without ``factor_rows``' checks.
    """
    rows = X * np.sqrt(weights)[:, None]
    R, status = lapack.dpotrf((rows.T @ rows).T, clean=1)
    if status != 0:
        return None
    Y = X @ lapack.dtrtri(R)[0]
    return Y, np.vecdot(Y, Y)


def _stacked_qr(A: NDArray, weights: NDArray | None) -> Float64[np.ndarray, "d d"]:
    """Return R of the QR factorisation of W^½A, each block stacked below the factor so far."""
    R = np.zeros((0, A.shape[1]))
    roots = None if weights is None else np.sqrt(weights)
    for where, block in row_blocks(A):
        rows = block if roots is None else block * roots[where, None]
        R = np.asarray(np.linalg.qr(np.concatenate([R, rows]), mode="r"))
    return np.triu(R)


def _inverse(R: Float64[np.ndarray, "d d"]) -> Float64[np.ndarray, "d d"]:
    inverse, status = lapack.dtrtri(R)
    if status != 0:
        raise np.linalg.LinAlgError(f"the triangular factor has a zero on its diagonal at {status - 1}")
    return np.ascontiguousarray(inverse)
