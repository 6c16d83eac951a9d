"""Adaptive queries against a released sketch: how large an error gradient search finds, and what averaging gains.

A sketch is released once, so whatever is asked afterwards costs no privacy. Accuracy becomes a question of suprema: the
noise of a numerator is the fixed function q ↦ <P(q), Z> with N(0, σ²) entries in Z (r,), of standard deviation σ‖P(q)‖
at one fixed q, and at most ‖Z‖·‖P(q)‖ anywhere (Cauchy–Schwarz). The functions here are diagnostics: they look at Z.

Legend: r features, d key columns, u noise columns, s starts.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float

from tenfold.dp_cross_attention.features import FeatureMap


def standardised_noise(
    features: FeatureMap, noise: Float[np.ndarray, "r u"], queries: Float[np.ndarray, "m d"]
) -> Float[np.ndarray, "m u"]:
    """Return <P(q), Z_u>/‖P(q)‖: N(0, 1) at each query that was chosen without looking at the sketch, if σ = 1."""
    vectors = features.scale[:, None] * features.raw(queries)  # (r, m)
    return (vectors.T @ noise) / np.linalg.norm(vectors, axis=0)[:, None]


def gradient_search(
    features: FeatureMap,
    noise: Float[np.ndarray, "r u"],
    radius: float,
    starts: Float[np.ndarray, "s d"],
    updates: int = 200,
    rate: float = 0.05,
) -> tuple[Float[np.ndarray, "s d"], Float[np.ndarray, " s"]]:
    """Return queries within the radius and |<P(q), Z_u>|/‖P(q)‖ there, the largest over u, after projected ascent."""
    scale = torch.tensor(features.scale)[:, None]
    Z = torch.as_tensor(noise)
    queries = torch.tensor(starts, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([queries], lr=rate * radius)
    for _ in range(updates):
        optimiser.zero_grad()
        (-_height(features, scale, Z, queries).sum()).backward()
        optimiser.step()
        with torch.no_grad():
            queries *= (radius / queries.norm(dim=1, keepdim=True).clamp_min(1e-300)).clamp(max=1.0)
    with torch.no_grad():
        return queries.numpy().copy(), _height(features, scale, Z, queries).numpy()


def _height(features: FeatureMap, scale: torch.Tensor, Z: torch.Tensor, queries: torch.Tensor) -> torch.Tensor:
    vectors = scale * features.raw_torch(queries)  # (r, s)
    return ((vectors.T @ Z) / vectors.norm(dim=0)[:, None]).abs().amax(dim=1)


def cauchy_schwarz_bound(noise: Float[np.ndarray, "r u"]) -> float:
    """Return max_u ‖Z_u‖, which no query exceeds."""
    return float(np.linalg.norm(noise, axis=0).max())


def net_bound(dimension: int, columns: int, bound: float, degree: int, failure: float) -> float:
    """Return a level that sup_q |<P(q), Z_u>|/‖P(q)‖ exceeds with probability at most ``failure``, for σ = 1.

    The paper's step, with constants: a net of (1 + 2/η)^d points at distance η in q/ρ, a Gaussian tail at each, and a
    Lipschitz constant for what lies between, L·‖Z‖ with ‖Z‖ ≤ √r + √(2 ln(2u/β)). The unit vectors P/‖P‖ of two queries
    at distance ηρ differ by at most 2η·√(B T_{g−1}(B)): |P(q) − P(q')| ≤ ρη·sup‖∂P‖, ‖∂P‖² ≤ T_{g−1}(B)·(1 + B)/τ, ‖P‖
    ≥ 1.
    """
    from tenfold.dp_cross_attention.features import feature_count
    from tenfold.dp_cross_attention.taylor import taylor

    longest = math.sqrt(feature_count(dimension, degree)) + math.sqrt(2 * math.log(2 * columns / failure))
    slope = 2 * math.sqrt(bound * (1 + bound) * float(taylor(bound, degree - 1)))
    best = math.inf
    for eta in np.geomspace(1e-4, 0.5, 60):
        points = dimension * math.log1p(2 / eta) + math.log(4 * columns / failure)
        best = min(best, math.sqrt(2 * points) + slope * eta * longest)
    return best


def averaged_error(
    features: FeatureMap,
    noise: Float[np.ndarray, "r u"],
    target: Float[np.ndarray, " d"],
    radius: float,
    spread: float,
    queries: int,
    generator: np.random.Generator,
) -> tuple[float, float]:
    """Return the error of the mean of many answers around a target over that of one answer, and what fresh noise gives.

    The attacker asks antithetic pairs target ± h, whose exact numerators average to the target's up to O(h²), and
    averages. Fresh noise for each answer would leave 1/√queries of it.
    """
    steps = spread * radius * generator.standard_normal((queries // 2, len(target)))
    asked = np.concatenate([target + steps, target - steps])
    asked *= np.minimum(1.0, radius / np.linalg.norm(asked, axis=1, keepdims=True))
    one = np.linalg.norm(standardised_noise(features, noise, target[None])[0])
    mean = np.linalg.norm(standardised_noise(features, noise, asked).mean(axis=0))
    return float(mean / one), 1 / math.sqrt(queries)
