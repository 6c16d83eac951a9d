"""Synthetic memories: keys of unit length from a mixture, values that depend on the component."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

COMPONENTS = 8
SPREAD = 0.5  # of a key around its component's centre, both before normalisation


@dataclass(frozen=True)
class Mixture:
    """n rows and m queries; ‖k‖ = ‖q‖ = 1, ‖v‖ ≤ 1."""

    keys: Float[np.ndarray, "n d"]
    values: Float[np.ndarray, "n v"]
    queries: Float[np.ndarray, "m d"]


def mixture(rows: int, dimension: int, value_dimension: int, queries: int, generator: np.random.Generator) -> Mixture:
    """Draw a mixture of 8 components; queries come from the same components."""
    centres = unit(generator.standard_normal((COMPONENTS, dimension)))
    answers = unit(generator.standard_normal((COMPONENTS, value_dimension)))

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        component = generator.integers(COMPONENTS, size=count)
        noise = generator.standard_normal((count, dimension)) / np.sqrt(dimension)
        return unit(centres[component] + SPREAD * noise), component

    keys, component = drawn(rows)
    values = answers[component] * generator.uniform(0.5, 1.0, size=(rows, 1))
    return Mixture(keys, values, drawn(queries)[0])


def unit(vectors: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Return the vectors at length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
