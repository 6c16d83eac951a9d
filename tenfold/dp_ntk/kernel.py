"""Neural tangent kernels of a two-layer network whose first layer is trained: quadratic and ReLU, finite and limit.

K_ij = ⟨x_i, x_j⟩ · m⁻¹ Σ_r a(⟨w_r, x_i⟩) a(⟨w_r, x_j⟩), with a(z) = z for the quadratic activation z²/2 and
a(z) = 1{z > 0} for ReLU; w_r ~ N(0, σ²I). The features are φ(x) = vec(x ⊗ a(Wx))/√m.

Legend:  n, q rows · d features · m hidden units · k samples · θ the angle between two rows
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from jaxtyping import Float

Activation = Literal["quadratic", "relu"]
Rows = Float[np.ndarray, "n d"]
Fill = Callable[[slice, int, np.ndarray], None]
BLOCK = 1024  # rows computed at a time
TILE = 128  # rows and columns mirrored at a time, which stay in the cache


class Kernel(Protocol):
    """What every kernel can do; ``smooth`` says whether K moves little when a row does."""

    @property
    def smooth(self) -> bool: ...

    def matrix(self, rows: Rows, others: Float[np.ndarray, "q d"] | None = None) -> Float[np.ndarray, "n q"]: ...


def floating(rows: np.ndarray) -> np.ndarray:
    """Return the rows, whole numbers as float64: a kernel is computed in the precision of its rows."""
    return rows if rows.dtype.kind == "f" else rows.astype(np.float64)


def by_blocks(fill: Fill, n: int, q: int | None, dtype: np.dtype, *, block: int = BLOCK) -> Float[np.ndarray, "n q"]:
    """Return the matrix whose rows ``fill(rows, first, out)`` writes into ``out`` from column ``first`` on.

    K itself and what ``fill`` needs for one block are all the memory it takes. With ``q`` None the matrix is symmetric
    (n, n), and only its upper triangle is computed.
    """
    K = np.empty((n, n if q is None else q), dtype=dtype)
    for start in range(0, n, block):
        end = min(start + block, n)
        first = start if q is None else 0
        fill(slice(start, end), first, K[start:end, first:])
        if q is None:
            _mirror(K, start, end)
    return K


def _mirror(K: np.ndarray, start: int, end: int) -> None:
    """Copy rows start … end right of the block on the diagonal to the columns below it."""
    for column in range(end, len(K), TILE):
        columns = slice(column, min(column + TILE, len(K)))
        for row in range(start, end, TILE):
            rows = slice(row, min(row + TILE, end))
            K[columns, rows] = K[rows, columns].T


def product_of_grams(
    left: tuple[np.ndarray, np.ndarray],
    right: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    block: int = BLOCK,
) -> Float[np.ndarray, "n q"]:
    """Return (A₁A₂ᵀ) ∘ (B₁B₂ᵀ) by blocks of rows; symmetric without ``right``."""
    (A, B), (A_other, B_other) = left, right or left

    def fill(rows: slice, first: int, out: np.ndarray) -> None:
        np.matmul(A[rows], A_other[first:].T, out=out)
        out *= B[rows] @ B_other[first:].T

    return by_blocks(fill, len(A), None if right is None else len(A_other), np.result_type(A, B), block=block)


@dataclass(frozen=True)
class FiniteKernel:
    """The kernel of a network of finite width; ``weights`` W (m, d) are public."""

    weights: Float[np.ndarray, "m d"]
    activation: Activation = "quadratic"

    @classmethod
    def draw(
        cls,
        width: int,
        dimension: int,
        generator: np.random.Generator,
        *,
        sd: float = 1.0,
        activation: Activation = "quadratic",
    ) -> FiniteKernel:
        """Return the kernel of ``width`` hidden units with weights N(0, sd²) from a public generator."""
        return cls(sd * generator.standard_normal((width, dimension)), activation)

    @property
    def smooth(self) -> bool:
        """Whether the activation is quadratic: with ReLU an arbitrarily small move of a row can flip a unit."""
        return self.activation == "quadratic"

    def hidden(self, rows: Rows) -> Float[np.ndarray, "n m"]:
        """Return a(XWᵀ)/√m."""
        rows = floating(rows)
        z = rows @ self.weights.T.astype(rows.dtype)
        active = z if self.activation == "quadratic" else (z > 0).astype(rows.dtype)
        return active / np.sqrt(len(self.weights)).astype(rows.dtype)

    def features(self, rows: Rows) -> Float[np.ndarray, "n dm"]:
        """Return φ(x) = vec(x ⊗ a(Wx))/√m for each row: K = ΦΦᵀ. Large; the fast paths never form it."""
        return (rows[:, :, None] * self.hidden(rows)[:, None, :]).reshape(len(rows), -1)

    def matrix(self, rows: Rows, others: Float[np.ndarray, "q d"] | None = None) -> Float[np.ndarray, "n q"]:
        """Return K(X, X) or K(X, X'), in the precision of ``rows``; n×q×m is never formed."""
        rows, others = floating(rows), None if others is None else floating(others)
        right = None if others is None else (others, self.hidden(others))
        return product_of_grams((rows, self.hidden(rows)), right)

    def bound(self, row_norm: float = 1.0) -> float:
        """Return κ = B²‖W‖_op/√m ≥ ‖φ(x)‖ for ‖x‖ ≤ B, from public numbers alone (B√(1) for ReLU: κ = B)."""
        if self.activation == "relu":
            return row_norm
        return row_norm**2 * self.operator_norm

    @property
    def operator_norm(self) -> float:
        """‖W‖_op/√m, the square root of the largest eigenvalue of M = WᵀW/m."""
        return float(np.linalg.norm(self.weights, 2) / np.sqrt(len(self.weights)))

    def diameter(self, row_norm: float = 1.0) -> float:
        """Return a bound 2κ on ‖φ(x) − φ(x')‖; M may turn ⟨φ(x), φ(x')⟩ negative, so less cannot be said."""
        return 2 * self.bound(row_norm)


@dataclass(frozen=True)
class LimitKernel:
    """The kernel of infinite width: σ²⟨x, x'⟩² for the quadratic activation, arc-cosine for ReLU.

    ReLU: ⟨x, x'⟩(π − θ)/2π for the first layer; ``both_layers`` adds ‖x‖‖x'‖(sin θ + (π − θ)cos θ)/2π. The
    kernel does not depend on σ for the first layer, and is given at σ = 1 for both layers.
    """

    sd: float = 1.0
    activation: Activation = "quadratic"
    both_layers: bool = False

    @property
    def smooth(self) -> bool:
        """Always true: limits are smooth, only finite ReLU networks are not."""
        return True

    def matrix(self, rows: Rows, others: Float[np.ndarray, "q d"] | None = None) -> Float[np.ndarray, "n q"]:
        """Return K(X, X) or K(X, X'), in the precision of ``rows``, by blocks of rows."""
        rows, others = floating(rows), None if others is None else floating(others)
        right = rows if others is None else others
        norms, right_norms = np.linalg.norm(rows, axis=1), np.linalg.norm(right, axis=1)

        def fill(chosen: slice, first: int, out: np.ndarray) -> None:
            np.matmul(rows[chosen], right[first:].T, out=out)
            if self.activation == "relu":
                self._arc_cosine(out, norms[chosen, None] * right_norms[first:])
                return
            np.multiply(out, out, out=out)
            if self.sd != 1.0:
                out *= rows.dtype.type(self.sd**2)

        return by_blocks(fill, len(rows), None if others is None else len(others), rows.dtype)

    def _arc_cosine(self, K: np.ndarray, norms: np.ndarray) -> None:
        """Turn ⟨x, x'⟩ into ‖x‖‖x'‖(π − θ)cos θ/2π, or with both layers ‖x‖‖x'‖(sin θ + 2(π − θ)cos θ)/2π, in place."""
        cosine = np.divide(K, norms, out=np.zeros_like(K), where=norms > 0)
        np.clip(cosine, -1.0, 1.0, out=cosine)  # rounding
        np.subtract(np.pi, np.arccos(cosine, out=K), out=K)
        K *= cosine
        if self.both_layers:
            K *= 2
            np.multiply(cosine, cosine, out=cosine)
            K += np.sqrt(np.subtract(1, cosine, out=cosine), out=cosine)
        K *= norms
        K /= 2 * np.pi

    def features(self, rows: Rows) -> Float[np.ndarray, "n dd"]:
        """Return φ(x) = σ vec(xxᵀ) of the quadratic limit."""
        self._only_quadratic()
        return self.sd * (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)

    def bound(self, row_norm: float = 1.0) -> float:
        """Return κ = σB² ≥ ‖φ(x)‖ for ‖x‖ ≤ B."""
        self._only_quadratic()
        return self.sd * row_norm**2

    @property
    def operator_norm(self) -> float:
        """σ: M = σ²I in the quadratic limit."""
        return self.sd

    def diameter(self, row_norm: float = 1.0) -> float:
        """Return √2·σB² ≥ ‖φ(x) − φ(x')‖: ‖xxᵀ − x'x'ᵀ‖²_F = ‖x‖⁴ + ‖x'‖⁴ − 2⟨x, x'⟩² ≤ 2B⁴."""
        return float(np.sqrt(2.0)) * self.bound(row_norm)

    def _only_quadratic(self) -> None:
        if self.activation != "quadratic":
            raise NotImplementedError("the ReLU limit has no finite feature map; use FiniteKernel for features")
