"""The exact privacy loss of releasing k draws of N(0, K), for one pair of neighbours. An audit, not a guarantee.

In the coordinates in which both covariances are diagonal, ℓ_j are the eigenvalues of K^{1/2}K'⁻¹K^{1/2}; at most two
differ from 1, because K' differs from K in one row and column. The loss under K is
L = −(k/2)Σ ln ℓ_j + ½Σ(ℓ_j − 1)χ²_k, so that δ(ε) is a one-dimensional integral.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy import stats
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import brentq
from scipy.special import chdtr, chdtrc

PANELS = 24
NODES = 32  # a panel
TAIL = 1e-16  # mass left out of the integral at either end, added to δ
NEGLIGIBLE = 1e-13  # an eigenvalue this close to 1 carries no loss


class SingularCovariance(ValueError):
    """A covariance is singular, so that neighbours can be told apart for certain, or the loss has no meaning."""


def whitened_eigenvalues(
    K: Float[np.ndarray, "n n"], row: int, changed: Float[np.ndarray, " n"]
) -> Float[np.ndarray, 2]:
    """Return the two eigenvalues of K^{1/2}K'⁻¹K^{1/2} that may differ from 1, in descending order.

    K' is K with row and column ``row`` replaced by ``changed``: K' − K = eaᵀ + aeᵀ, so that they are the
    inverses of 1 + the eigenvalues of the 2×2 matrix [a e]ᵀK⁻¹[e a].

    Raises SingularCovariance if K or K' is not positive definite in float64.
    """
    change = np.asarray(changed, dtype=np.float64) - K[row]
    change[row] /= 2
    unit = np.zeros(len(K))
    unit[row] = 1.0
    try:
        factor = cho_factor(np.asarray(K, dtype=np.float64))
    except LinAlgError:
        raise SingularCovariance("K is singular in float64: two neighbours can be told apart for certain") from None
    solved = cho_solve(factor, np.stack([unit, change], axis=1))  # (n, 2)
    small = np.stack([change, unit]) @ solved  # (2, 2)
    values = 1 + np.real(np.linalg.eigvals(small))
    if not (values > 0).all():
        raise SingularCovariance("K' is singular in float64: two neighbours can be told apart for certain")
    return np.sort(1 / values)[::-1]


def deviation(eigenvalues: Float[np.ndarray, " j"]) -> float:
    """Return the exact Δ = ‖K^{1/2}K'⁻¹K^{1/2} − I‖_F."""
    return float(np.linalg.norm(np.asarray(eigenvalues) - 1))


def covariance_delta(epsilon: float, eigenvalues: Float[np.ndarray, " j"], samples: int) -> float:
    """Return the smallest δ for which k draws on this pair are (ε, δ)-indistinguishable, in both directions.

    δ(ε) = E[(1 − e^{ε−L})₊], by quadrature over the first χ²_k and in closed form over the second.

    Raises SingularCovariance if an eigenvalue is not finite and above 0.
    """
    values = np.asarray(eigenvalues, dtype=np.float64)
    if values.size > 2 or not (np.isfinite(values).all() and (values > 0).all()):
        raise SingularCovariance(f"at most two eigenvalues, finite and above 0, not {values}")
    return max(_one_direction(epsilon, values, samples), _one_direction(epsilon, 1 / values, samples))


@lru_cache(maxsize=64)
def _quadrature(samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and masses of χ²_k, by Gauss–Legendre panels over χ, whose density is smooth even for k = 1."""
    root = stats.chi(samples)
    edges = np.linspace(root.ppf(TAIL), root.isf(TAIL), PANELS + 1)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = np.diff(edges)[:, None] / 2
    r = (edges[:-1, None] + half + half * nodes).ravel()
    return r**2, (half * weights).ravel() * root.pdf(r)


def _one_direction(epsilon: float, values: np.ndarray, samples: int) -> float:
    values = values[np.abs(values - 1) > NEGLIGIBLE]
    if values.size == 0:
        return 0.0
    if values.size == 1:
        values = np.append(values, 1.0)
    first, second = values[np.argsort(np.abs(values - 1))]  # the second carries most, in closed form
    c, mass = _quadrature(samples)
    loss = -samples / 2 * (math.log(first) + math.log(second)) + (first - 1) / 2 * c  # without the second's χ²
    threshold = np.maximum(2 * (epsilon - loss) / (second - 1), 0.0)  # the second χ² beyond which L > ε
    tail = chdtrc if second > 1 else chdtr
    under_k = tail(samples, threshold)
    # under K' the second is χ²/ℓ₂; the first's change of law is in the exponent
    log_ratio = samples / 2 * math.log(first) - (first - 1) / 2 * c
    under_neighbour = np.exp(np.minimum(epsilon + log_ratio, 700.0)) * tail(samples, threshold * second)
    gain = np.maximum(under_k - under_neighbour, 0.0)
    return float(min(1.0, mass @ gain + 2 * TAIL))


def covariance_epsilon(
    delta: float, eigenvalues: Float[np.ndarray, " j"], samples: int, *, largest: float = 1e7
) -> float:
    """Return the smallest ε for which k draws on this pair are (ε, δ)-indistinguishable; inf beyond ``largest``."""
    if covariance_delta(0.0, eigenvalues, samples) <= delta:
        return 0.0
    high = 1.0
    while covariance_delta(high, eigenvalues, samples) > delta:
        high *= 2
        if high > largest:
            return math.inf
    return float(brentq(lambda e: covariance_delta(e, eigenvalues, samples) - delta, 0.0, high, xtol=1e-9, rtol=1e-9))
