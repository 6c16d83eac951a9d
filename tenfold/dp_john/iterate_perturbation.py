"""Mode ``iterate``: the paper's private fixed point, repaired so that it has a proof.

**Deviation:** the paper multiplies the weights by 1 + truncated Gaussian noise, whose support moves with
the data, so that no (ε, δ) follows; here log w gets Gaussian noise. The paper's Lipschitz constant is
replaced by ``round_sensitivity``, which needs public row norms r_min ≤ ‖a_i‖ ≤ r and a ridge λ₀. The
average weighs round k by 1/σ_k, and AᵀW̄A, which reads A again, is released with noise of its own.

Legend: A (…, n, d), public weights w_k (…, n) with Σw = d, M_k = AᵀW_kA + λ₀I, τ_i = a_iᵀM_k⁻¹a_i, T rounds.
Leading axes are independent runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import logsumexp, ndtri

from tenfold.dp_john.calibration import Calibration
from tenfold.dp_john.ellipsoid import Ellipsoid, NotPositiveDefinite
from tenfold.dp_john.release import (
    CLOSE_NEIGHBOURS,
    CLOSE_NOT_PROTECTED,
    COMMON_ASSUMPTIONS,
    PrivateJohnResult,
    ReleasedMatrixIndefinite,
)
from tenfold.dp_john.sensitivity import quadratic_form_sensitivity, round_sensitivity
from tenfold.privacy.noise import NoiseSource, symmetric_gaussian_norm_bound
from tenfold.privacy.statement import PrivacyStatement

Array = Float[np.ndarray, "..."]


@dataclass(frozen=True)
class Transcript:
    """The T released rounds: log w_k before each (T, …, n), noisy log w + log τ (T, …, n), and σ_k (T, …)."""

    log_weights: Float[np.ndarray, "T ... n"]
    noisy: Float[np.ndarray, "T ... n"]
    noise_sds: Float[np.ndarray, "T ..."]

    @property
    def round_weights(self) -> Float[np.ndarray, "T ..."]:
        """α_k = σ_k⁻¹/Σ_j σ_j⁻¹: a round counts as much as its noise is small."""
        return (1 / self.noise_sds) / (1 / self.noise_sds).sum(axis=0)

    @property
    def averaged(self) -> Float[np.ndarray, "... n"]:
        """w̄ = Σ_k α_k w_k (…, n), Σw̄ = d."""
        return np.sum(self.round_weights[..., None] * np.exp(self.log_weights), axis=0)


def log_scores(
    A: Float[np.ndarray, "... n d"], weights: Float[np.ndarray, "... n"], ridge: float
) -> Float[np.ndarray, "... n"]:
    """Return log τ_i = log a_iᵀ(AᵀWA + λ₀I)⁻¹a_i (…, n), by exact solves."""
    M = quadratic_form(A, weights) + ridge * np.eye(A.shape[-1])
    whitened = np.linalg.solve(np.linalg.cholesky(M), np.swapaxes(A, -1, -2))  # (…, d, n), M = RRᵀ
    return np.log(np.sum(whitened**2, axis=-2))


def quadratic_form(
    A: Float[np.ndarray, "... n d"], weights: Float[np.ndarray, "... n"]
) -> Float[np.ndarray, "... d d"]:
    """Return AᵀWA (…, d, d)."""
    scaled = A * np.sqrt(weights)[..., None]
    return np.swapaxes(scaled, -1, -2) @ scaled


def noisy_rounds(A: Float[np.ndarray, "... n d"], calibration: Calibration, source: NoiseSource) -> Transcript:
    """Run T rounds of log w ← log w + log τ + σ_k g, each of them (μ_main/√T)-GDP given those before it.

    σ_k = Δ_k√T/μ_main with Δ_k from the public w_k, so that every round costs the
    same whatever the transcript. T is fixed beforehand: stopping on a test of the data would leak.

    Raises SensitivityUnbounded if noise has made a weight so large that no bound holds; the error is a function of
    the transcript.
    """
    c = calibration
    c.require("iterate")
    assert c.rounds and c.mu_main and c.closeness and c.row_norm_bound and c.row_norm_floor and c.ridge
    n, d = A.shape[-2:]
    log_weights = np.full(A.shape[:-1], math.log(d / n))
    before, noisy, sds = [], [], []
    for _ in range(c.rounds):
        sensitivity = round_sensitivity(
            np.exp(log_weights),
            closeness=c.closeness,
            row_norm_bound=c.row_norm_bound,
            row_norm_floor=c.row_norm_floor,
            ridge=c.ridge,
        )
        sd = sensitivity.total * math.sqrt(c.rounds) / c.mu_main
        exact = log_weights + log_scores(A, np.exp(log_weights), c.ridge)
        released = exact + source.gaussian(exact.shape, sd[..., None])
        before.append(log_weights)
        noisy.append(released)
        sds.append(sd)
        log_weights = released - logsumexp(released, axis=-1, keepdims=True) + math.log(d)  # Σw = d
    return Transcript(np.stack(before), np.stack(noisy), np.stack(sds))


def release_matrix(
    A: Float[np.ndarray, "... n d"],
    weights: Float[np.ndarray, "... n"],
    calibration: Calibration,
    source: NoiseSource,
) -> tuple[Float[np.ndarray, "... d d"], Array]:
    """Return (AᵀW̄A + symmetric Gaussian noise, its sd), μ_release-GDP for public weights w̄."""
    c = calibration
    c.require("iterate")
    assert c.closeness and c.row_norm_bound and c.mu_release
    sensitivity = quadratic_form_sensitivity(weights, closeness=c.closeness, row_norm_bound=c.row_norm_bound)
    sd = sensitivity / c.mu_release
    exact = quadratic_form(A, weights)
    return exact + source.symmetric_gaussian(exact.shape, sd[..., None, None]), sd


def score_bound(transcript: Transcript, failure_probability: float) -> float:
    """Return B with max_i a_iᵀ(AᵀW̄A + λ₀I)⁻¹a_i ≤ B, but with probability β = ``failure_probability``.

    B is public, computed from the transcript alone. log aᵀM(w)⁻¹a is convex in w, so it is at most Σ_kα_k
    log τ_{k,i} = Σ_kα_k(released − log w_k)_i − Σ_kα_kσ_k g_{k,i}, and α_kσ_k = 1/Σ_jσ_j⁻¹ for every k
    makes the last sum exactly N(0, T)/Σ_jσ_j⁻¹.
    """
    rounds, n = transcript.noisy.shape
    increments = transcript.round_weights @ (transcript.noisy - transcript.log_weights)
    slack = math.sqrt(rounds) * -ndtri(failure_probability / n) / np.sum(1 / transcript.noise_sds)
    exponent = float(np.max(increments) + slack)
    return math.exp(exponent) if exponent < 700 else math.inf


def release_iterates(A: Float[np.ndarray, "n d"], calibration: Calibration, source: NoiseSource) -> PrivateJohnResult:
    """Run the rounds, release AᵀW̄A, and return the ellipsoid with bounds that hold with probability 1 − β.

    The released matrix is shifted by λ₀ plus a public bound c on the noise's spectral norm, so that it
    dominates AᵀW̄A + λ₀I, then multiplied by the smaller of ``score_bound`` and r²/λ₀: the ellipsoid lies
    in A's polytope. log vol(E*) ≤ const − ½ log det AᵀW̄A (weak duality), and AᵀW̄A ⪰ the shifted matrix −
    (λ₀ + 2c)I, so the reported volume gap includes the ridge.

    Raises SensitivityUnbounded as ``noisy_rounds`` does; ReleasedMatrixIndefinite if the noise exceeded its bound c
    and made the matrix indefinite.
    """
    c = calibration
    assert c.ridge and c.row_norm_bound
    transcript = noisy_rounds(A, c, source)
    matrix, sd = release_matrix(A, transcript.averaged, c, source)
    norm_bound = symmetric_gaussian_norm_bound(c.d, float(sd), c.failure_probability / 2)
    shifted = matrix + (c.ridge + norm_bound) * np.eye(c.d)
    bound = min(score_bound(transcript, c.failure_probability / 2), c.row_norm_bound**2 / c.ridge)
    try:
        ellipsoid = Ellipsoid(shifted * bound)
    except NotPositiveDefinite as error:
        raise ReleasedMatrixIndefinite(f"{error}: raise ridge = {c.ridge:g} or epsilon") from None
    return PrivateJohnResult(
        ellipsoid=ellipsoid,
        weights=transcript.averaged,
        certificate=None,
        containment_probability=1 - c.failure_probability,
        volume_gap=_volume_gap(shifted, bound, c.ridge + 2 * norm_bound),
        updates=len(transcript.noisy),
        method="noisy fixed point, averaged",
        privacy=statement(c, source.insecure_seed is not None),
        released={
            "noisy_log_weights": transcript.noisy,
            "noise_sds": transcript.noise_sds,
            "matrix": matrix,
            "score_bound": np.array(bound),
        },
    )


def _volume_gap(shifted: Float[np.ndarray, "d d"], bound: float, excess: float) -> float:
    eigenvalues = np.linalg.eigvalsh(shifted)
    if eigenvalues[0] <= excess:  # AᵀW̄A may be singular for all the release shows
        return math.inf
    return float(np.sum(np.log(bound * eigenvalues / (eigenvalues - excess))) / 2)


def statement(calibration: Calibration, insecure_seed: bool) -> PrivacyStatement:
    """Return the guarantee: all T noisy iterates and the noisy AᵀW̄A together are μ-GDP and (ε, δ)-DP."""
    c = calibration
    assert c.closeness is not None
    return PrivacyStatement(
        mechanism=f"{c.rounds} rounds of Gaussian noise on log weights, then Gaussian noise on AᵀWA",
        epsilon=c.epsilon,
        delta=c.delta,
        mu=c.mu,
        neighbour_relation=CLOSE_NEIGHBOURS.format(closeness=c.closeness),
        closeness=c.closeness,
        sensitivity="per round, from public weights: Δ_k² = max_i own_i² + (n − 1)b_i²; of AᵀWA: max_i w_i(2rε₀ + ε₀²)",
        assumptions=(
            *COMMON_ASSUMPTIONS,
            f"every row of every possible A has {c.row_norm_floor:g} ≤ ‖a_i‖ ≤ {c.row_norm_bound:g}",
            f"ridge {c.ridge:g} and {c.rounds} rounds were fixed beforehand; scores are exact, not sketched",
        ),
        not_protected=CLOSE_NOT_PROTECTED,
        proven=True,
        insecure_seed=insecure_seed,
    )
