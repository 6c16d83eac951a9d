"""How a private ellipsoid compares with the true A: for experiments on public data, never for release."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_john.ellipsoid import Ellipsoid


@dataclass(frozen=True)
class Diagnostic:
    """Exact comparison with A. NOT PRIVATE: computed without noise, it must not leave with a release.

    ``worst_violation`` is max |a_iᵀx| − 1 over the ellipsoid, at most 0 inside the polytope;
    ``log_radius_loss`` the mean over the axes of log(radius of the reference / radius).
    """

    worst_violation: float
    fraction_held: float
    log_radius_loss: float
    private: bool = False


def diagnose(A: Float[np.ndarray, "n d"], ellipsoid: Ellipsoid, reference: Ellipsoid) -> Diagnostic:
    """Compare ``ellipsoid`` with A's polytope and with ``reference``, the non-private answer. Not private."""
    return Diagnostic(
        worst_violation=ellipsoid.worst_violation(A),
        fraction_held=float(np.mean(ellipsoid.scores(A) <= 1)),
        log_radius_loss=reference.log_mean_radius - ellipsoid.log_mean_radius,
    )
