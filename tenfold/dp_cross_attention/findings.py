"""The six corrections to the paper's statements, each as numbers that decide it.

Legend: n rows, d key columns, s the paper's degree, r its number of features, R a bound on every entry, α and ε_s the
relative errors of its tree and of its polynomial.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention import dptree
from tenfold.dp_cross_attention.features import TaylorFeatures, features_of
from tenfold.dp_cross_attention.taylor import taylor, truncation_error


def paper_feature_count(dimension: int, degree: int) -> int:
    """Return r = C(2(d + s), 2s), the paper's count."""
    return math.comb(2 * (dimension + degree), 2 * degree)


def cells_over_operations(dimension: int) -> float:
    """Correction 1: memory Õ(n d r²) over initialisation Õ(n r²) of v1: cells that no operation filled, a factor d."""
    return float(dimension)


def cells_and_writes(dimension: int, degree: int, rows: int) -> tuple[int, int]:
    """Return the nodes of all trees of one memory (d_v = d) and the additions that fill them, counted on the code's
    own.

    Every one of r(d + 1) trees has 2N − 1 nodes; N leaves are filled from n rows, N − 1 nodes by one addition each.
    """
    r, N = math.comb(dimension + degree, degree), dptree.bins_for(rows)
    trees = r * (dimension + 1)
    return trees * (2 * N - 1), trees * (rows + N - 1)


def numerator_error_as_attention(rows: int, alpha: float, radius: float) -> float:
    """Correction 2: error of attention over v1's n⁻¹(α + ε_s), when the numerator is off by the factor 1 + α.

    One value column of ones: attention is 1, its error is α·N/D = α, and the ratio is n; it cannot be below n as an
    error of attention. As an error of the numerator AV/n it would be at most e^{R²}.
    """
    keys, query = np.full((rows, 1), radius), np.array([radius])
    weights = np.exp(keys @ query)
    attention_error = abs((1 + alpha) * weights.sum() / weights.sum() - 1.0)
    return attention_error / (alpha / rows)


def signed_values(bound: float, degree: int) -> tuple[float, float, float]:
    """Correction 3: exact and degree-g numerator for k = ±q with v = (1, −e^{2B}), and the true bound on the
    difference.

    The exact one is 0, so no relative bound can hold; |error| ≤ ε_s Σe^{s}|v| does.
    """
    s, v = np.array([bound, -bound]), np.array([1.0, -math.exp(2 * bound)])
    exact = float((np.exp(s) * v).sum())
    return exact, float((taylor(s, degree) * v).sum()), float(truncation_error(bound, degree) * (np.exp(s) @ np.abs(v)))


def denominator_over_n(
    queries: Float[np.ndarray, "m d"], keys: Float[np.ndarray, "n d"], temperature: float
) -> Float[np.ndarray, " m"]:
    """Correction 4: D/n of every query; the paper needs at least 1, signed vectors promise e^{−B} only.

    By Jensen D/n ≥ e^{<q, mean k>/τ}: keys centred on public rows come near 1 whatever is asked.
    """
    return np.exp(queries @ keys.T / temperature).mean(axis=1)


def rows_for_useful_bound(dimension: int, degree: int) -> int:
    """Correction 5: the n from which r²/n, the additive bound at ε = R = R_w = 1 without its logarithms, falls below
    R_w.
    """
    return paper_feature_count(dimension, degree) ** 2


def linear_identity(
    keys: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"], queries: Float[np.ndarray, "m d"], degree: int
) -> tuple[float, float]:
    """Correction 6: largest relative difference between the tree's sums and one vector, and of ℓ2² from three sums.

    Σ w_i<P(k_i), P(q)> = <P(q), Σ w_i P(k_i)>, and Σ w(x − y)² = Σwx² − 2yΣwx + y²Σw.
    """
    features = TaylorFeatures(keys.shape[1], degree, 1.0)
    P, Q = features_of(features, keys), features_of(features, queries)
    pairwise = (taylor(queries @ keys.T, degree) * weights).sum(axis=1)
    scale = (np.abs(taylor(queries @ keys.T, degree)) * np.abs(weights)).sum(axis=1)
    sums = Q @ (P.T @ weights)
    x, y = keys[:, 0], queries[:, 0]
    direct = (weights * (x - y[:, None]) ** 2).sum(axis=1)
    three = (weights * x**2).sum() - 2 * y * (weights * x).sum() + y**2 * weights.sum()
    size = (np.abs(weights) * (x - y[:, None]) ** 2).sum(axis=1)
    return float((np.abs(sums - pairwise) / scale).max()), float((np.abs(three - direct) / size).max())
