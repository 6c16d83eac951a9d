"""Answers from a released sketch: post-processing, which costs no privacy however often and adaptively it is asked.

Legend: m queries, r features, v value columns, N numerator, D denominator, σ the sketch's noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from tenfold.dp_cross_attention.calibration import Setting
from tenfold.dp_cross_attention.features import FeatureMap
from tenfold.dp_cross_attention.taylor import attention_error_bound

QUERY_BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class Answer:
    """Private attention with its error bar.

    ``noise_sd`` (m, v) is the standard deviation that the noise gives each coordinate, to first order and before
    clamping and projection, from released quantities only. ``truncation`` bounds the distance that T_g instead of e^s
    causes, for every query (``taylor.attention_error_bound``); None for random features, whose error is random.
    ``clamped`` (m,) marks denominators that noise had moved out of their range: their error bars do not hold.
    """

    values: Any
    noise_sd: Any
    clamped: Bool[np.ndarray, " m"]
    truncation: float | None


@dataclass(frozen=True)
class Products:
    """P(q)ᵀM̃, split: numerators (m, v), denominators (m,) or None, and ‖P(q)‖ (m,)."""

    numerators: Float[np.ndarray, "m v"]
    denominators: Float[np.ndarray, " m"] | None
    lengths: Float[np.ndarray, " m"]


def products(
    features: FeatureMap,
    weights: Float[np.ndarray, "r c"],
    queries: Float[np.ndarray, "m d"],
    setting: Setting,
) -> Products:
    """Return what the sketch says of each query; ``weights`` is the sketch with the features' scale in it."""
    size = max(16, QUERY_BLOCK_BYTES // (8 * features.count))
    parts = [features.raw(queries[start : start + size]).T @ weights for start in range(0, len(queries), size)]
    found = np.concatenate(parts)  # (m, c)
    lengths = np.sqrt(features.norm_squared(np.einsum("md,md->m", queries, queries)))
    if setting.released == "numerator":
        return Products(found, None, lengths)
    return Products(found[:, :-1], found[:, -1] / setting.denominator_weight, lengths)


def denominator_range(features: FeatureMap, setting: Setting, rows: float | None) -> tuple[float, float]:
    """Return [n·min, n·max] of the kernel over |s| ≤ B: what a denominator can be; without n, at least one row's."""
    least, most = features.kernel_range(setting.logit_bound)
    return (least, math.inf) if rows is None else (rows * least, rows * most)


def rows_from_sketch(sketch: Float[np.ndarray, "r c"], setting: Setting) -> float | None:
    """Return n; under add/remove its released estimate, the constant monomial's denominator entry over λ, or None."""
    if setting.rows is not None:
        return float(setting.rows)
    if setting.features == "taylor" and setting.released == "joint":
        return max(1.0, float(sketch[0, -1]) / setting.denominator_weight)
    return None


def attention(
    found: Products,
    setting: Setting,
    noise_sd: float,
    allowed: tuple[float, float],
    *,
    clamp: bool = True,
    project: bool = True,
) -> Answer:
    """Return N/D with D clamped to ``allowed`` and the quotient projected onto ‖·‖ ≤ ρ_v.

    Without the denominator (``released="numerator"``) the values are the numerators themselves.
    """
    noise = noise_sd * found.lengths  # exactly the sd of each numerator: N(0, σ²‖P(q)‖²)
    if found.denominators is None:
        spread = np.broadcast_to(noise[:, None], found.numerators.shape)
        return Answer(found.numerators, spread, np.zeros(len(noise), dtype=bool), None)
    D = found.denominators
    clamped = (allowed[0] > D) | (allowed[1] < D)
    if clamp:
        D = np.clip(D, *allowed)
    ratio = found.numerators / D[:, None]
    lengths = np.linalg.norm(ratio, axis=1, keepdims=True)
    outside = lengths > setting.value_radius
    values = (
        np.where(outside, ratio * (setting.value_radius / np.maximum(lengths, 1e-300)), ratio) if project else ratio
    )
    # first order in the noise of N and of D = column/λ: sd = σ‖P(q)‖/D · √(1 + (out/λ)²)
    spread = (noise / np.abs(D))[:, None] * np.sqrt(1 + (values / setting.denominator_weight) ** 2)
    truncation = None
    if setting.degree is not None:
        truncation = attention_error_bound(setting.logit_bound, setting.degree) * setting.value_radius
    return Answer(values, spread, clamped, truncation)
