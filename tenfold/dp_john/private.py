"""The private John ellipsoid: one function over the five modes."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tenfold.dp_john.calibration import Calibration, UnusedArgument, calibrate
from tenfold.dp_john.domain import rows_in_domain
from tenfold.dp_john.input_perturbation import perturb_rows, perturb_rows_exactly, release_from_rows
from tenfold.dp_john.iterate_perturbation import release_iterates
from tenfold.dp_john.moment_perturbation import release_moment
from tenfold.dp_john.polytope import InvalidPolytope, validated_rows
from tenfold.dp_john.release import PrivateJohnResult
from tenfold.dp_john.truncated_noise import release_truncated
from tenfold.privacy.noise import NoiseSource


def release_private(
    A: Float[np.ndarray, "n d"],
    calibration: Calibration,
    *,
    tolerance: float | None = None,
    insecure_seed: int | None = None,
) -> PrivateJohnResult:
    """Run a calibrated mode on A (n, d), real, once; running it k times spends μ√k.

    ``tolerance`` (default 10⁻³) is the solver's, which modes ``input`` and ``input_exact`` run on the released rows.

    Raises UnusedArgument if another mode is given a tolerance; CalibrationMismatch if A has another shape than was
    calibrated for; InvalidPolytope, NonFiniteRow, ZeroRow or RowNormOutOfBounds if A is outside the public domain,
    before any noise is drawn; RankDeficient in mode ``paper``, or where the noisy rows are deficient; InvalidNoise if
    ``insecure_seed`` is neither None nor an integer ≥ 0; SensitivityUnbounded or ReleasedMatrixIndefinite if the
    noise left nothing to release, which is a function of the noise.
    """
    if tolerance is not None and calibration.mode not in ("input", "input_exact"):
        raise UnusedArgument(f"mode {calibration.mode!r} does not use tolerance: it solves nothing")
    source = NoiseSource(insecure_seed)
    rows = rows_in_domain(A, calibration)
    match calibration.mode:
        case "input" | "input_exact":
            perturb = perturb_rows if calibration.mode == "input" else perturb_rows_exactly
            noisy = perturb(rows, calibration, source)
            return release_from_rows(
                noisy, calibration, tolerance=tolerance or 1e-3, insecure_seed=insecure_seed is not None
            )
        case "iterate":
            return release_iterates(rows, calibration, source)
        case "moment":
            return release_moment(rows, calibration, source)
        case _:
            return release_truncated(validated_rows(rows), calibration, source)


def private_john_ellipsoid(
    A: Float[np.ndarray, "n d"],
    *,
    epsilon: float | None = None,
    delta: float | None = None,
    closeness: float | None = None,
    mode: str = "input",
    row_norm_bound: float | None = None,
    row_norm_floor: float | None = None,
    ridge: float | None = None,
    rounds: int | None = None,
    neighbours: str | None = None,
    noise_sd: float | None = None,
    fraction: float | None = None,
    failure_probability: float | None = None,
    tolerance: float | None = None,
    insecure_seed: int | None = None,
) -> PrivateJohnResult:
    """Return an (ε, δ)-differentially private ellipsoid for {x : −1 ≤ Ax ≤ 1}, A (n, d) real.

    Guarantee, in modes ``input``, ``input_exact`` and ``iterate``: towards every A' of the same shape that
    differs in one row, moved by at most ``closeness``. Mode ``moment``: towards a row replaced, or added or
    removed, and the result is not a John ellipsoid. Mode ``paper`` proves nothing. Assumed: every number
    given is public and was not chosen by looking at A; real arithmetic. Not protected: that A violates the
    public bounds, and running time. Noise comes from the operating system unless ``insecure_seed`` is
    given. See ``calibrate`` for what each mode needs; what it does not use is refused. Each call is a release of its
    own, and the budgets of several on the same rows are the user's to add.

    Raises InvalidBudget, InvalidCalibration, UnusedArgument and SensitivityUnbounded as ``calibrate`` does;
    InvalidPolytope and the others as ``release_private`` does.
    """
    shape = np.shape(A)
    if len(shape) != 2:
        raise InvalidPolytope(f"A must be a matrix (n, d), not of {len(shape)} axes")
    calibration = calibrate(
        mode,
        epsilon,
        delta,
        closeness,
        n=shape[0],
        d=shape[1],
        row_norm_bound=row_norm_bound,
        row_norm_floor=row_norm_floor,
        ridge=ridge,
        rounds=rounds,
        neighbours=neighbours,
        noise_sd=noise_sd,
        fraction=fraction,
        failure_probability=failure_probability,
    )
    return release_private(A, calibration, tolerance=tolerance, insecure_seed=insecure_seed)
