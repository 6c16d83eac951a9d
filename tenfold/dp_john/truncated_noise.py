"""Mode ``paper``: the paper's truncated Gaussian noise on the weights, at an sd that the user gives. No proven ε.

The support of w(1 + z), z in [−c, c], moves with w: an output that one input can give and its neighbour
cannot has positive probability (``gaps.truncation_mass``), and Q = AᵀW̄A is released exactly. This mode
exists to measure what the paper's method does, not to protect anything.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr, ndtri

from tenfold.dp_john.calibration import Calibration
from tenfold.dp_john.certificate import certify, factor_weighted, leverage_scores
from tenfold.dp_john.ellipsoid import Ellipsoid
from tenfold.dp_john.fixed_point import fixed_point
from tenfold.dp_john.release import CLOSE_NEIGHBOURS, PrivateJohnResult
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import PrivacyStatement

Array = Float[np.ndarray, "..."]


def truncated_gaussian(shape: tuple[int, ...], sd: float, cutoff: float, source: NoiseSource) -> Array:
    """Return N(0, sd²) conditioned on [−cutoff, cutoff], by inverting its distribution function."""
    lowest = ndtr(-cutoff / sd)
    return sd * ndtri(lowest + source.uniform(shape) * (1 - 2 * lowest))


def noisy_fixed_point(
    A: Float[np.ndarray, "n d"], calibration: Calibration, source: NoiseSource
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return (w̄, w_{T+1}) of w ← w∘τ∘(1 + z) (n,), scaled to Σw = d; with sd 0 those of ``fixed_point``.

    Raises RankDeficient if the weighted rows do not span the space.
    """
    c = calibration
    c.require("paper")
    assert c.rounds is not None and c.noise_sd is not None and c.truncation is not None
    sd, cutoff = c.noise_sd, c.truncation

    def noisy_scores(A: Float[np.ndarray, "n d"], weights: Float[np.ndarray, " n"]) -> np.ndarray:
        tau = leverage_scores(A, weights)
        return tau if sd == 0 else tau * (1 + truncated_gaussian(tau.shape, sd, cutoff, source))

    return fixed_point(A, c.rounds, noisy_scores)


def release_truncated(A: Float[np.ndarray, "n d"], calibration: Calibration, source: NoiseSource) -> PrivateJohnResult:
    """Return the averaged weights and the exact Q = AᵀW̄A: nothing is proven private.

    Raises RankDeficient if the weighted rows do not span the space.
    """
    c = calibration
    assert c.rounds is not None
    weights, _ = noisy_fixed_point(A, c, source)
    certificate = certify(A, weights)
    return PrivateJohnResult(
        ellipsoid=Ellipsoid.from_factor(np.sqrt(certificate.max_leverage) * factor_weighted(A, weights).matrix),
        weights=weights,
        certificate=certificate,
        containment_probability=1.0,
        volume_gap=certificate.volume_gap,
        updates=c.rounds,
        method="fixed point with truncated Gaussian noise, averaged",
        privacy=statement(c, source.insecure_seed is not None),
        released={"weights": weights},
    )


def statement(calibration: Calibration, insecure_seed: bool) -> PrivacyStatement:
    """Return the statement that nothing is proven."""
    c = calibration
    close = CLOSE_NEIGHBOURS.format(closeness=c.closeness) if c.closeness else "none: nothing is proven"
    return PrivacyStatement(
        mechanism=f"weights times 1 + Gaussian noise of sd {c.noise_sd:g} truncated to ±{c.truncation:g}; exact AᵀWA",
        epsilon=None,
        delta=None,
        mu=None,
        neighbour_relation=close,
        closeness=c.closeness,
        sensitivity="not bounded",
        assumptions=(),
        not_protected=("anything: the noise's support depends on A, and AᵀWA and the certificate are exact",),
        proven=False,
        insecure_seed=insecure_seed,
    )
