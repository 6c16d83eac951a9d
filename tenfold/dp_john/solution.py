"""What every non-private solver returns: weights, and how many updates they took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from tenfold.dp_john.certificate import Certificate


@dataclass(frozen=True, eq=False)
class Solution:
    """Weights (n,) ≥ 0, Σw = d, after ``updates``; ``certificate`` where the solver made the exact pass."""

    weights: Float64[np.ndarray, " n"]
    updates: int
    certificate: Certificate | None = None
