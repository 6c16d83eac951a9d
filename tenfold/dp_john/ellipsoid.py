"""Centred ellipsoids E = {x : xᵀQx ≤ 1}."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import lgamma, log, pi

import numpy as np
from jaxtyping import Bool, Float64
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from tenfold.dp_john.polytope import row_blocks


class NotPositiveDefinite(ValueError):
    """The matrix is not symmetric positive definite, so that {x : xᵀQx ≤ 1} is not an ellipsoid."""


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """{x : xᵀQx ≤ 1} with Q = ``matrix`` (d, d), symmetric positive definite, float64.

    ``factor`` is R, upper triangular with Q = RᵀR, computed if not given; give R where it is known better
    than Q, whose condition number is the square of R's.
    Raises NotPositiveDefinite if Q is not.
    """

    matrix: Float64[np.ndarray, "d d"]
    factor: Float64[np.ndarray, "d d"] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.factor is not None:
            return
        Q = np.asarray(self.matrix, dtype=np.float64)
        if Q.ndim != 2 or Q.shape[0] != Q.shape[1]:
            raise NotPositiveDefinite(f"Q must be square; it has shape {Q.shape}")
        if not np.allclose(Q, Q.T, rtol=1e-9, atol=1e-12 * np.abs(Q).max(initial=0.0)):
            raise NotPositiveDefinite("Q is not symmetric; pass (Q + Qᵀ)/2 if that is what was meant")
        try:
            lower = np.linalg.cholesky((Q + Q.T) / 2)
        except np.linalg.LinAlgError:
            least = np.linalg.eigvalsh((Q + Q.T) / 2)[0]
            raise NotPositiveDefinite(f"Q has the eigenvalue {least:.3g}, so that xᵀQx ≤ 1 is unbounded") from None
        object.__setattr__(self, "factor", lower.T)

    @classmethod
    def from_factor(cls, R: Float64[np.ndarray, "d d"]) -> Ellipsoid:
        """Return {x : ‖Rx‖ ≤ 1}; R (d, d) upper triangular and nonsingular."""
        return cls(R.T @ R, R)

    @property
    def dimension(self) -> int:
        return len(self.matrix)

    @property
    def root(self) -> Float64[np.ndarray, "d d"]:
        """R (d, d), upper triangular, with Q = RᵀR."""
        assert self.factor is not None
        return self.factor

    @property
    def log_volume(self) -> float:
        """Natural logarithm of the volume: log vol(unit ball) − ½ log det Q."""
        d = self.dimension
        unit_ball = d / 2 * log(pi) - lgamma(d / 2 + 1)
        return unit_ball - float(np.log(np.abs(np.diagonal(self.root))).sum())

    @property
    def log_mean_radius(self) -> float:
        """Mean over the axes of the logarithm of the half-length: −log det Q / (2d)."""
        return -float(np.log(np.abs(np.diagonal(self.root))).mean())

    def scaled(self, factor: float) -> Ellipsoid:
        """Return the ellipsoid with every axis multiplied by ``factor``. Raises ValueError if that is not positive."""
        if not 0 < factor < np.inf:
            raise ValueError(f"an ellipsoid can only be scaled by a positive number, not by {factor}")
        return Ellipsoid(self.matrix / factor**2, self.root / factor)

    def contains(self, points: Float64[np.ndarray, "k d"], tolerance: float = 1e-9) -> Bool[np.ndarray, " k"]:
        """Return which points (k, d) satisfy xᵀQx ≤ 1 + tolerance."""
        return np.square(points @ self.root.T).sum(axis=1) <= 1 + tolerance

    def boundary(self, count: int, generator: np.random.Generator) -> Float64[np.ndarray, "count d"]:
        """Return points (count, d) of the boundary, images of uniform points of the sphere."""
        directions = generator.standard_normal((count, self.dimension))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        return solve_triangular(self.root, directions.T).T  # x = R⁻¹u, so xᵀQx = ‖u‖² = 1

    def scores(self, A: NDArray) -> Float64[np.ndarray, " n"]:
        """Return h_i = a_iᵀQ⁻¹a_i (n,) = max over x in E of (a_iᵀx)², A (n, d) read by blocks."""
        inverse = solve_triangular(self.root, np.eye(self.dimension))
        scores = np.empty(A.shape[0])
        for where, block in row_blocks(A):
            rows = block @ inverse
            np.einsum("ij,ij->i", rows, rows, out=scores[where])
        return scores

    def worst_violation(self, A: NDArray) -> float:
        """Return max over x in E and i of |a_iᵀx| − 1 = √(max h_i) − 1: at most 0 if E lies in P."""
        return float(np.sqrt(self.scores(A).max()) - 1)

    def largest_in(self, A: NDArray) -> Ellipsoid:
        """Return E scaled to touch P = {x : −1 ≤ Ax ≤ 1} from within: E/√(max h_i)."""
        return self.scaled(1 / float(np.sqrt(self.scores(A).max())))
