"""The primal as a convex program: maximise log det C subject to a_iᵀCa_i ≤ 1, through CVXPY.

Legend: n rows a_i, d columns, C = Q⁻¹ (d, d) the shape of E = {x : xᵀC⁻¹x ≤ 1}; weights = dual variables.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tenfold.dp_john.solution import Solution
from tenfold.dp_john.whitening import factor_rows


class ProgramFailed(RuntimeError):
    """The convex solver returned no solution."""


def convex_program(A: NDArray, tolerance: float, max_updates: int, solver: Literal["CLARABEL", "SCS"]) -> Solution:
    """Return the dual weights of the program as CLARABEL (interior point) or SCS (splitting) solves it.

    A (n, d) of rank d, whitened first. Stationarity C⁻¹ = Σ w_i a_i a_iᵀ makes the dual variables the
    weights; a solver leaves those of inactive rows slightly negative, within its tolerance, and they are set
    to zero (the certificate judges the result). CLARABEL runs to ξ/1000, SCS to ξ/10, at most 10⁻³.
    Raises ProgramFailed if the solver finds no solution; RankDeficient if the rows do not span the space.
    """
    import cvxpy

    d = A.shape[1]
    X = factor_rows(A).whiten(np.asarray(A, dtype=np.float64)) * np.sqrt(len(A) / d)
    C = cvxpy.Variable((d, d), PSD=True)
    touching = cvxpy.sum(cvxpy.multiply(X @ C, X), axis=1) <= 1
    program = cvxpy.Problem(cvxpy.Maximize(cvxpy.log_det(C)), [touching])
    try:
        program.solve(solver=solver, **_options(solver, tolerance, max_updates))
    except cvxpy.SolverError as error:
        raise ProgramFailed(f"{solver} failed on {len(A)} rows in {d} dimensions: {error}") from error
    if touching.dual_value is None:
        raise ProgramFailed(f"{solver} ended with status {program.status!r} and without dual variables")
    weights = np.maximum(touching.dual_value, 0.0)
    return Solution(weights * (d / weights.sum()), int(program.solver_stats.num_iters or 0))


def _options(solver: str, tolerance: float, max_updates: int) -> dict[str, float]:
    """Return the loosest settings under which the solver's weights were seen to meet the certificate."""
    if solver == "CLARABEL":
        accuracy = tolerance / 1000
        return {"max_iter": max_updates} | dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), accuracy)
    accuracy = min(1e-3, tolerance / 10)
    return {"max_iters": max_updates, "eps_abs": accuracy, "eps_rel": accuracy}
