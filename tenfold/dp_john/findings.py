"""The gaps between the paper's claims and a proof, each as numbers that anyone can recompute.

The gaps concern arXiv:2408.06395, as far as the paper's abstract and summaries tell; each gap is a fact about
the John ellipsoid or about truncated noise, whatever the paper's proof says.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import ndtr

from tenfold.dp_john.calibration import calibrate
from tenfold.dp_john.fixed_point import fixed_point
from tenfold.dp_john.solver import john_ellipsoid
from tenfold.dp_john.truncated_noise import noisy_fixed_point
from tenfold.privacy.gaussian import gaussian_mu
from tenfold.privacy.noise import NoiseSource

Array = Float[np.ndarray, "..."]


def matrix_subspace(n: int, d: int, generator: np.random.Generator) -> tuple[float, float]:
    """Gap 1: return the distance of Q = AᵀWA from span{a_i a_iᵀ}, for A itself and for a neighbour.

    With n < d(d+1)/2 the span is a proper subspace of the symmetric matrices. An exact Q lies in that of
    its own A (0 to rounding) and almost surely not in that of a neighbour, whatever noise the weights had.
    The second distance is relative to the change of Q.
    Raises ValueError if not n < d(d+1)/2.
    """
    if n >= d * (d + 1) // 2:
        raise ValueError(f"n = {n} rows span all symmetric matrices of size {d}: take n below {d * (d + 1) // 2}")
    A = generator.standard_normal((n, d))
    neighbour = A.copy()
    neighbour[0] += 1e-3 * generator.standard_normal(d)
    weights = generator.uniform(0.5, 1.5, n)
    Q = A.T @ (A * weights[:, None])
    change = np.linalg.norm(neighbour.T @ (neighbour * weights[:, None]) - Q)

    def distance(rows: Array) -> float:
        basis = np.einsum("ni,nj->nij", rows, rows).reshape(n, -1).T  # (d², n)
        coefficients, *_ = np.linalg.lstsq(basis, Q.ravel(), rcond=None)
        return float(np.linalg.norm(basis @ coefficients - Q.ravel()))

    return distance(A) / float(np.linalg.norm(Q)), distance(neighbour) / float(change)


def truncation_mass(sds: Array, relative_shift: float = 1e-3, cutoff: float = 0.5) -> Array:
    """Gap 2: return the probability that one noisy weight falls where its neighbour's cannot.

    w(1 + z) with z in [−c, c] covers w·[1 − c, 1 + c]; a neighbour's weight is w(1 + s), s the relative
    shift, and exceeds w(1 + c) when z > (1 + c)/(1 + s) − 1. δ can be no smaller than this mass.
    """
    sds = np.asarray(sds, dtype=np.float64)
    beyond = (1 + cutoff) / (1 + relative_shift) - 1
    inside = 1 - 2 * ndtr(-cutoff / sds)
    return (ndtr(-beyond / sds) - ndtr(-cutoff / sds)) / inside


def required_truncated_sd(
    epsilons: Array,
    tolerances: Array,
    *,
    lipschitz_closeness: float,
    n: int,
    delta: float,
    cutoff: float = 0.5,
) -> tuple[Array, float]:
    """Gap 3: return (σ = Lε₀√T/μ, the largest sd that truncation to ±c permits, c/√3).

    T = ξ⁻²(log(n/δ) + (Lε₀)⁻²) rounds, constants dropped. σ has shape (epsilons, tolerances) and is at least
    1/(ξμ), above the limit unless ε is of order 1/ξ.
    """
    mus = np.array([gaussian_mu(float(epsilon), delta) for epsilon in np.ravel(epsilons)])
    rounds = np.ravel(tolerances) ** -2.0 * (math.log(n / delta) + lipschitz_closeness**-2.0)
    return lipschitz_closeness * np.sqrt(rounds) / mus[:, None], cutoff / math.sqrt(3)


def holder_ratios(closeness: Array) -> Array:
    """Gap 4: return ‖Q(A') − Q(A)‖_F/ε₀, which grows as 1.4/√ε₀: A ↦ Q has no Lipschitz constant.

    A = (1, 0), (cos √ε₀, sin √ε₀), (0, 1), whose ellipsoid is the unit disc; A' has the second row times 1
    + ε₀.
    """
    ratios = []
    for eta in np.ravel(closeness):
        angle = math.sqrt(eta)
        A = np.array([[1.0, 0.0], [math.cos(angle), math.sin(angle)], [0.0, 1.0]])
        A[1] *= 1 + eta
        moved = john_ellipsoid(A, tolerance=1e-7, method="wolfe_atwood").ellipsoid.matrix
        ratios.append(np.linalg.norm(moved - np.eye(2)) / eta)
    return np.array(ratios)


def duplicate_weight_change(updates: Array, eta: float) -> tuple[Array, Array]:
    """Gap 4: return by how much, relatively, T updates change a duplicate row's (average, last) weight.

    One of two equal rows is scaled by 1 + η: the ratio of their weights grows by (1 + η)² per round, so the last
    iterate's weight moves by about Tη and the average by about Tη/2, although the ellipsoid hardly moves.
    """
    A = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    neighbour = A.copy()
    neighbour[1] *= 1 + eta
    changes = []
    for count in np.ravel(updates):
        before, after = fixed_point(A, int(count)), fixed_point(neighbour, int(count))
        changes.append([abs(after[which][1] / before[which][1] - 1) for which in (0, 1)])
    average, last = np.array(changes).T
    return average, last


def sketch_sensitivity(offsets: Array, closeness: float = 1e-3, seed: int = 0) -> tuple[Array, Array]:
    """Gap 5: return |log τ̂'_1 − log τ̂_1| and |log τ'_1 − log τ_1| as row 1 turns by ``closeness``.

    τ̂_1 = s⁻¹‖S W^{1/2}A M⁻¹a_1‖², with one sketch S held fixed. With s = 1 < d = 2 some direction of a_1
    makes τ̂_1 zero. The row starts at each of ``offsets`` from that direction: the sketched score's change, −2 log
    of the offset and more, has no bound, while the exact score's stays of the order of the closeness.
    """
    generator = np.random.default_rng(seed)
    others, sketch = generator.standard_normal((6, 2)), generator.standard_normal(7)
    length = 0.1

    def scores(angle: float) -> tuple[float, float]:
        first = length * np.array([math.cos(angle), math.sin(angle)])
        A = np.vstack([first, others])
        solved = np.linalg.solve(A.T @ A, first)  # M⁻¹a_1, W = I
        return float(sketch @ A @ solved), float(first @ solved)

    angles = np.linspace(0, 2 * np.pi, 721)
    signs = np.sign([scores(angle)[0] for angle in angles])
    crossing = int(np.flatnonzero(signs[:-1] * signs[1:] < 0)[0])
    zero = brentq(lambda angle: scores(angle)[0], angles[crossing], angles[crossing + 1], xtol=1e-16)
    sketched, exact = [], []
    for offset in np.ravel(offsets):
        before = scores(zero + offset / length)
        after = scores(zero + (offset + closeness) / length)
        sketched.append(2 * abs(math.log(abs(after[0] / before[0]))))
        exact.append(abs(math.log(after[1] / before[1])))
    return np.array(sketched), np.array(exact)


def zero_row_weights(rounds: int, noise_sd: float, runs: int, insecure_seed: int) -> tuple[Array, Array]:
    """Gap 6: return the last weights (runs,) of a zero row, and of the same row moved by 10⁻³.

    Multiplicative noise cannot move a weight away from 0: the first are exactly 0 and the second never.
    """
    A = np.vstack([np.eye(2), np.zeros((1, 2))])
    neighbour = A.copy()
    neighbour[2, 0] = 1e-3
    calibration = calibrate("paper", None, None, None, n=3, d=2, noise_sd=noise_sd, rounds=rounds)
    source = NoiseSource(insecure_seed)
    zero, moved = (
        np.array([noisy_fixed_point(rows, calibration, source)[1][2] for _ in range(runs)]) for rows in (A, neighbour)
    )
    return zero, moved


def replacement_lower_bound(epsilons: Array, delta: float) -> Array:
    """Gap 7: return (1 − δ)/(1 + e^ε), the least chance of missing 1 + ξ when a row may be replaced.

    In one dimension E = [−1/max|a_i|, 1/max|a_i|]. Replacing one row changes max|a_i| by any factor, so the
    answers right for A and for A' are disjoint sets: 1 − p ≤ P[right | A] ≤ e^ε P[the same | A'] + δ ≤ e^ε
    p + δ.
    """
    return (1 - delta) / (1 + np.exp(np.asarray(epsilons, dtype=np.float64)))


def randomised_response_miss_rate(epsilons: Array, runs: int, insecure_seed: int) -> Array:
    """Gap 7: return how often the best private choice of two scales misses: the bound, at δ = 0.

    The mechanism answers the right one of two scales with probability e^ε/(1 + e^ε), which is (ε, 0)-DP.
    """
    uniform = NoiseSource(insecure_seed).uniform((runs,))
    right = 1 / (1 + np.exp(-np.asarray(epsilons, dtype=np.float64)))
    return np.mean(uniform[:, None] >= np.ravel(right), axis=0)
