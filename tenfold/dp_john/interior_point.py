"""Primal-dual Newton for the weights of few rows: maximise log det(Σ w_i x_i x_iᵀ) − Σ w_i over w ≥ 0.

Optimality: h_i(w) + s_i = 1, w_i s_i = 0, s ≥ 0, with h_i = x_iᵀM⁻¹x_i and M = Σ w_i x_i x_iᵀ; then Σw = d.
The derivative of h is −G with G = (XM⁻¹Xᵀ)∘². Predictor–corrector after Mehrotra 1992.
Legend: m rows x_i, d columns, X (m, d), Y = XR⁻¹ with M = RᵀR, s slacks (m,), μ mean of w∘s.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray
from scipy.linalg import lapack

from tenfold.dp_john.polytope import RankDeficient
from tenfold.dp_john.whitening import whitened_under

Vector = Float64[np.ndarray, " m"]
RIDGE = 1e-12  # added to G, whose diagonal is about 1 where w > 0: G is singular for duplicate rows
TO_BOUNDARY = 0.99  # share of the way to w = 0 or s = 0 that an update may go
NEGLIGIBLE = 1e-3  # of the mean weight: such rows are dropped where their slack says that they are inactive
DROP_SLACK = 0.02
MAX_CONJUGATE = 100
DENSE_AT_NEED = 3000  # rows up to which G is formed where conjugate gradients are slow (72 MB)


class RestrictedProblem:
    """One run of the method; ``indices`` are the rows still in it, ``weights`` (m,) theirs.

    ``dense_rows`` is the number of rows up to which G is formed (8·m² bytes) and factored; above it the same
    equations are solved by conjugate gradients with products G·v = diag(Y(YᵀVY)Yᵀ), in O(md) memory.
    """

    def __init__(self, X: Float64[np.ndarray, "m d"], weights: Vector, dense_rows: int) -> None:
        self.X, self.dense_rows = X, dense_rows
        self.indices = np.arange(len(X))
        self.weights = weights
        self.d = X.shape[1]
        self.memory: NDArray | None = None
        self.Y, self.scores = X, np.ones(len(X))
        if not self._score():
            raise RankDeficient("the rows of the working set with positive weight do not span the space")
        top = self.scores.max()
        self.weights = weights * top  # h(cw) = h(w)/c: now h ≤ 1
        self.scores, self.Y = self.scores / top, self.Y / np.sqrt(top)
        centre = 0.5 * max(self.gap, 1e-9) * self.d / len(X)
        self.slacks = np.minimum(np.maximum(1 - self.scores, 0.3 * centre / self.weights), 1.0)

    @property
    def gap(self) -> float:
        """max_i h_i − 1 once the weights are scaled to Σw = d."""
        return float(self.scores.max() * self.weights.sum() / self.d - 1)

    def solve(self, tolerance: float, max_updates: int) -> int:
        """Update until the gap is at most ``tolerance`` or no update helps; return how many were made."""
        for update in range(max_updates):
            if self.gap <= tolerance:
                return update
            if update > 0:
                self._drop_inactive()
            if not self._update(tolerance):
                return update + 1
        return max_updates

    def _score(self) -> bool:
        whitened = whitened_under(self.X, self.weights)
        if whitened is None:
            return False
        self.Y, self.scores = whitened
        return True

    def _drop_inactive(self) -> None:
        keep = (self.weights > NEGLIGIBLE * self.d / len(self.weights)) | (self.slacks < DROP_SLACK)
        if keep.sum() < 0.9 * len(keep):
            self.X, self.indices = self.X[keep], self.indices[keep]
            self.weights, self.slacks = self.weights[keep], self.slacks[keep]
            self._score()

    def _update(self, tolerance: float) -> bool:
        w, s = self.weights, self.slacks
        solve = self._newton_solver()
        if solve is None:
            return False

        def direction(target: NDArray | float) -> tuple[Vector, Vector]:
            dw = solve(self.scores - 1 + target / w)  # (G + S/W)dw = h − 1 + target/w
            return dw, (target - s * dw) / w - s  # s∘dw + w∘ds = target − w∘s

        dw, ds = direction(0.0)
        share = min(_longest(w, dw), _longest(s, ds))
        centre = float((w * s).mean())
        predicted = float(((w + share * dw) * (s + share * ds)).mean())
        dw, ds = direction((predicted / centre) ** 3 * centre - dw * ds)
        share = min(_longest(w, dw), _longest(s, ds))
        return self._move(dw, ds, share, 1.5 * self.gap + tolerance)

    def _move(self, dw: Vector, ds: Vector, share: float, largest_gap: float) -> bool:
        """Take the update, halved until the gap is at most ``largest_gap``; whether one was found."""
        w, s, scores, Y = self.weights, self.slacks, self.scores, self.Y
        for _ in range(20):
            self.weights, self.slacks = w + share * dw, s + share * ds
            if self._score() and self.gap <= largest_gap:
                return True
            share /= 2
        self.weights, self.slacks, self.scores, self.Y = w, s, scores, Y
        return False

    def _newton_solver(self) -> Callable[[Vector], Vector] | None:
        diagonal = self.slacks / self.weights + RIDGE
        if len(diagonal) > self.dense_rows:
            return lambda right: self._conjugate_gradients(diagonal, right)
        m = len(diagonal)
        if self.memory is None:
            self.memory = np.empty(m * m)  # kept: touching fresh pages costs as much as the product
        G = self.memory[: m * m].reshape(m, m)
        np.matmul(self.Y, self.Y.T, out=G)
        np.multiply(G, G, out=G)  # G = (XM⁻¹Xᵀ)∘²
        G.flat[:: len(G) + 1] += diagonal
        lower, status = lapack.dpotrf(G.T, lower=1, clean=0, overwrite_a=1)
        if status != 0:
            return None
        return lambda right: lapack.dpotrs(lower, right, lower=1)[0]

    def _conjugate_gradients(self, diagonal: Vector, right: Vector) -> Vector:
        """Solve (G + diag)v = right to three digits, G·v = diag(Y(YᵀVY)Yᵀ), scaled by its diagonal.

        Where that takes too long (near-duplicate rows, small μ), later updates factor G if memory allows.
        """
        Y, scale = self.Y, self.scores**2 + diagonal
        solution = np.zeros_like(right)
        residual = right.copy()
        scaled = residual / scale
        search, energy = scaled.copy(), float(residual @ scaled)
        target = 1e-6 * energy
        for _ in range(MAX_CONJUGATE):
            if energy <= target:
                return solution
            product = np.vecdot(Y @ (Y.T @ (search[:, None] * Y)), Y) + diagonal * search
            share = energy / float(search @ product)
            solution += share * search
            residual -= share * product
            scaled = residual / scale
            energy, before = float(residual @ scaled), energy
            search = scaled + energy / before * search
        self.dense_rows = max(self.dense_rows, DENSE_AT_NEED)
        return solution


def _longest(values: Vector, change: Vector) -> float:
    """Return the share ≤ 1 of ``change`` that keeps ``values`` positive with a margin."""
    steepest = float((change / values).min())
    return 1.0 if steepest >= -TO_BOUNDARY else -TO_BOUNDARY / steepest
