"""Mode ``input``: release Ã = A + Gaussian noise once; the ellipsoid is computed from Ã alone."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from tenfold.dp_john.calibration import Calibration
from tenfold.dp_john.certificate import certify
from tenfold.dp_john.ellipsoid import Ellipsoid
from tenfold.dp_john.release import (
    CLOSE_NEIGHBOURS,
    COMMON_ASSUMPTIONS,
    COMMON_NOT_PROTECTED,
    PrivateJohnResult,
)
from tenfold.dp_john.solver import john_ellipsoid
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import PrivacyStatement


def perturb_rows(
    A: Float[np.ndarray, "... n d"], calibration: Calibration, source: NoiseSource
) -> Float[np.ndarray, "... n d"]:
    """Return Ã = A + N(0, (ε₀/μ)²): the only place where this mode reads A.

    One row moves by at most ε₀, so A ↦ A has Frobenius sensitivity ε₀ and the release is μ-GDP.
    """
    assert calibration.noise_sd is not None
    return A + source.gaussian(A.shape, calibration.noise_sd)


def containment_margin(inner: Ellipsoid, noise_sd: float, n: int, failure_probability: float) -> float:
    """Return g such that ``inner``, an ellipsoid in Ã's polytope, lies in A's once its axes are divided by
    1 + g.

    For x in it |a_iᵀx| ≤ |ã_iᵀx| + |z_iᵀx| ≤ 1 + ‖z_i‖·√‖Q̃⁻¹‖, and all n rows of noise have
    ‖z_i‖ ≤ sd(√d + √(2 ln(n/β))) but with probability β. The bound must hold for every x at once, because Q̃
    depends on the noise: a bound for a fixed x would be smaller, and wrong.
    """
    longest = 1 / float(np.linalg.svd(inner.root, compute_uv=False)[-1])  # √‖Q̃⁻¹‖, the longest half-axis
    spread = math.sqrt(inner.dimension) + math.sqrt(2 * math.log(n / failure_probability))
    return noise_sd * longest * spread


def release_from_rows(
    rows: Float[np.ndarray, "n d"], calibration: Calibration, *, tolerance: float, insecure_seed: bool
) -> PrivateJohnResult:
    """Return the result that follows from the released rows Ã: post-processing, which never sees A.

    Raises:
        InvalidPolytope: the noise left Ã without an ellipsoid (rank-deficient).
    """
    assert calibration.noise_sd is not None and calibration.n is not None
    solved = john_ellipsoid(rows, tolerance=tolerance)
    touching = solved.ellipsoid.largest_in(rows)
    margin = containment_margin(
        touching, calibration.noise_sd, calibration.n, calibration.failure_probability
    )
    return PrivateJohnResult(
        ellipsoid=touching.scaled(1 / (1 + margin)),
        weights=solved.weights,
        certificate=certify(rows, solved.weights),
        containment_probability=1 - calibration.failure_probability,
        volume_gap=None,
        updates=solved.updates,
        method=f"input perturbation, then {solved.method}",
        privacy=statement(calibration, insecure_seed),
        released={"rows": rows, "touching": touching.matrix, "margin": np.array(margin)},
    )


def statement(calibration: Calibration, insecure_seed: bool) -> PrivacyStatement:
    """Return the guarantee: releasing Ã, and anything computed from it, is μ-GDP and (ε, δ)-DP."""
    assert calibration.closeness is not None
    return PrivacyStatement(
        mechanism=f"Gaussian noise of sd {calibration.noise_sd:.6g} on every entry of A",
        epsilon=calibration.epsilon,
        delta=calibration.delta,
        mu=calibration.mu,
        neighbour_relation=CLOSE_NEIGHBOURS.format(closeness=calibration.closeness),
        closeness=calibration.closeness,
        sensitivity=f"‖A − A'‖_F ≤ {calibration.closeness:g}",
        assumptions=COMMON_ASSUMPTIONS,
        not_protected=(
            *COMMON_NOT_PROTECTED,
            "a row's position beyond the closeness: Ã shows it up to the noise",
        ),
        proven=True,
        insecure_seed=insecure_seed,
    )
