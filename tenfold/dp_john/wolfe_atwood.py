"""Frank–Wolfe with away steps and rank-one updates for the dual, D-optimal design.

Source: Todd & Yıldırım 2007 (the Wolfe–Atwood algorithm); start: Kumar & Yıldırım 2005.
Legend: n rows a_i, d columns, u (n,) with Σu = 1, M = Σ u_i a_i a_iᵀ, κ_i = a_iᵀM⁻¹a_i; w = d·u, h = κ/d.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from tenfold.dp_john.certificate import scores_under
from tenfold.dp_john.solution import Solution
from tenfold.dp_john.whitening import factor_rows

REFRESH = 500  # updates after which M⁻¹ and κ are computed anew, against rounding


def spanning_rows(X: Float64[np.ndarray, "n d"]) -> NDArray:
    """Return d indices of rows (d,), each farthest along a direction orthogonal to those before it.

    The start of Kumar & Yıldırım 2005 for a set symmetric about 0; X (n, d) of rank d.
    """
    d = X.shape[1]
    chosen: list[int] = []
    basis = np.zeros((d, 0))
    for k in range(d):
        direction = np.eye(d)[k] if k == 0 else np.linalg.qr(basis, mode="complete")[0][:, -1]
        row = int(np.argmax(np.abs(X @ direction)))
        chosen.append(row)
        basis = np.concatenate([basis, X[row, :, None]], axis=1)
    return np.array(chosen)


class RankOneDesign:
    """u, M⁻¹ and κ under updates u ← (1−λ)u + λe_j, O(nd) each; X (n, d) well-conditioned rows."""

    def __init__(self, X: Float64[np.ndarray, "n d"], u: Float64[np.ndarray, " n"]) -> None:
        self.X, self.u = X, u
        self.refresh()

    def refresh(self) -> None:
        """Compute M⁻¹ and κ from u."""
        support = np.flatnonzero(self.u)
        factor = factor_rows(self.X[support], self.u[support])
        root = factor.whiten(np.eye(self.X.shape[1]))
        self.inverse = root @ root.T
        self.scores = scores_under(factor, self.X)

    def update(self, row: int, share: float) -> None:
        """Move u by ``share`` = λ < 1 towards e_row (away from it if negative)."""
        g = self.inverse @ self.X[row]
        c = share / (1 - share + share * self.scores[row])  # Sherman–Morrison
        self.inverse = (self.inverse - c * np.outer(g, g)) / (1 - share)
        self.scores -= c * np.square(self.X @ g)
        self.scores /= 1 - share
        self.u *= 1 - share
        self.u[row] = max(self.u[row] + share, 0.0)  # 0 up to rounding where the row is dropped


def wolfe_atwood(A: NDArray, tolerance: float, max_updates: int) -> Solution:
    """Return weights with max_i h_i ≤ 1 + ξ by rank-one updates, or those after ``max_updates``.

    A (n, d) of rank d. Holds one whitened copy of A.
    Raises RankDeficient if the rows do not span the space.
    """
    n, d = A.shape
    X = factor_rows(A).whiten(np.asarray(A, dtype=np.float64))
    u = np.zeros(n)
    u[spanning_rows(X)] = 1 / d
    design = RankOneDesign(X, u)
    for update in range(max_updates):
        best = int(np.argmax(design.scores))
        excess = design.scores[best] / d - 1
        if excess <= tolerance or update % REFRESH == REFRESH - 1:
            design.refresh()
            best = int(np.argmax(design.scores))
            excess = design.scores[best] / d - 1
            if excess <= tolerance:
                return Solution(design.u * (d / design.u.sum()), update)
        least = int(np.argmin(np.where(design.u > 0, design.scores, np.inf)))
        if excess >= 1 - design.scores[least] / d:
            design.update(best, excess / (design.scores[best] - 1))  # λ = (κ/d − 1)/(κ − 1)
        else:
            design.update(least, away_share(design, least, d))
    return Solution(design.u * (d / design.u.sum()), max_updates)


def away_share(design: RankOneDesign, row: int, d: int) -> float:
    """Return the λ < 0 of the best step away from ``row``, at most as far as dropping it."""
    score, weight = design.scores[row], design.u[row]
    drop = -weight / (1 - weight)
    return float(drop if score <= 1 else max((score / d - 1) / (score - 1), drop))
