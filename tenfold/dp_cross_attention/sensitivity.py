"""ℓ2-sensitivities of the sketch M = Σ P(k_i) ⊗ [v_i; λ], for rows with ‖k‖ ≤ ρ and ‖v‖ ≤ ρ_v.

Write T for the largest ‖P(k)‖², κ = <P(k), P(k')> ∈ [−T, T]. Replacing (k, v) by (k', v') moves M by
‖u − u'‖² = ‖P(k)‖²(‖v‖² + λ²) + ‖P(k')‖²(‖v'‖² + λ²) − 2κ(<v, v'> + λ²).
"""

from __future__ import annotations

import math
from typing import Literal

from tenfold.dp_cross_attention.errors import InvalidSetting
from tenfold.privacy.gaussian import positive

Neighbours = Literal["replace_one", "add_remove"]
Released = Literal["joint", "numerator"]


def sketch_sensitivity(
    norm_squared: float,
    value_radius: float,
    denominator_weight: float,
    *,
    kernel_nonnegative: bool,
    neighbours: Neighbours = "replace_one",
    released: Released = "joint",
) -> float:
    """Return Δ, in the units of M.

    Replace-one, κ ≥ 0 (T_g with g even, e^s): the last term is at most 0 where <v, v'> + λ² ≥ 0, and at most
    2T(ρ_v² − λ²) elsewhere, so Δ² = 2T·max(2ρ_v², ρ_v² + λ²): with λ ≤ ρ_v it is 2ρ_v√T, reached at k = k', v' = −v,
    and the denominator is free. κ of any sign (random features): the triangle bound 2√(T(ρ_v² + λ²)).
    Add or remove a row: √(T(ρ_v² + λ²)). ``released="numerator"``: values are non-negative and the denominator's
    column is not released; then <v, v'> ≥ 0 and Δ = √2·ρ_v√T for κ ≥ 0, 2ρ_v√T otherwise, ρ_v√T for add or remove.

    Raises InvalidSetting if the relation or the release is unknown; InvalidBudget if a bound is not a number above
    zero.
    """
    T, rho_v = positive(norm_squared, "norm_squared"), positive(value_radius, "value_radius")
    if neighbours not in ("replace_one", "add_remove") or released not in ("joint", "numerator"):
        raise InvalidSetting(f"no sensitivity is known for neighbours={neighbours!r}, released={released!r}")
    if released == "numerator":
        squared = {True: 2.0, False: 4.0}[kernel_nonnegative] if neighbours == "replace_one" else 1.0
        return math.sqrt(squared * T) * rho_v
    lam = positive(denominator_weight, "denominator_weight")
    if neighbours == "add_remove":
        return math.sqrt(T * (rho_v**2 + lam**2))
    if kernel_nonnegative:
        return math.sqrt(2 * T * max(2 * rho_v**2, rho_v**2 + lam**2))
    return 2 * math.sqrt(T * (rho_v**2 + lam**2))
