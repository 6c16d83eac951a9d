"""Mode ``moment``: rows may change freely. The result is not a John ellipsoid.

When one row may be replaced, no private method finds the John ellipsoid (``gaps.replacement_lower_bound``).
This mode gives the shape of a noisy AᵀA and a private quantile of the rows' scores for its scale, so that a
*fraction* of the constraints hold.

Legend: A (…, n, d), S the noisy AᵀA made positive definite, scores s_i = a_iᵀS⁻¹a_i, K candidate levels.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

from tenfold.dp_john.calibration import Calibration
from tenfold.dp_john.ellipsoid import Ellipsoid
from tenfold.dp_john.release import (
    COMMON_ASSUMPTIONS,
    COMMON_NOT_PROTECTED,
    PrivateJohnResult,
    ReleasedMatrixIndefinite,
)
from tenfold.privacy.noise import NoiseSource, symmetric_gaussian_norm_bound
from tenfold.privacy.statement import PrivacyStatement

LEVELS = 512
SMALLEST_LEVEL = 1e-6  # relative to the largest score that the public bound allows
NEIGHBOUR_RELATIONS = {
    "replace": "A and A' have the same shape and differ in one row, replaced freely within the norm bound",
    "add_remove": "A' is A with one row added or removed, within the norm bound",
}

Array = Float[np.ndarray, "..."]
IntArray = Int[np.ndarray, "..."]


def noisy_moment(
    A: Float[np.ndarray, "... n d"], calibration: Calibration, source: NoiseSource
) -> Float[np.ndarray, "... d d"]:
    """Return AᵀA plus symmetric Gaussian noise (…, d, d), μ_main-GDP."""
    calibration.require("moment")
    assert calibration.noise_sd is not None
    exact = np.swapaxes(A, -1, -2) @ A
    return exact + source.symmetric_gaussian(exact.shape, calibration.noise_sd)


def positive_moment(noisy: Float[np.ndarray, "... d d"], calibration: Calibration) -> Float[np.ndarray, "... d d"]:
    """Return S, the noisy moment plus twice a public bound on the noise's norm: post-processing.

    Raises ReleasedMatrixIndefinite if the noise exceeded twice its bound.
    """
    assert calibration.noise_sd is not None
    shift = symmetric_gaussian_norm_bound(calibration.d, calibration.noise_sd, calibration.failure_probability / 2)
    S = noisy + 2 * shift * np.eye(calibration.d)
    if np.linalg.eigvalsh(S).min() <= 0:
        raise ReleasedMatrixIndefinite("the noise outweighs AᵀA even after its bound was added twice: raise epsilon")
    return S


def candidate_levels(S: Float[np.ndarray, "... d d"], row_norm_bound: float) -> Float[np.ndarray, "... K"]:
    """Return K public levels (…, K), geometric up to r²/λ_min(S), which no score can exceed."""
    largest = row_norm_bound**2 / np.linalg.eigvalsh(S)[..., :1]
    return largest * np.geomspace(SMALLEST_LEVEL, 1.0, LEVELS)


def selection_slack(calibration: Calibration) -> float:
    """Return (2/ε) ln(K/(β/2)): the level falls short by more rows with probability at most β/2."""
    assert calibration.selection_epsilon is not None
    return 2 / calibration.selection_epsilon * math.log(LEVELS / (calibration.failure_probability / 2))


def utilities(
    scores: Float[np.ndarray, "... n"], levels: Float[np.ndarray, "... K"], target: float
) -> Float[np.ndarray, "... K"]:
    """Return u_j = −max(0, target − #{s ≤ c_j}, #{s ≤ c_{j−1}} − target) (…, K): 0 where c_j is the quantile.

    One row changes each count by at most 1 and, where n is private, the target by at most 1 in the same
    direction (min(n, qn + slack) grows with n by 0 to 1): each utility by at most 1.
    """
    counts: Int[np.ndarray, "... K"] = np.sum(scores[..., None, :] <= levels[..., :, None], axis=-1)
    counts[..., -1] = scores.shape[-1]  # rounding must not leave a row above the largest level
    before = np.concatenate([np.zeros_like(counts[..., :1]), counts[..., :-1]], axis=-1)
    return -np.maximum(0.0, np.maximum(target - counts, before - target))


def select_level(
    A: Float[np.ndarray, "... n d"],
    S: Float[np.ndarray, "... d d"],
    calibration: Calibration,
    source: NoiseSource,
) -> IntArray:
    """Return the index of a level by the exponential mechanism, (ε_s, 0)-DP given S, hence μ_release-GDP."""
    c = calibration
    c.require("moment")
    assert c.selection_epsilon and c.row_norm_bound
    levels = candidate_levels(S, c.row_norm_bound)
    u = utilities(row_scores(A, S), levels, selection_target(A.shape[-2], c))
    return np.argmax(c.selection_epsilon / 2 * u + source.gumbel(u.shape), axis=-1)


def row_scores(A: Float[np.ndarray, "... n d"], S: Float[np.ndarray, "... d d"]) -> Float[np.ndarray, "... n"]:
    """Return s_i = a_iᵀS⁻¹a_i (…, n)."""
    whitened = np.linalg.solve(np.linalg.cholesky(S), np.swapaxes(A, -1, -2))
    return np.sum(whitened**2, axis=-2)


def selection_target(n: int, calibration: Calibration) -> float:
    """Return min(n, qn + slack): the rows to cover so that qn are covered in spite of the noise."""
    assert calibration.fraction is not None
    return min(float(n), calibration.fraction * n + selection_slack(calibration))


def release_moment(A: Float[np.ndarray, "n d"], calibration: Calibration, source: NoiseSource) -> PrivateJohnResult:
    """Return {x : xᵀSx ≤ 1/c}: at least min(qn, n − slack) constraints hold on it, but with probability β/2.

    Raises ReleasedMatrixIndefinite as ``positive_moment`` does.
    """
    c = calibration
    assert c.row_norm_bound is not None
    noisy = noisy_moment(A, c, source)
    S = positive_moment(noisy, c)
    level = candidate_levels(S, c.row_norm_bound)[select_level(A, S, c, source)]
    return PrivateJohnResult(
        ellipsoid=Ellipsoid(S * level),
        weights=None,
        certificate=None,
        containment_probability=None,
        volume_gap=None,
        updates=0,
        method=f"noisy moment, scaled to hold {c.fraction:.0%} of the constraints; not a John ellipsoid",
        privacy=statement(c, source.insecure_seed is not None),
        released={"moment": noisy, "level": np.array(level), "slack": np.array(selection_slack(c))},
    )


def statement(calibration: Calibration, insecure_seed: bool) -> PrivacyStatement:
    """Return the guarantee: the noisy moment and the level together are μ-GDP and (ε, δ)-DP."""
    c = calibration
    assert c.row_norm_bound is not None
    factor = "√2 r²" if c.neighbours == "replace" else "r²"
    n_known = {"replace": "n is public", "add_remove": "δ is well below 1/n, which is secret and not compared with δ"}
    return PrivacyStatement(
        mechanism="Gaussian noise on AᵀA, then a quantile by the exponential mechanism; not a John ellipsoid",
        epsilon=c.epsilon,
        delta=c.delta,
        mu=c.mu,
        neighbour_relation=NEIGHBOUR_RELATIONS[c.neighbours],
        closeness=None,
        sensitivity=f"‖AᵀA − A'ᵀA'‖_F ≤ {factor} with r = {c.row_norm_bound:g}; counts of rows by 1",
        assumptions=(*COMMON_ASSUMPTIONS, n_known[c.neighbours]),
        not_protected=COMMON_NOT_PROTECTED,
        proven=True,
        insecure_seed=insecure_seed,
    )
