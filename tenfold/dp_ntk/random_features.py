"""Public random ReLU features with unit rows: what the modes ``ssp`` and the linear baselines regress on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_ntk.validation import TooFewFeatures, unit_rows


@dataclass(frozen=True)
class RandomFeatures:
    """z(x) = max(Wx, 0)/‖max(Wx, 0)‖ with public W (p, d); a record that activates no unit is refused by name."""

    weights: Float[np.ndarray, "p d"]

    @classmethod
    def draw(cls, count: int, dimension: int, generator: np.random.Generator) -> RandomFeatures:
        """Return ``count`` random units from a public generator."""
        return cls(generator.standard_normal((count, dimension)))

    def transform(self, rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n p"]:
        """Return unit rows (n, p). Raises TooFewFeatures if a record activates none of the units."""
        active = np.maximum(rows @ self.weights.T, 0.0)
        if not active.any(axis=1).all():
            raise TooFewFeatures(
                f"a record activates none of the {len(self.weights)} public features: take more of them (features=200)"
            )
        return unit_rows(active)
