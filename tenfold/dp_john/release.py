"""What a private mode returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_john.certificate import Certificate
from tenfold.dp_john.ellipsoid import Ellipsoid
from tenfold.privacy.statement import PrivacyStatement


class ReleasedMatrixIndefinite(ValueError):
    """The noise outweighs the matrix that was released, so that it is no ellipsoid."""


@dataclass(frozen=True)
class PrivateJohnResult:
    """A private ellipsoid with everything that was released, all of it covered by ``privacy``.

    ``released`` holds the noisy quantities themselves; every other field is computed from them and from
    public numbers. ``certificate`` is of the released rows Ã, not of A, and is None where no rows are
    released. ``containment_probability`` is the probability, over the noise, with which the ellipsoid lies in
    A's polytope; ``volume_gap`` a bound on log vol(E*) − log vol(E) that holds with the same event. None
    means that nothing is claimed. Nothing in here was computed from A outside the mechanism.
    """

    ellipsoid: Ellipsoid
    weights: Float[np.ndarray, " n"] | None
    certificate: Certificate | None
    containment_probability: float | None
    volume_gap: float | None
    updates: int
    method: str
    privacy: PrivacyStatement
    released: Mapping[str, np.ndarray]


COMMON_ASSUMPTIONS = (
    "d and every number given to the calibration are public and were not chosen by looking at A",
    "every possible A lies in the public domain: finite, non-zero rows within the public norm bounds",
)
COMMON_NOT_PROTECTED = (
    "that A lies outside the public domain, when an error says so",
    "running time and memory",
    "A itself, wherever it is stored beside the release",
)
CLOSE_NOT_PROTECTED = (
    *COMMON_NOT_PROTECTED,
    "where a row lies beyond the closeness: moves larger than it can be seen",
)
CLOSE_NEIGHBOURS = "A and A' have the same shape and differ in one row, which moves by at most {closeness:g} in ℓ2 norm"
