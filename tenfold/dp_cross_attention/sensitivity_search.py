"""A search for neighbours that move the sketch further than its bound allows: random pairs, then climbing from the
best.

Legend: p pairs, d key columns, v value columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention.taylor import taylor

Kernel = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows: keys and values of each row and of what replaces it."""

    keys: Float[np.ndarray, "p d"]
    other_keys: Float[np.ndarray, "p d"]
    values: Float[np.ndarray, "p v"]
    other_values: Float[np.ndarray, "p v"]

    def take(self, chosen: np.ndarray) -> Pairs:
        """Return the chosen pairs."""
        return Pairs(*(part[chosen] for part in self._parts()))

    def _parts(self) -> tuple[np.ndarray, ...]:
        return self.keys, self.other_keys, self.values, self.other_values


def distances(pairs: Pairs, kernel: Kernel, denominator_weight: float) -> Float[np.ndarray, " p"]:
    """Return ‖P(k)⊗[v; λ] − P(k')⊗[v'; λ]‖ of every pair, from the kernel alone."""

    def inner(a: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return kernel(np.einsum("pd,pd->p", a, b)) * (np.einsum("pv,pv->p", x, y) + denominator_weight**2)

    k, other_k, v, other_v = pairs._parts()
    squared = inner(k, k, v, v) + inner(other_k, other_k, other_v, other_v) - 2 * inner(k, other_k, v, other_v)
    return np.sqrt(np.maximum(squared, 0))


def search(
    kernel: Kernel,
    radius: float,
    value_radius: float,
    denominator_weight: float,
    trials: int,
    generator: np.random.Generator,
    *,
    dimension: int = 3,
    value_dimension: int = 2,
    rounds: int = 60,
    nonnegative: bool = False,
) -> float:
    """Return the largest distance found among ``trials`` random pairs and climbs from the best 50.

    ``kernel`` maps <k, k'> to <P(k), P(k')>. ``nonnegative`` searches values ≥ 0 only.
    """
    sizes = (dimension, dimension, value_dimension, value_dimension)
    bounds = (radius, radius, value_radius, value_radius)
    parts = [_ball(trials, size, bound, generator) for size, bound in zip(sizes, bounds, strict=True)]
    parts[1][::4] = parts[0][::4]  # the same key, and the opposite one, are candidates for the worst case
    parts[1][1::4] = -parts[0][1::4]
    parts[3][::2] = -parts[2][::2]
    best = _legal(Pairs(*parts), bounds, nonnegative)
    found = distances(best, kernel, denominator_weight)
    best = best.take(np.argsort(found)[-50:])
    spread = 0.5
    for _ in range(rounds):
        moved = [
            np.concatenate([part, part + spread * generator.standard_normal(part.shape)]) for part in best._parts()
        ]
        both = _legal(Pairs(*moved), bounds, nonnegative)
        found = distances(both, kernel, denominator_weight)
        best = both.take(np.argsort(found)[-50:])
        spread *= 0.93
    return float(distances(best, kernel, denominator_weight).max())


def taylor_kernel(degree: int, temperature: float) -> Kernel:
    """Return s ↦ T_g(s/τ), of any degree, odd ones too."""
    return lambda products: taylor(products / temperature, degree)


def _ball(count: int, size: int, bound: float, generator: np.random.Generator) -> np.ndarray:
    vectors = generator.standard_normal((count, size))
    lengths = bound * generator.random((count, 1)) ** (0.3 / size)  # mostly near the bound
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * lengths


def _legal(pairs: Pairs, bounds: tuple[float, ...], nonnegative: bool) -> Pairs:
    parts = []
    for place, (part, bound) in enumerate(zip(pairs._parts(), bounds, strict=True)):
        part = np.abs(part) if nonnegative and place >= 2 else part
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        parts.append(part * np.minimum(1.0, bound / np.maximum(lengths, 1e-300)))
    return Pairs(*parts)
