"""What a memory would answer without its noise: NOT PRIVATE, for measuring errors on public data only."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention import answer as answering
from tenfold.dp_cross_attention.calibration import Setting
from tenfold.dp_cross_attention.memory import PrivateMemory, sums_of


def attention_without_noise(
    queries: Float[np.ndarray, "m d"], keys: Float[np.ndarray, "n d"], values: Float[np.ndarray, "n v"], known: Setting
) -> Float[np.ndarray, "m v"]:
    """Return the truncated attention of a setting, exact but for rounding (numerators where only these are
    released).
    """
    features = known.feature_map()
    weights = features.scale[:, None] * sums_of(keys, values, known)
    found = answering.products(features, weights, queries, known)
    return found.numerators if found.denominators is None else found.numerators / found.denominators[:, None]


def noise_of(
    memory: PrivateMemory, keys: Float[np.ndarray, "n d"], values: Float[np.ndarray, "n v"]
) -> Float[np.ndarray, "r c"]:
    """Return the noise that a memory's last release added, from the rows it was fitted on."""
    return memory.sketch - sums_of(keys, values, memory.setting)
