"""Modes ``input`` and ``input_exact``: release Ã = A + noise once; the ellipsoid is computed from Ã alone."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from tenfold.dp_john.calibration import Calibration
from tenfold.dp_john.certificate import certify
from tenfold.dp_john.ellipsoid import Ellipsoid
from tenfold.dp_john.polytope import InvalidPolytope
from tenfold.dp_john.release import (
    CLOSE_NEIGHBOURS,
    CLOSE_NOT_PROTECTED,
    COMMON_ASSUMPTIONS,
    PrivateJohnResult,
)
from tenfold.dp_john.solver import john_ellipsoid
from tenfold.privacy.discrete_gaussian import discrete_gaussian
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import RESEARCH_GRADE, PrivacyStatement

MOST_STEPS, EXACT_STEPS = 2.0**61, 2**52  # what int64 holds beside the noise, and what float64 holds exactly


class GridTooFine(InvalidPolytope):
    """The released rows are too large for exact arithmetic on the grid that the closeness asks for."""


def perturb_rows(
    A: Float[np.ndarray, "... n d"], calibration: Calibration, source: NoiseSource
) -> Float[np.ndarray, "... n d"]:
    """Return Ã = A + N(0, (ε₀/μ)²): the only place where this mode reads A.

    One row moves by at most ε₀, so A ↦ A has Frobenius sensitivity ε₀ and the release is μ-GDP.
    """
    calibration.require("input")
    assert calibration.noise_sd is not None
    return A + source.gaussian(A.shape, calibration.noise_sd)


def perturb_rows_exactly(
    A: Float[np.ndarray, "... n d"], calibration: Calibration, source: NoiseSource
) -> Float[np.ndarray, "... n d"]:
    """Return Ã = step·(round(A/step) + discrete Gaussian), in integers: no rounding left to attack.

    The step is a power of two, so that A/step, its rounding and the product are exact in float64. Entries beyond
    2⁶¹ steps are taken as that, which moves neighbours no further apart.

    Raises GridTooFine if a released entry is beyond 2⁵² steps: a function of what would be released, noise included,
    so that the refusal tells neighbours apart no better than the release.
    """
    calibration.require("input_exact")
    assert calibration.grid_step is not None and calibration.grid_variance is not None
    with np.errstate(over="ignore"):
        steps = np.rint(np.clip(A / calibration.grid_step, -MOST_STEPS, MOST_STEPS)).astype(np.int64)
    noisy = steps + discrete_gaussian(A.shape, calibration.grid_variance, source)
    if np.abs(noisy).max() > EXACT_STEPS:
        raise GridTooFine(
            f"a noisy entry exceeds 2⁵² grid steps of {calibration.grid_step:g}, so that float64 cannot hold it: "
            "rescale by public numbers, or use a larger closeness. The release was made, and is spent"
        )
    return noisy * calibration.grid_step


def row_noise_bound(noise_sd: float, n: int, d: int, failure_probability: float) -> float:
    """Return sd(√d + √(2 ln(n/β))): no ‖z_i‖ of n rows of noise exceeds it, but with probability β.

    The bound holds for Gaussian noise (‖·‖ is 1-Lipschitz) and for discrete Gaussian noise (sub-Gaussian with the
    same sd: Hsu, Kakade & Zhang 2012, Theorem 1).
    """
    return noise_sd * (math.sqrt(d) + math.sqrt(2 * math.log(n / failure_probability)))


def containment_margin(inner: Ellipsoid, longest_difference: float) -> float:
    """Return g such that ``inner``, in Ã's polytope, lies in A's once its axes are divided by 1 + g.

    For x in ``inner`` |a_iᵀx| ≤ |ã_iᵀx| + |(ã_i − a_i)ᵀx| ≤ 1 + ‖ã_i − a_i‖·√‖Q̃⁻¹‖ where no row differs by more
    than ``longest_difference``. The bound must hold for every x at once, because Q̃ depends on the noise: a
    bound for a fixed x would be smaller, and wrong.
    """
    longest_axis = 1 / float(np.linalg.svd(inner.root, compute_uv=False)[-1])  # √‖Q̃⁻¹‖
    return longest_difference * longest_axis


def release_from_rows(
    rows: Float[np.ndarray, "n d"], calibration: Calibration, *, tolerance: float, insecure_seed: bool
) -> PrivateJohnResult:
    """Return the result that follows from the released rows Ã: post-processing, which never sees A.

    Raises InvalidPolytope if the noise left Ã without an ellipsoid (rank-deficient).
    """
    calibration.require("input", "input_exact")
    assert calibration.noise_sd is not None and calibration.n is not None
    rounding = (calibration.grid_step or 0.0) * math.sqrt(calibration.d) / 2
    solved = john_ellipsoid(rows, tolerance=tolerance)
    touching = solved.ellipsoid.largest_in(rows)
    longest_noise = row_noise_bound(calibration.noise_sd, calibration.n, calibration.d, calibration.failure_probability)
    margin = containment_margin(touching, longest_noise + rounding)
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
    """Return the guarantee: Ã and anything computed from it are (ε, δ)-DP, in mode ``input`` μ-GDP."""
    c = calibration
    assert c.closeness is not None
    if c.grid_step is None:
        mechanism = f"Gaussian noise of sd {c.noise_sd:.6g} on every entry of A"
        sensitivity, arithmetic = f"‖A − A'‖_F ≤ {c.closeness:g}", RESEARCH_GRADE
    else:
        mechanism = f"discrete Gaussian noise of sd {c.noise_sd:.6g} on A rounded to a grid of {c.grid_step:g}"
        sensitivity = f"‖A − A'‖_F ≤ {c.closeness:g} + step·√d = {c.closeness + c.grid_step * math.sqrt(c.d):g}"
        arithmetic = "exact: integer noise on a public grid; the noise's timing is not constant"
    return PrivacyStatement(
        mechanism=mechanism,
        epsilon=c.epsilon,
        delta=c.delta,
        mu=c.mu,
        neighbour_relation=CLOSE_NEIGHBOURS.format(closeness=c.closeness),
        closeness=c.closeness,
        sensitivity=sensitivity,
        assumptions=COMMON_ASSUMPTIONS,
        not_protected=CLOSE_NOT_PROTECTED,
        proven=True,
        insecure_seed=insecure_seed,
        arithmetic=arithmetic,
    )
