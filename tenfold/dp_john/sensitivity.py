"""How far one round of the fixed point, and the matrix AᵀWA, can move when one row moves by the closeness.

Rows a_i of A have public bounds r_min ≤ ‖a_i‖ ≤ r. Neighbours A and A' differ in one row, ‖a_i − a_i'‖ ≤ ε₀.
Weights w are public: the transcript so far. M = AᵀWA + λ₀I and τ_j = a_jᵀM⁻¹a_j.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Array = Float[np.ndarray, "..."]


class SensitivityUnbounded(ValueError):
    """One row can move M by as much as M itself, so that no bound on log τ holds."""


@dataclass(frozen=True)
class RoundSensitivity:
    """Bounds on |log τ'_j − log τ_j| when row i moves: ``own`` for j = i, ``others`` for j ≠ i.

    Both are (…, n) over i. ``total`` (…) bounds the ℓ2 norm of the whole vector's change, whichever row
    moves.
    """

    own: Float[np.ndarray, "... n"]
    others: Float[np.ndarray, "... n"]
    total: Array


def round_sensitivity(
    weights: Float[np.ndarray, "... n"],
    *,
    closeness: float,
    row_norm_bound: float,
    row_norm_floor: float,
    ridge: float,
) -> RoundSensitivity:
    """Return the sensitivity of log τ at public ``weights`` (…, n), float64.

    Proof. Write u = M^{-1/2}a_i and v = M^{-1/2}(a_i' − a_i). As M ⪰ λ₀I, √w_i‖v‖ ≤ √w_i ε₀/√λ₀ = ν; as M ⪰
    w_i a_i a_iᵀ + λ₀I, w_i‖u‖² ≤ w_i r²/(w_i r² + λ₀) = t. So M^{-1/2}(M' − M)M^{-1/2} = w_i(uvᵀ + vuᵀ +
    vvᵀ) has spectral norm at most η = ν(2√t + ν), and (1 − η)M ⪯ M' ⪯ (1 + η)M moves every log aᵀM⁻¹a by at
    most b = −log(1 − η). The moved row itself changes as well, by 2 log(‖u + v‖/‖u‖) ≤ 2 log(1 +
    ε₀√(λ_pub/λ₀)/r_min), where λ_max(M) ≤ λ_pub = r²Σw + λ₀; exchanging A and A' gives the same bound
    below.

    Raises SensitivityUnbounded if η ≥ 1 for some row, which depends on public numbers only.
    """
    nu = np.sqrt(weights / ridge) * closeness
    weighted = weights * row_norm_bound**2
    t = weighted / (weighted + ridge)
    eta = nu * (2 * np.sqrt(t) + nu)
    if not np.all(eta < 1):
        raise SensitivityUnbounded(
            f"one row can move M by a factor η = {np.max(eta):.3g} of itself, which must be below 1: raise ridge = "
            f"{ridge:g} or lower closeness = {closeness:g} (largest weight {np.max(weights):.3g}, row_norm_bound = "
            f"{row_norm_bound:g})"
        )
    others = -np.log1p(-eta)
    largest = row_norm_bound**2 * weights.sum(axis=-1, keepdims=True) + ridge  # λ_pub
    own = others + 2 * np.log1p(closeness * np.sqrt(largest / ridge) / row_norm_floor)
    n = weights.shape[-1]
    total = np.sqrt(np.max(own**2 + (n - 1) * others**2, axis=-1))
    return RoundSensitivity(own=own, others=others, total=total)


def quadratic_form_sensitivity(
    weights: Float[np.ndarray, "... n"], *, closeness: float, row_norm_bound: float
) -> Array:
    """Return a bound on ‖A'ᵀWA' − AᵀWA‖_F at public ``weights``: max_i w_i(2rε₀ + ε₀²).

    Proof. With v = a_i' − a_i the change is w_i(a_i vᵀ + v a_iᵀ + vvᵀ).
    """
    return np.max(weights, axis=-1) * (2 * row_norm_bound * closeness + closeness**2)


def moment_sensitivity(neighbours: str, row_norm_bound: float) -> float:
    """Return a bound on ‖A'ᵀA' − AᵀA‖_F: √2 r² when a row is replaced, r² when one is added or removed.

    Proof. ‖a'a'ᵀ − aaᵀ‖_F² = ‖a'‖⁴ + ‖a‖⁴ − 2(aᵀa')² ≤ 2r⁴, and ‖aaᵀ‖_F = ‖a‖².
    """
    factor = {"replace": 2**0.5, "add_remove": 1.0}[neighbours]
    return factor * row_norm_bound**2
