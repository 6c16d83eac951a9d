"""The nearest probabilities to scores of any size."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def nearest_probabilities(scores: Float[np.ndarray, "q C"]) -> Float[np.ndarray, "q C"]:
    """Return the projection of each row on {p ≥ 0, Σp = 1}: max(s − θ, 0), with θ by sorting (Held et al. 1974).

    It keeps the order of the scores, and does not change if a constant is added to a row.
    """
    falling = -np.sort(-scores, axis=1)
    thresholds = (np.cumsum(falling, axis=1) - 1) / np.arange(1, scores.shape[1] + 1)
    last = (falling > thresholds).sum(axis=1) - 1  # the last coordinate that stays above zero
    found = np.maximum(scores - thresholds[np.arange(len(scores)), last][:, None], 0.0)
    return found / found.sum(axis=1, keepdims=True)
