"""How far the quadratic kernel matrix can move when one record moves by at most β: proven bounds.

With M = WᵀW/m (σ²I in the limit) and rows of norm at most B: an entry K_ij = ⟨x_i, x_j⟩⟨x_i, Mx_j⟩ off the
diagonal moves by at most 2‖M‖B³β, K_ii by at most 4‖M‖B³β.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float


def frobenius_sensitivity(n: int, closeness: float, *, row_norm: float = 1.0, operator_norm: float = 1.0) -> float:
    """Return ‖M‖B³β√(8(n − 1) + 16) ≥ ‖K − K'‖_F: 2(n − 1) entries move by 2‖M‖B³β, one by 4‖M‖B³β.

    ``operator_norm`` is ‖W‖_op/√m (σ in the limit). The bound is O(√n σ²B³β) with its constant.
    """
    return operator_norm**2 * row_norm**3 * closeness * math.sqrt(8 * (n - 1) + 16)


def whitened_bound(
    n: int, closeness: float, eta_min: float, *, row_norm: float = 1.0, operator_norm: float = 1.0
) -> float:
    """Return Δ ≥ ‖K^{1/2}K'⁻¹K^{1/2} − I‖_F, from a lower bound η_min on the eigenvalues of K and K'."""
    return frobenius_sensitivity(n, closeness, row_norm=row_norm, operator_norm=operator_norm) / eta_min


def published_bound(n: int, closeness: float, eta_min: float) -> float:
    """Return nβ/η_min, the Δ of the authors' code: √n looser for large n, and below the proven bound for n < 9."""
    return n * closeness / eta_min


def moved(K: Float[np.ndarray, "n n"], row: int, changed: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
    """Return K with row and column ``row`` replaced by ``changed``, the new record's kernel with all others."""
    neighbour = K.copy()
    neighbour[row, :] = neighbour[:, row] = changed
    return neighbour
