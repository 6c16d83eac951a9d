"""The default solver: squared fixed-point rounds and Newton updates on few rows, checked against all rows.

At most d(d+1)/2 rows are needed to hold the John ellipsoid, and most of them are among those of highest
leverage under equal weights. So: (1) one Gram product and one pass for these leverages; (2) on the highest
w ← w∘h², scaled to Σw = d, about twice as fast as the paper's w ← w∘h; (3) one exact pass over all rows,
which is the certificate; (4) if it fails, (2) and then Newton's method on the rows with weight and those that
the pass found near or beyond the boundary, and (3) again.

**Deviation:** the paper runs its rounds on all rows, which costs two passes per round. h² has no proof of
convergence (the linearised map 1 − 2λ, λ ∈ [0, 1], is marginally stable); it is only ever a start.
Legend: n rows a_i, d columns, A (n, d), weights w (n,), h_i = a_iᵀ(AᵀWA)⁻¹a_i.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from tenfold.dp_john.certificate import Certificate, certificate_of, scores_under
from tenfold.dp_john.interior_point import RestrictedProblem
from tenfold.dp_john.solution import Solution
from tenfold.dp_john.whitening import Factor, cholesky_factor, factor_rows, whitened_under

SQUARED_ROUNDS = 20  # at the start
INNER = 0.6  # of the tolerance: what the few rows are solved to, so that all rows meet it
CUT = 0.05  # of the mean: rows whose w_i h_i is less leave the working set unless near the boundary
FAINT = 0.01  # of the mean weight: rows below it after squared rounds are left out of Newton's method
TIE = 1e-6  # relative difference below which leverages may be taken in any order
LATER_ROUNDS = 5  # before each run of Newton's method
DENSE_ROWS = 600  # rows up to which factoring Newton's matrix is as fast as conjugate gradients (3 MB)


def active_set(A: NDArray, tolerance: float, max_updates: int) -> Solution:
    """Return weights whose exact pass shows max_i h_i ≤ 1 + ξ, or the best after ``max_updates``.

    A (n, d) of rank d without zero rows, read by blocks, never copied. An update is a squared round or a
    Newton update.
    Raises RankDeficient if the rows do not span the space.
    """
    n, d = A.shape
    base = factor_rows(A)
    scores = scores_under(base, A)  # ∝ h for equal weights
    rows, X = _outermost(A, scores, base)
    start = np.square(scores[rows])  # the first squared round, from equal weights
    weights, updates, _ = squared_rounds(X, start, INNER * tolerance, min(max_updates, SQUARED_ROUNDS))
    best: Solution | None = None
    while True:
        base = base.then(factor_rows(X, weights))  # AᵀWA = RᵀR; from here on X is whitened by it
        scores = scores_under(base, A)
        certificate = certificate_of(scores, d)
        if best is None or best.certificate is None or certificate.gap < best.certificate.gap:
            best = Solution(_spread(rows, weights, n), updates, certificate)
        if certificate.meets(tolerance) or updates >= max_updates:
            return Solution(best.weights, updates, best.certificate)
        rows, weights = _working_set(rows, weights, scores, certificate)
        X = _whitened(A, rows, base)
        limit = min(max_updates - updates, LATER_ROUNDS)
        weights, more, reached = squared_rounds(X, weights, INNER * tolerance, limit)
        updates += more
        if not reached:
            keep = weights > FAINT * d / len(weights)
            if whitened_under(X[keep], weights[keep]) is not None:
                rows, X, weights = rows[keep], X[keep], weights[keep]
            problem = RestrictedProblem(X, weights, DENSE_ROWS)
            updates += max(1, problem.solve(INNER * tolerance, max_updates - updates))
            rows, X = rows[problem.indices], problem.X
            weights = problem.weights * (d / problem.weights.sum())


def squared_rounds(
    X: Float64[np.ndarray, "m d"], start: Float64[np.ndarray, " m"], tolerance: float, max_updates: int
) -> tuple[Float64[np.ndarray, " m"], int, bool]:
    """Return weights (m,) after rounds of w ← w∘h² from ``start``, how many, and whether max h ≤ 1 + ξ."""
    d = X.shape[1]
    weights = start * (d / start.sum())
    for update in range(max_updates):
        whitened = whitened_under(X, weights)
        if whitened is None:
            return start * (d / start.sum()), update, False
        scores = whitened[1]
        if scores.max() <= 1 + tolerance:
            return weights, update, True
        weights = weights * np.square(scores)
        weights *= d / weights.sum()
    return weights, max_updates, False


def _outermost(A: NDArray, scores: NDArray, base: Factor) -> tuple[NDArray, Float64[np.ndarray, "m d"]]:
    """Return the rows of highest leverage, and these rows whitened; more of them where they do not span."""
    n, d = A.shape
    count = min(n, 2 * d * (d + 1), 30 * d)
    while True:
        rows = _largest(scores, count)
        X = _whitened(A, rows, base)
        if count == n or cholesky_factor(X.T @ X) is not None:
            return rows, X
        # equal leverages, in an order that leaves a direction out (all sign vectors): take ties at random
        count = min(n, 4 * count)
        scores = scores * (1 + TIE * np.random.default_rng(0).random(n))


def _working_set(rows: NDArray, weights: NDArray, scores: NDArray, certificate: Certificate) -> tuple[NDArray, NDArray]:
    """Return the rows that hold weight or come within the gap of the boundary, and weights to start from."""
    d = certificate.dimension
    mean = d / len(weights)
    near = scores > 1 - min(certificate.gap, 0.5)
    full = _spread(rows, weights, len(scores))
    held = full * scores > CUT * mean  # w_i h_i sums to d, and to 1 in every direction: no direction is lost
    limit = max(2 * d * (d + 1), 2 * int(held.sum()))
    chosen = np.flatnonzero(near | held)
    if len(chosen) > limit:
        others = np.flatnonzero(near & ~held)
        others = others[_largest(scores[others], limit - int(held.sum()))]
        chosen = np.sort(np.concatenate([np.flatnonzero(held), others]))
    return chosen, np.maximum(full[chosen], np.where(scores[chosen] > 1, mean, CUT * mean))


def _whitened(A: NDArray, rows: NDArray, base: Factor) -> Float64[np.ndarray, "m d"]:
    """Return the rows of A R⁻¹ (m, d), R the factor of AᵀA: well-conditioned whatever A is."""
    return base.whiten(np.asarray(A[rows], dtype=np.float64))


def _largest(values: NDArray, count: int) -> NDArray:
    """Return the indices, ascending, of the ``count`` largest values."""
    if count >= len(values):
        return np.arange(len(values))
    return np.sort(np.argpartition(values, -count)[-count:])


def _spread(rows: NDArray, weights: NDArray, n: int) -> Float64[np.ndarray, " n"]:
    full = np.zeros(n)
    full[rows] = weights
    return full
