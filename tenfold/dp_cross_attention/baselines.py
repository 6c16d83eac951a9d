"""What a private memory is compared with: per-query noise, DP class means, and the mean value.

Legend: n rows, m queries, d key columns, v value columns or classes, μ the budget in Gaussian DP.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention.exact import exact_sums
from tenfold.dp_cross_attention.sensitivity import sketch_sensitivity
from tenfold.dp_cross_attention.sketch import with_denominator
from tenfold.privacy.noise import NoiseSource


def per_query(
    queries: Float[np.ndarray, "m d"],
    keys: Float[np.ndarray, "n d"],
    values: Float[np.ndarray, "n v"],
    *,
    mu: float,
    radius: float,
    value_radius: float,
    temperature: float,
    source: NoiseSource,
    nonnegative: bool = False,
) -> Float[np.ndarray, "m c"]:
    """Answer each query with noise of its own, [numerators, denominator]; m answers share the budget, μ/√m each.

    Replace-one: a row contributes e^{s}[v; ρ_v] with |s| ≤ ‖q‖ρ/τ, so that the sensitivity at q is that of a
    one-dimensional feature e^{‖q‖ρ/τ}. ``nonnegative`` releases the numerators alone (values ≥ 0).
    """
    columns = with_denominator(values, None if nonnegative else value_radius)
    unit = sketch_sensitivity(
        1.0, value_radius, value_radius, kernel_nonnegative=True, released="numerator" if nonnegative else "joint"
    )
    largest = np.exp(np.linalg.norm(queries, axis=1, keepdims=True) * radius / temperature)  # (m, 1)
    sd = np.broadcast_to(unit * largest * math.sqrt(len(queries)) / mu, (len(queries), columns.shape[1]))
    sums = exact_sums(queries, keys, columns, temperature)
    return sums + source.gaussian(sums.shape, sd)


def class_means(
    queries: Float[np.ndarray, "m d"],
    keys: Float[np.ndarray, "n d"],
    one_hot: Float[np.ndarray, "n v"],
    *,
    mu: float,
    radius: float,
    source: NoiseSource | None,
) -> Float[np.ndarray, "m v"]:
    """Return −½‖q − mean of the class‖² up to a constant, from noisy sums and counts of each class.

    A row adds [k; ρ] to its class: replacing it moves at most two blocks by √(ρ² + ρ²) each, Δ = 2ρ. Without a source
    there is no noise and no privacy.
    """
    totals = one_hot.T @ np.concatenate([keys, np.full((len(keys), 1), radius)], axis=1)  # (v, d + 1)
    if source is not None:
        totals = totals + source.gaussian(totals.shape, 2 * radius / mu)
    counts = np.maximum(totals[:, -1:] / radius, 1.0)
    means = totals[:, :-1] / counts
    means *= np.minimum(1.0, radius / np.linalg.norm(means, axis=1, keepdims=True))  # a mean of keys is no longer
    return queries @ means.T - 0.5 * np.square(means).sum(axis=1)


def mean_value(
    values: Float[np.ndarray, "n v"], *, mu: float, value_radius: float, source: NoiseSource, nonnegative: bool = False
) -> Float[np.ndarray, " v"]:
    """Return the noisy mean of the values, what attention at infinite temperature answers; Δ = 2ρ_v/n, √2ρ_v/n if ≥
    0.
    """
    sensitivity = (math.sqrt(2) if nonnegative else 2.0) * value_radius / len(values)
    return values.mean(axis=0) + source.gaussian((values.shape[1],), sensitivity / mu)
