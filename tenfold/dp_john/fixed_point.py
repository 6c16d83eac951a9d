"""The paper's iteration: w ← w∘h(w) from w = d/n, and the average of its iterates.

Source: Cohen, Cousins, Lee & Yang 2019 (the base method of arXiv:2408.06395).
Legend: n rows a_i, d columns, A (n, d), weights w (n,), leverage scores τ_i = h_i(w), T updates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, log, log1p

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from tenfold.dp_john.certificate import certificate_of, certify, leverage_scores
from tenfold.dp_john.solution import Solution

Scores = Callable[[NDArray, NDArray], NDArray]  # (A, weights) -> leverage scores, exact or estimated


@dataclass(frozen=True, eq=False)
class Round:
    """Round k = ``index`` = 1, 2, …: w_k (n,), its scores τ (n,), the mean of w_1 … w_k, and w_{k+1}."""

    index: int
    weights: Float64[np.ndarray, " n"]
    scores: Float64[np.ndarray, " n"]
    averaged: Float64[np.ndarray, " n"]
    last: Float64[np.ndarray, " n"]


def rounds_for(n: int, d: int, tolerance: float) -> int:
    """Return T = ⌈log(n/d)/log(1+ξ)⌉, at least 1: enough for max_i h_i(w̄) ≤ 1 + ξ with exact scores.

    log h_i is convex in w, so log h_i(w̄) ≤ T⁻¹ Σ_k log h_i(w_k) = T⁻¹ log(w_{T+1,i}/w_{1,i}) ≤ T⁻¹ log(n/d).
    Raises ValueError if ``tolerance`` is not positive, or not n ≥ d ≥ 1.
    """
    if not (tolerance > 0 and n >= d >= 1):
        raise ValueError(f"need tolerance > 0 and n ≥ d ≥ 1, not tolerance={tolerance}, n={n}, d={d}")
    return max(1, ceil(log(n / d) / log1p(tolerance)))


def initial_weights(n: int, d: int) -> Float64[np.ndarray, " n"]:
    """Return w_i = d/n (n,)."""
    return np.full(n, d / n)


def rounds(A: NDArray, scores: Scores = leverage_scores) -> Iterator[Round]:
    """Yield the rounds of w ← w∘τ without end; take as many as wanted.

    A (n, d) with no zero rows. ``scores`` gives τ: exact by default, or a ``SketchedScores`` or
    ``SampledScores``.
    Raises RankDeficient if the rows do not span the space.
    """
    n, d = A.shape
    weights = initial_weights(n, d)
    total = np.zeros(n)
    index = 0
    while True:
        index += 1
        tau = scores(A, weights)  # τ_i = ‖R⁻ᵀa_i‖², AᵀW_kA = RᵀR
        total += weights
        last = weights * tau  # w_{k+1} = w_k∘τ; Σw = d exactly if τ is exact (trace identity)
        yield Round(index, weights, tau, total / index, last)
        weights = last


def fixed_point(A: NDArray, updates: int, scores: Scores = leverage_scores) -> tuple[NDArray, NDArray]:
    """Return (w̄, w_{T+1}), both (n,) and scaled to Σw = d, after T = ``updates`` rounds.

    w̄ = T⁻¹ Σ_{k=1}^{T} w_k carries the proof; the last iterate is in practice far better and has none.
    Raises ValueError if ``updates`` < 1; RankDeficient if the rows do not span the space.
    """
    if updates < 1:
        raise ValueError(f"updates must be at least 1, not {updates}")
    for done in rounds(A, scores):
        if done.index == updates:
            break
    return scaled_to_dimension(done.averaged, A.shape[1]), scaled_to_dimension(done.last, A.shape[1])


def averaged(A: NDArray, tolerance: float, max_updates: int, scores: Scores = leverage_scores) -> Solution:
    """Return the averaged weights when an exact pass shows max_i h_i ≤ 1 + ξ, or after ``max_updates``.

    The pass is made every tenth of the updates so far, so that it costs little beside them.
    """
    check_at = 1
    for done in rounds(A, scores):
        if done.index < min(check_at, max_updates):
            continue
        weights = scaled_to_dimension(done.averaged, A.shape[1])
        certificate = certify(A, weights)
        if certificate.meets(tolerance) or done.index >= max_updates:
            break
        check_at = done.index + max(1, done.index // 10)
    return Solution(weights, done.index, certificate)


def last_iterate(A: NDArray, tolerance: float, max_updates: int) -> Solution:
    """Return w_k of the first round whose own exact scores show max_i h_i ≤ 1 + ξ, or the last allowed."""
    d = A.shape[1]
    for done in rounds(A):
        weights = scaled_to_dimension(done.weights, d)
        certificate = certificate_of(done.scores * (done.weights.sum() / d), d)
        if certificate.meets(tolerance) or done.index > max_updates:
            break
    return Solution(weights, done.index - 1, certificate)


def scaled_to_dimension(weights: NDArray, d: int) -> Float64[np.ndarray, " n"]:
    """Return the weights (n,) times d/Σw, so that Σw = d."""
    return weights * (d / weights.sum())
