"""The public domain of private modes: what A must satisfy, checked before any noise is drawn."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tenfold.arguments import unmasked
from tenfold.dp_john.calibration import Calibration, CalibrationMismatch
from tenfold.dp_john.polytope import InvalidPolytope, check_rows

SLACK = 2.0**-20  # relative: rows normalised in float32 are off by less, and are brought to their bound


class RowNormOutOfBounds(InvalidPolytope):
    """A row's norm is outside the public bounds that the sensitivity rests on."""


def rows_in_domain(A: Float[np.ndarray, "n d"], calibration: Calibration) -> Float[np.ndarray, "n d"]:
    """Return A as float64 after checking that it is in the domain over which the privacy proof holds.

    That A lies in the domain counts as public: an error tells its reader that it does not, and is not
    protected. Rank is not checked here, because a test of A's singular values would be a release of its
    own.

    Where neighbours are ``add_remove`` no error tells how many rows there are, nor which one is at fault.

    Raises InvalidPolytope if A is not a real matrix; CalibrationMismatch if it has another shape than was calibrated
    for; NonFiniteRow if a row has NaN or an infinity; ZeroRow if a row is zero; RowNormOutOfBounds if a row's norm is
    outside [row_norm_floor, row_norm_bound], where these are set, by more than float32's rounding; MaskedValues for a
    mask.
    """
    A = np.asarray(unmasked(A, "A"))
    if A.ndim != 2 or A.dtype.kind not in "fiu":
        raise InvalidPolytope(f"A must be a real matrix (n, d), not {A.dtype} with {A.ndim} axes")
    n_is_public = calibration.neighbours != "add_remove"
    if A.shape[1] != calibration.d or (n_is_public and A.shape[0] != calibration.n):
        found = A.shape if n_is_public else ("n", A.shape[1])
        expected = (calibration.n if n_is_public else "n", calibration.d)
        raise CalibrationMismatch(f"A has shape {found}; calibrated for {expected}")
    A = A.astype(np.float64)
    norms = np.linalg.norm(A, axis=1)
    try:
        check_rows(A)
        _check_norms(norms, calibration)
    except InvalidPolytope as error:
        if n_is_public:
            raise
        raise type(error)(
            "a row of A is zero, not finite, or longer than its public bound; which one would tell of the number of "
            "rows, which is secret"
        ) from None
    allowed = np.clip(norms, calibration.row_norm_floor, calibration.row_norm_bound)
    return A if np.array_equal(allowed, norms) else A * (allowed / norms)[:, None]


def _check_norms(norms: Float[np.ndarray, " n"], calibration: Calibration) -> None:
    floor, bound = calibration.row_norm_floor, calibration.row_norm_bound
    if bound is not None and norms.max(initial=0.0) > bound * (1 + SLACK):
        raise RowNormOutOfBounds(
            f"row {np.argmax(norms)} of A is longer than the public row_norm_bound = {bound:g}: "
            "use a bound that every possible row satisfies, not one read off the data"
        )
    if floor is not None and norms.min(initial=np.inf) < floor * (1 - SLACK):
        raise RowNormOutOfBounds(
            f"row {np.argmin(norms)} of A is shorter than the public row_norm_floor = {floor:g}: "
            "use a bound that every possible row satisfies, not one read off the data"
        )
