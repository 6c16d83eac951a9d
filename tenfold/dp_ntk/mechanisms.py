"""The private modes: the only functions of the package that turn records into a release.

Each takes records X whose rows are at most 1 long and one-hot targets, checks them and what the calibration was made
for before drawing any noise (CalibrationMismatch), warns if δ ≥ 1/n, and returns a ``Release``. Functions that add
noise take runs as leading axes, for audits.

Legend:  n records · d features · k samples · p public features · C classes
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import stats

from tenfold.dp_ntk.calibration import Calibration, CalibrationMismatch
from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.release import Release
from tenfold.dp_ntk.sampling import factor, project, sample_by_factor
from tenfold.dp_ntk.statements import statement
from tenfold.dp_ntk.truncated_laplace import TruncatedLaplace
from tenfold.dp_ntk.validation import InvalidRows, check_one_hot, check_unit
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.weak_delta import warn_of_weak_delta

Array = Float[np.ndarray, "..."]
Rows = Float[np.ndarray, "n d"]
Targets = Float[np.ndarray, "n C"]
ETA_ROUNDING = 1e-13  # of λ_max: eigenvalues below it are 0 in float64
UNLIKELY = 1e-12  # the probability with which projections that were drawn as they should be are refused


class AssumptionFails(InvalidRows):
    """K's smallest eigenvalue is below the declared η_min, so that mode ``paper`` guarantees nothing."""


class NotSmooth(InvalidRows):
    """The kernel jumps when a record moves a little, so that closeness bounds nothing."""


def perturb_rows(X: Array, calibration: Calibration, source: NoiseSource) -> Array:
    """Return X̃ = X + N(0, (β/μ)²): one record moves by β, so that the release is μ-GDP."""
    calibration.require("input")
    assert calibration.noise_sd is not None
    return X + source.gaussian(X.shape, calibration.noise_sd)


def noisy_samples(signal: Array, calibration: Calibration, source: NoiseSource) -> Array:
    """Return G = ΦR + √λ₀N: given the public R, a Gaussian mechanism with variance λ₀."""
    calibration.require("ridge-sample")
    assert calibration.noise_variance is not None
    return signal + source.gaussian(signal.shape, float(np.sqrt(calibration.noise_variance)))


def noisy_targets(Y: Array, calibration: Calibration, source: NoiseSource) -> Array:
    """Return the targets ±1 with Gaussian noise, or as they are where the calibration counts them as public."""
    if calibration.label_noise_sd is None:
        return Y
    return Y + source.gaussian(Y.shape, calibration.label_noise_sd)


def noisy_moments(Z: Array, Y: Array, calibration: Calibration, source: NoiseSource) -> tuple[Array, Array]:
    """Return ZᵀZ and ZᵀY with Gaussian noise, for unit rows Z and centred one-hot Y."""
    calibration.require("ssp")
    assert calibration.noise_sd is not None and calibration.cross_noise_sd is not None
    transposed = np.swapaxes(Z, -1, -2)
    gram, cross = transposed @ Z, transposed @ Y
    gram = gram + source.symmetric_gaussian(gram.shape, calibration.noise_sd)
    return gram, cross + source.gaussian(cross.shape, calibration.cross_noise_sd)


def perturb_cross_rows(X: Array, calibration: Calibration, source: NoiseSource) -> Array:
    """Return X̃ = X + truncated Laplace noise, for the cross terms K(x, X̃) of mode ``paper``."""
    calibration.require("paper")
    assert calibration.laplace_scale is not None and calibration.laplace_bound is not None
    return X + TruncatedLaplace(calibration.laplace_scale, calibration.laplace_bound, 0.0).draw(X.shape, source)


def centred(Y: Targets) -> Targets:
    """Return one-hot targets ±1 as y − 1/C with y in {0, 1}, of norm √(1 − 1/C)."""
    return (Y + 1) / 2 - 1 / Y.shape[-1]


def release_input(
    X: Rows, Y: Targets, kernel: FiniteKernel | LimitKernel, calibration: Calibration, source: NoiseSource
) -> Release:
    """Release noisy records once; kernel, regression and cross terms are post-processing."""
    X = _checked("input", X, Y, calibration)
    arrays = {
        "rows": perturb_rows(X, calibration, source),
        "targets": noisy_targets(Y, calibration, source),
    }
    return Release("input", kernel, arrays, calibration.noise_sd, statement(calibration, source))


def release_ridge_sample(
    X: Rows,
    Y: Targets,
    kernel: FiniteKernel | LimitKernel,
    directions: Float[np.ndarray, "k d h"],
    calibration: Calibration,
    source: NoiseSource,
    *,
    projected: Float[np.ndarray, "n k"] | None = None,
) -> Release:
    """Release (R, G = ΦR + √λ₀N); R must have been drawn without looking at X.

    ``projected`` ΦR of these records and directions saves its computation.
    """
    X = _checked("ridge-sample", X, Y, calibration)
    calibration.require_at_most("diameter", kernel.diameter())
    calibration.require_equal("samples", len(directions), "directions")
    _check_directions(directions)
    if projected is not None and projected.shape != (len(X), len(directions)):
        raise CalibrationMismatch(f"projected must be (n, k) = {(len(X), len(directions))}, not {projected.shape}")
    arrays = {
        "samples": noisy_samples(
            project(kernel, X, directions) if projected is None else projected, calibration, source
        ),
        "directions": directions,
        "targets": noisy_targets(Y, calibration, source),
    }
    return Release("ridge-sample", kernel, arrays, None, statement(calibration, source))


def release_ssp(
    X: Rows, Y: Targets, features: RandomFeatures, calibration: Calibration, source: NoiseSource
) -> Release:
    """Release noisy ZᵀZ and ZᵀY; records and labels are protected."""
    calibration.require("ssp")
    if calibration.classes is None:
        raise CalibrationMismatch("calibrated for no number of classes: calibrate again with classes=")
    calibration.require_equal("d", len(features.weights), "features")
    Z = features.transform(_checked("ssp", X, Y, calibration))
    gram, cross = noisy_moments(Z, centred(Y), calibration, source)
    arrays = {"gram": gram, "cross": cross}
    return Release("ssp", features, arrays, calibration.noise_sd, statement(calibration, source))


def checked_factor(K: Float[np.ndarray, "n n"], eta_min: float) -> Float[np.ndarray, "n n"]:
    """Return F with FFᵀ = K, after comparing K's smallest eigenvalue with the declared η_min.

    Raises AssumptionFails if it is smaller, or 0 in float64; the refusal depends on the data and is not protected.
    """
    F = factor(K)
    values = np.sum(F**2, axis=0)  # the eigenvalues of K
    smallest = float(values.min())
    if smallest < eta_min or smallest <= ETA_ROUNDING * values.max():
        raise AssumptionFails(
            f"the smallest eigenvalue of K is {smallest:.3g}, below the declared eta_min = {eta_min:g}: "
            "mode 'paper' guarantees nothing here; use mode 'input' or 'ssp'"
        )
    return F


def release_paper(
    X: Rows,
    Y: Targets,
    kernel: FiniteKernel | LimitKernel,
    calibration: Calibration,
    source: NoiseSource,
    *,
    kernel_factor: Float[np.ndarray, "n n"] | None = None,
) -> Release:
    """Release X̃ and k draws of N(0, K), as the paper does. Conditional: nothing is proven without η_min.

    ``kernel_factor`` F with FFᵀ = K(X, X) saves its computation; without it η_min is checked first.

    Raises AssumptionFails or NotSmooth if the theorem's assumption does not hold for this K.
    """
    if not kernel.smooth:
        raise NotSmooth("a finite ReLU kernel jumps when a record moves a little: use the quadratic kernel or a limit")
    X = _checked("paper", X, Y, calibration)
    calibration.require_at_most("operator_norm", kernel.operator_norm)
    assert calibration.samples is not None and calibration.eta_min is not None
    F = checked_factor(kernel.matrix(X), calibration.eta_min) if kernel_factor is None else kernel_factor
    arrays = {
        "rows": perturb_cross_rows(X, calibration, source),
        "samples": sample_by_factor(F, calibration.samples, source),
        "targets": Y,
    }
    return Release("paper", kernel, arrays, None, statement(calibration, source))


def _checked(mode: str, X: Rows, Y: Targets, calibration: Calibration) -> Rows:
    calibration.require(mode)
    X = check_unit(X)
    calibration.require_equal("n", len(X), "records")
    if mode != "ssp":  # whose d are the public features
        calibration.require_equal("d", X.shape[1], "columns of X")
    if len(Y) != len(X):
        raise InvalidRows(f"{len(Y)} targets for {len(X)} records")
    if calibration.labels == "private":
        check_one_hot(Y)
        calibration.require_equal("classes", Y.shape[1], "classes")
    warn_of_weak_delta(calibration.delta, len(X))
    return X


def _check_directions(directions: Float[np.ndarray, "k d h"]) -> None:
    """The accountant counts on R from N(0, 1): longer projections than that show more than is paid for."""
    squares = float(np.square(directions).sum())
    if squares > stats.chi2.isf(UNLIKELY, directions.size):
        raise CalibrationMismatch(
            f"the projections' entries have sd {np.sqrt(squares / directions.size):.3g}, where the calibration counts "
            "on N(0, 1)"
        )
