"""Attention with exact softmax, by blocks of keys: the reference, not private.

Legend: n rows, m queries, d key columns, v value columns, s = <q, k>/τ.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

BLOCK = 1 << 14
QUERY_BLOCK = 256


def exact_attention(
    queries: Float[np.ndarray, "m d"],
    keys: Float[np.ndarray, "n d"],
    values: Float[np.ndarray, "n v"],
    temperature: float,
) -> Float[np.ndarray, "m v"]:
    """Return Σ e^{s_i} v_i / Σ e^{s_i}; a running maximum keeps e^s from overflowing. NOT PRIVATE."""
    parts = [
        _block(queries[start : start + QUERY_BLOCK] / temperature, keys, values)
        for start in range(0, len(queries), QUERY_BLOCK)
    ]
    return np.concatenate(parts)


def _block(scaled: np.ndarray, keys: np.ndarray, values: np.ndarray) -> Float[np.ndarray, "m v"]:
    numerator = np.zeros((len(scaled), values.shape[1]))
    denominator = np.zeros((len(scaled), 1))
    largest = np.full((len(scaled), 1), -np.inf)
    for start in range(0, len(keys), BLOCK):
        s = scaled @ keys[start : start + BLOCK].T  # (m, b)
        new = np.maximum(largest, s.max(axis=1, keepdims=True))
        # the shift depends on the query: numerator and denominator move together, or not at all
        weights, decay = np.exp(s - new), np.exp(largest - new)
        numerator = decay * numerator + weights @ values[start : start + BLOCK]
        denominator = decay * denominator + weights.sum(axis=1, keepdims=True)
        largest = new
    return numerator / denominator


def exact_sums(
    queries: Float[np.ndarray, "m d"],
    keys: Float[np.ndarray, "n d"],
    columns: Float[np.ndarray, "n c"],
    temperature: float,
) -> Float[np.ndarray, "m c"]:
    """Return Σ e^{s_i} c_i, unnormalised; |s| is bounded by the caller. NOT PRIVATE."""
    total = np.zeros((len(queries), columns.shape[1]))
    for start in range(0, len(keys), BLOCK):
        total += np.exp(queries @ keys[start : start + BLOCK].T / temperature) @ columns[start : start + BLOCK]
    return total
