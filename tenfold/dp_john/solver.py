"""The John ellipsoid of a centrally symmetric polytope, with a certificate (no privacy).

Legend: n rows a_i, d columns, A (n, d), weights w (n,), P = {x : −1 ≤ Ax ≤ 1}, Q = AᵀWA.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike, NDArray

from tenfold.arguments import unmasked
from tenfold.dp_john.certificate import Certificate, certify, factor_weighted
from tenfold.dp_john.ellipsoid import Ellipsoid
from tenfold.dp_john.fixed_point import scaled_to_dimension
from tenfold.dp_john.polytope import check_rows, check_shape
from tenfold.dp_john.solution import Solution
from tenfold.dp_john.threads import one_thread

Method = Literal["auto", "active_set", "averaged", "last", "sketched", "wolfe_atwood", "khachiyan", "clarabel", "scs"]
DEFAULT_METHOD = "active_set"
MAX_UPDATES: dict[str, int] = {
    "active_set": 200,
    "averaged": 100_000,
    "last": 100_000,
    "sketched": 100_000,
    "wolfe_atwood": 1_000_000,
    "khachiyan": 10_000_000,
    "clarabel": 200,
    "scs": 100_000,
}


class InvalidTolerance(ValueError):
    """The tolerance is no finite number above 0."""


class NotConverged(RuntimeError):
    """The solver stopped before its certificate met the tolerance; ``result`` is what it reached."""

    def __init__(self, result: JohnResult, tolerance: float) -> None:
        super().__init__(
            f"{result.method} reached max leverage {result.certificate.max_leverage:.6g}, not "
            f"{1 + tolerance:.6g}, in {result.updates} updates. Allow more with max_updates, loosen the "
            "tolerance, or use method='auto'"
        )
        self.result = result


@dataclass(frozen=True, eq=False)
class JohnResult:
    """An approximate John ellipsoid.

    ``ellipsoid`` lies in P and touches it: {x : m·xᵀQx ≤ 1} with Q = AᵀWA and m the certificate's maximal
    leverage. ``weights`` (n,) ≥ 0 with Σw = d. ``privacy`` says what guarantee holds: None means none at all.
    """

    ellipsoid: Ellipsoid
    weights: Float64[np.ndarray, " n"]
    certificate: Certificate
    updates: int
    method: str
    privacy: Any = None


def john_ellipsoid(
    A: ArrayLike,
    tolerance: float = 1e-3,
    *,
    method: Method = "auto",
    max_updates: int | None = None,
    generator: np.random.Generator | None = None,
) -> JohnResult:
    """Return an ellipsoid in P = {x : −1 ≤ Ax ≤ 1} whose log-volume is within (d/2)·log(1+ξ) of the largest.

    A (n, d), real, n ≥ d, of rank d; ``tolerance`` ξ > 0. ``generator`` is for the sketched method alone (a
    fixed seed without it). No privacy: weights and ellipsoid are functions of A.
    Raises InvalidPolytope, NonFiniteRow, ZeroRow or RankDeficient if A is no bounded polytope; NotConverged if the
    certificate is not reached; InvalidTolerance; ValueError if the method is unknown.
    """
    if not 0 < tolerance < np.inf:
        raise InvalidTolerance(f"tolerance must be finite and above 0, not {tolerance}")
    if method not in get_args(Method):
        raise ValueError(f"unknown method {method!r}; there are {', '.join(get_args(Method))}")
    rows = np.asanyarray(unmasked(A, "A"))
    check_shape(rows)
    check_rows(rows)
    chosen = DEFAULT_METHOD if method == "auto" else method
    limit = MAX_UPDATES[chosen] if max_updates is None else max_updates
    solution = _solve(rows, tolerance, chosen, limit, generator)
    with one_thread():
        result = _result(rows, solution, chosen)
    if not result.certificate.meets(tolerance):
        raise NotConverged(result, tolerance)
    return result


def _solve(A: NDArray, tolerance: float, method: str, limit: int, generator: np.random.Generator | None) -> Solution:
    if method == "active_set":
        from tenfold.dp_john.active_set import active_set

        with one_thread():
            return active_set(A, tolerance, limit)
    if method in ("averaged", "last", "sketched"):
        from tenfold.dp_john import fixed_point, sketch

        if method == "last":
            return fixed_point.last_iterate(A, tolerance, limit)
        if method == "averaged":
            return fixed_point.averaged(A, tolerance, limit)
        scores = sketch.SketchedScores(sketch.sketch_size(tolerance), generator or np.random.default_rng(0))
        return fixed_point.averaged(A, tolerance, limit, scores)
    if method == "wolfe_atwood":
        from tenfold.dp_john.wolfe_atwood import wolfe_atwood

        return wolfe_atwood(A, tolerance, limit)
    if method == "khachiyan":
        from tenfold.dp_john.khachiyan import khachiyan

        return khachiyan(A, tolerance, limit)
    from tenfold.dp_john.convex_program import convex_program

    return convex_program(A, tolerance, limit, "CLARABEL" if method == "clarabel" else "SCS")


def _result(A: NDArray, solution: Solution, method: str) -> JohnResult:
    d = A.shape[1]
    weights = scaled_to_dimension(solution.weights, d)
    certificate = solution.certificate or certify(A, weights)
    R = factor_weighted(A, weights).matrix
    inscribed = Ellipsoid.from_factor(np.sqrt(certificate.max_leverage) * R)  # E/√m ⊆ P
    return JohnResult(inscribed, weights, certificate, solution.updates, method)
