"""The paper's data structure: noisy dyadic sums of weights over binned coordinates, one tree per coordinate.

Legend: n rows, t trees (coordinates), c weight columns, N bins, L = log₂N + 1 levels, [−Γ, Γ] the public range, R a
bound on |w|. Nodes stand in heap order, the children of node i at 2i and 2i + 1, leaves at N … 2N − 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from tenfold.dp_cross_attention.errors import InvalidSetting
from tenfold.privacy.noise import NoiseSource

Weights = Literal["signed", "nonnegative"]


def bins_for(rows: int) -> int:
    """Return N = 2^⌈log₂ n⌉."""
    return 1 << max(1, math.ceil(math.log2(rows)))


def levels_of(bins: int) -> int:
    """Return L = log₂N + 1."""
    return bins.bit_length()


def tree_sensitivity(bins: int, bound: float, weights: Weights, norm: Literal[1, 2]) -> float:
    """Return how far replacing one row moves all nodes of one tree, in ℓ1 or ℓ2.

    A row is in L nodes, the old and the new one in at most 2L, which share at least the root. Where both are in a node
    it changes by |w − w'|, elsewhere by |w| or |w'|. Signed weights are worst in one bin, w' = −w: 2R at each of L
    nodes, 2L·R in ℓ1 and 2√L·R in ℓ2. Non-negative ones are worst in bins that share the root only, w' = w:
    2(L − 1)·R and √(2(L − 1))·R.
    **Deviation:** √(2L)·R, which counts 2L changed nodes, is no bound for signed weights.
    """
    L = levels_of(bins)
    if weights == "signed":
        return 2 * L * bound if norm == 1 else 2 * math.sqrt(L) * bound
    return 2 * (L - 1) * bound if norm == 1 else math.sqrt(2 * (L - 1)) * bound


@dataclass(frozen=True)
class Grid:
    """The public bins: N of equal width on [−Γ, Γ]."""

    half_width: float
    bins: int

    @property
    def width(self) -> float:
        """The width of one bin."""
        return 2 * self.half_width / self.bins

    def bin_of(self, positions: Float[np.ndarray, ...]) -> Int[np.ndarray, ...]:
        """Return each position's bin. Raises InvalidSetting if one is outside [−Γ, Γ], beyond rounding."""
        if np.abs(positions).max() > self.half_width * (1 + 1e-9):
            raise InvalidSetting(f"a coordinate leaves the public range ±{self.half_width:g}")
        return np.clip(((positions + self.half_width) / self.width).astype(np.int64), 0, self.bins - 1)

    def boundary_after(self, positions: Float[np.ndarray, ...]) -> Int[np.ndarray, ...]:
        """Return the nearest bin boundary, 0 … N."""
        found = np.round((positions + self.half_width) / self.width).astype(np.int64)
        return np.clip(found, 0, self.bins)


def dyadic_sums(
    grid: Grid, positions: Float[np.ndarray, "t n"], weights: Float[np.ndarray, "n c"]
) -> Float[np.ndarray, "t N2 c"]:
    """Return the exact node sums of t trees over the same rows; node 0 is unused."""
    N = grid.bins
    nodes = np.zeros((positions.shape[0], 2 * N, weights.shape[1]))
    for tree, bins in enumerate(grid.bin_of(positions)):
        for column in range(weights.shape[1]):
            nodes[tree, N:, column] = np.bincount(bins, weights[:, column], minlength=N)
    first = N
    while first > 1:
        half = first // 2
        nodes[:, half:first] = nodes[:, first : 2 * first : 2] + nodes[:, first + 1 : 2 * first : 2]
        first = half
    return nodes


def add_noise(
    nodes: Float[np.ndarray, "... c"], scale: Float[np.ndarray, " c"], kind: str, source: NoiseSource
) -> Float[np.ndarray, "... c"]:
    """Return the nodes with noise: ``scale`` is the sd (gaussian) or the scale b (laplace) of each column."""
    if kind == "gaussian":
        return nodes + source.gaussian(nodes.shape, scale)
    exponentials = -np.log(source.uniform((2, *nodes.shape)))
    return nodes + scale * (exponentials[0] - exponentials[1])


def range_sums(
    nodes: Float[np.ndarray, "t N2 c"], first: Int[np.ndarray, "t k"], last: Int[np.ndarray, "t k"]
) -> Float[np.ndarray, "t k c"]:
    """Return the sums over bins first … last − 1 of each tree, from at most 2 log₂N nodes per range."""
    N = nodes.shape[1] // 2
    left, right = first + N, np.maximum(first, last) + N
    trees = np.arange(nodes.shape[0])[:, None]
    total = np.zeros((*first.shape, nodes.shape[2]))
    while (left < right).any():
        open_ = left < right
        take = open_ & (left % 2 == 1)
        total += np.where(take[..., None], nodes[trees, np.where(take, left, 0)], 0.0)
        left = left + take
        take = open_ & (right % 2 == 1)
        right = right - take
        total += np.where(take[..., None], nodes[trees, np.where(take, right, 0)], 0.0)
        left, right = left // 2, right // 2
    return total


def prefix_sums(nodes: Float[np.ndarray, "t N2 c"]) -> Float[np.ndarray, "t N1 c"]:
    """Return the sums over bins 0 … i − 1 for every boundary i = 0 … N, each from at most log₂N + 1 nodes."""
    N = nodes.shape[1] // 2
    prefix = np.zeros((nodes.shape[0], 2, nodes.shape[2]))
    prefix[:, 1] = nodes[:, 1]  # the whole
    first = 2
    while first <= N:
        finer = np.empty((nodes.shape[0], first + 1, nodes.shape[2]))
        finer[:, 0::2] = prefix
        finer[:, 1::2] = prefix[:, :-1] + nodes[:, first : 2 * first : 2]  # the left child of each
        prefix, first = finer, 2 * first
    return prefix


def l1_from_prefixes(
    grid: Grid, weights: Float[np.ndarray, "t N1 c"], moments: Float[np.ndarray, "t N1 c"], points: np.ndarray
) -> Float[np.ndarray, "t m c"]:
    """Return Σ w|x − y| for points y (t, m), from prefix sums C of w and S of wx: y(2C_< − C) + S − 2S_<."""
    at = grid.boundary_after(points)
    trees = np.arange(weights.shape[0])[:, None]
    below, below_moment = weights[trees, at], moments[trees, at]
    whole, whole_moment = weights[:, -1:], moments[:, -1:]
    return points[..., None] * (2 * below - whole) + whole_moment - 2 * below_moment


def band_edges(grid: Grid, alpha: float) -> Float[np.ndarray, " b"]:
    """Return the distances 2Γ, 2Γ/(1+α), 2Γ/(1+α)², … down to a bin's width, and 0."""
    if alpha <= 0:
        raise InvalidSetting(f"alpha = {alpha} must be above 0")
    count = math.ceil(math.log(grid.bins) / math.log1p(alpha))
    return np.append(2 * grid.half_width * (1 + alpha) ** -np.arange(count + 1.0), 0.0)


def distances_by_bands(
    nodes: Float[np.ndarray, "t N2 c"], grid: Grid, points: Float[np.ndarray, "t m"], alpha: float, power: int
) -> Float[np.ndarray, "t m c"]:
    """Return Σ w|x − y|^p up to a factor (1 + α)^p, by geometric distance bands (Backurs et al. 2024).

    Each band is one range on either side of y, answered from its own dyadic nodes and counted at its far end.
    """
    edges = band_edges(grid, alpha)
    far, near = edges[:-1], edges[1:]  # (b,)
    t, m = points.shape
    total = np.zeros((t, m, nodes.shape[2]))
    for side in (1, -1):
        outer = grid.boundary_after(points[..., None] + side * far)  # (t, m, b)
        inner = grid.boundary_after(points[..., None] + side * near)
        first, last = (inner, outer) if side == 1 else (outer, inner)
        sums = range_sums(nodes, first.reshape(t, -1), last.reshape(t, -1)).reshape(t, m, len(far), -1)
        total += np.einsum("tmbc,b->tmc", sums, far**power)
    return total
