"""Synthetic polytopes {x : −1 ≤ Ax ≤ 1}, most of them with a John ellipsoid known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from jaxtyping import Float64

Rows = Float64[np.ndarray, "n d"]


def gaussian(n: int, d: int, generator: np.random.Generator) -> Rows:
    """Return n independent standard normal rows (n, d)."""
    return generator.standard_normal((n, d))


def log_spaced(n: int, d: int, generator: np.random.Generator, largest: float = 100.0) -> Rows:
    """Return normal rows (n, d) whose columns have scales from 1 to ``largest``, evenly in the logarithm."""
    return generator.standard_normal((n, d)) * np.geomspace(1.0, largest, d)


def near_duplicates(n: int, d: int, generator: np.random.Generator, distance: float = 1e-6) -> Rows:
    """Return rows (n, d) in pairs, the second at about ``distance`` (relative) from the first."""
    first = generator.standard_normal(((n + 1) // 2, d))
    second = first * (1 + distance * generator.standard_normal(first.shape))
    return np.concatenate([first, second])[:n]


def cross_polytope_rows(d: int) -> Rows:
    """Return the d unit vectors (d, d): P is the cube [−1, 1]^d, E* the unit ball, w = 1."""
    return np.eye(d)


def hypercube_signs(d: int) -> Rows:
    """Return the sign vectors up to ± (2^(d−1), d): P is the cross-polytope, E* the ball of radius 1/√d."""
    tails = np.array(list(product([1.0, -1.0], repeat=d - 1))).reshape(-1, d - 1)
    return np.concatenate([np.ones((len(tails), 1)), tails], axis=1)


def regular_polygon(k: int) -> Rows:
    """Return k unit normals (k, 2) of the regular 2k-gon, k ≥ 2: E* is the unit disc, w = 2/k is optimal."""
    angles = np.pi * np.arange(k) / k
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def ill_conditioned(n: int, d: int, generator: np.random.Generator, condition: float = 1e8) -> Rows:
    """Return normal rows times a matrix (d, d) of condition number ``condition`` and without small columns."""
    left, _ = np.linalg.qr(generator.standard_normal((d, d)))
    right, _ = np.linalg.qr(generator.standard_normal((d, d)))
    return generator.standard_normal((n, d)) @ (left * np.geomspace(1.0, 1.0 / condition, d)) @ right


FAMILIES: dict[str, Callable[[int, int, np.random.Generator], Rows]] = {
    "gaussian": gaussian,
    "log_spaced": log_spaced,
    "near_duplicates": near_duplicates,
    "ill_conditioned": ill_conditioned,
    "cross_polytope": lambda n, d, generator: cross_polytope_rows(d),
    "hypercube_signs": lambda n, d, generator: hypercube_signs(d),
    "regular_polygon": lambda n, d, generator: regular_polygon(n),
}
