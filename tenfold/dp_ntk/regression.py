"""Kernel ridge regression α = (K + λI)⁻¹Y, dense and by Woodbury for K̃ = GGᵀ/k with few columns.

Legend:  n records · C classes · k samples
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import LinAlgError, cho_factor, cho_solve

Targets = Float[np.ndarray, "n C"]


class SingularSystem(ValueError):
    """K + λI is not positive definite in this precision."""


def fit_dense(K: Float[np.ndarray, "n n"], Y: Targets, ridge: float) -> Targets:
    """Return α = (K + λI)⁻¹Y by Cholesky, in float64; K is not changed.

    Raises SingularSystem if the factorisation fails, as it does for a near-singular K with λ = 0.
    """
    system = np.array(K, dtype=np.float64)
    system[np.diag_indices_from(system)] += ridge
    if not (np.isfinite(system).all() and np.isfinite(Y).all()):
        raise SingularSystem("K or Y holds NaN or infinity: the noise is beyond float64, so ask for less of it")
    try:
        return cho_solve(cho_factor(system, lower=True, overwrite_a=True, check_finite=True), Y)
    except LinAlgError:
        raise SingularSystem(
            f"K + λI with λ = {ridge:g} is not positive definite in float64: take a larger λ, or the samples G "
            "with fit_woodbury"
        ) from None


def fit_woodbury(G: Float[np.ndarray, "n k"], Y: Targets, ridge: float) -> Targets:
    """Return α = (GGᵀ/k + λI)⁻¹Y = λ⁻¹(Y − G(kλI + GᵀG)⁻¹GᵀY) (Woodbury): O(nk² + k³) instead of O(n³).

    Where k ≥ n the dense form is the cheaper one and is used.

    Raises SingularSystem if λ ≤ 0, since GGᵀ has rank k < n.
    """
    n, k = G.shape
    if k >= n:
        return fit_dense(G @ G.T / k, Y, _positive(ridge))
    return (Y - G @ fit_primal(G, Y, ridge)) / _positive(ridge)


def fit_primal(G: Float[np.ndarray, "n k"], Y: Targets, ridge: float) -> Float[np.ndarray, "k C"]:
    """Return (kλI + GᵀG)⁻¹GᵀY = Gᵀα/k, the same solution in the k samples' coordinates."""
    k = G.shape[1]
    return fit_dense(G.T @ G, G.T @ Y, k * _positive(ridge))


def _positive(ridge: float) -> float:
    if not (np.isfinite(ridge) and ridge > 0):
        raise SingularSystem(f"λ = {ridge} must be finite and above 0: GGᵀ is singular")
    return ridge
