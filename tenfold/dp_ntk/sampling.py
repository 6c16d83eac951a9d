"""The Gaussian sampling mechanism's draws: G with independent columns N(0, K), and K̃ = GGᵀ/k.

Two exact routes: through the features, without K (k ≪ n), and through a factor of K. GGᵀ is sufficient for the
covariance, so that releasing G tells no more than releasing K̃.

Legend:  n records · d features · m hidden units · k samples
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel, floating
from tenfold.privacy.noise import NoiseSource

Rows = Float[np.ndarray, "n d"]


def project(
    kernel: FiniteKernel | LimitKernel, rows: Rows, directions: Float[np.ndarray, "k d h"]
) -> Float[np.ndarray, "n k"]:
    """Return Φ(X)R, column j being x ↦ xᵀR_j a(Wx)/√m, for R_j (d, m), or σ xᵀR_j x, R_j (d, d), in the limit.

    One column at a time: neither Φ (n, dm) nor K (n, n) is formed.
    """
    rows = floating(rows)
    hidden = kernel.sd * rows if isinstance(kernel, LimitKernel) else kernel.hidden(rows)  # (n, h)
    G = np.empty((len(rows), len(directions)))
    for column, direction in enumerate(directions):
        G[:, column] = np.einsum("nh,nh->n", rows @ direction.astype(rows.dtype), hidden)
    return G


def direction_shape(kernel: FiniteKernel | LimitKernel, dimension: int) -> tuple[int, int]:
    """Return the shape of one R_j."""
    return dimension, dimension if isinstance(kernel, LimitKernel) else len(kernel.weights)


def sample_by_features(
    kernel: FiniteKernel | LimitKernel, rows: Rows, count: int, source: NoiseSource
) -> Float[np.ndarray, "n k"]:
    """Return G (n, k) with columns N(0, K(X, X)), forming neither K nor Φ: O(n·d·m) per column, O(d·m) memory."""
    shape = direction_shape(kernel, rows.shape[1])
    columns = [project(kernel, rows, source.gaussian((1, *shape), 1.0)) for _ in range(count)]
    return np.concatenate(columns, axis=1)


def factor(K: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n n"]:
    """Return F with FFᵀ = K for a symmetric positive semi-definite K; eigenvalues that rounding made negative are 0.

    An eigen-decomposition in float64: Cholesky fails on a kernel matrix that is singular up to rounding.
    """
    values, vectors = np.linalg.eigh(np.asarray(K, dtype=np.float64))
    return vectors * np.sqrt(np.maximum(values, 0.0))


def sample_by_factor(F: Float[np.ndarray, "n n"], count: int, source: NoiseSource) -> Float[np.ndarray, "n k"]:
    """Return G (n, k) with columns N(0, FFᵀ)."""
    return F @ source.gaussian((F.shape[1], count), 1.0)


def sampled_kernel(G: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n n"]:
    """Return K̃ = k⁻¹ Σ g_j g_jᵀ, whose mean is K, with E‖K̃ − K‖²_F = (tr²K + ‖K‖²_F)/k."""
    return G @ G.T / G.shape[1]
