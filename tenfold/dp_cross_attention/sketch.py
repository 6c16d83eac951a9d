"""Building the sketch M = Σ P(k_i) ⊗ [v_i; λ] by blocks, and adding its noise.

Legend: n rows, d key columns, c = d_v + 1 sketch columns, r features. Memory is O(r·c) plus a block a thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from threadpoolctl import ThreadpoolController

from tenfold.dp_cross_attention.features import FeatureMap
from tenfold.privacy.noise import NoiseSource

if TYPE_CHECKING:
    import torch

CHUNK = 1 << 15  # rows summed by one thread; fixed, so that the sum does not depend on the number of threads
BLOCK_BYTES = 3 << 20  # of features at a time: they stay in a core's cache between the two passes
TORCH_BLOCK_BYTES = 1 << 28


def with_denominator(values: Float[np.ndarray, "n v"], weight: float | None) -> Float[np.ndarray, "n c"]:
    """Return [v_i; λ], or the values alone where ``weight`` is None."""
    if weight is None:
        return values
    return np.concatenate([values, np.full((values.shape[0], 1), weight)], axis=1)


def block_rows(features: FeatureMap, budget: int = BLOCK_BYTES) -> int:
    """Return how many rows' features fit into a block."""
    return max(16, min(CHUNK, budget // (8 * features.count)))


def build(
    features: FeatureMap,
    keys: Float[np.ndarray, "n d"],
    columns: Float[np.ndarray, "n c"],
    threads: int | None = None,
) -> Float[np.ndarray, "r c"]:
    """Return Σ P(k_i) ⊗ c_i, summed in float64; the same bytes for any number of threads."""
    return build_from(features, keys.shape[0], columns.shape[1], lambda part: (keys[part], columns[part]), threads)


def build_from(
    features: FeatureMap,
    rows: int,
    columns: int,
    chunk: Callable[[slice], tuple[np.ndarray, np.ndarray]],
    threads: int | None = None,
) -> Float[np.ndarray, "r c"]:
    """Return the sum over chunks of rows that ``chunk`` prepares as they are needed: (keys, columns) of a slice."""
    threads = threads or len(os.sched_getaffinity(0))
    starts = range(0, rows, CHUNK)
    total = np.zeros((features.count, columns))

    def part(start: int) -> Float[np.ndarray, "r c"]:
        return _chunk(features, *chunk(slice(start, start + CHUNK)))

    with _thread_pools().limit(limits=1, user_api="blas"):  # blocks are too small to be shared out by BLAS
        if len(starts) == 1:
            return features.scale[:, None] * part(0)
        with ThreadPoolExecutor(max(1, min(threads, len(starts)))) as pool:
            for sums in _in_order(pool, part, starts, 2 * threads):
                total += sums
    return features.scale[:, None] * total


@cache
def _thread_pools() -> ThreadpoolController:
    """The BLAS libraries of this process; finding them takes a millisecond."""
    return ThreadpoolController()


def _in_order(pool: ThreadPoolExecutor, part, starts: range, ahead: int) -> Iterator[np.ndarray]:
    """Yield the parts in order, with at most ``ahead`` of them begun: memory does not grow with n."""
    for first in range(0, len(starts), ahead):
        yield from pool.map(part, starts[first : first + ahead])


def _chunk(features: FeatureMap, keys: np.ndarray, columns: np.ndarray) -> Float[np.ndarray, "r c"]:
    size = block_rows(features)
    sums = np.zeros((features.count, columns.shape[1]))
    space = np.empty((features.count, size))
    for start in range(0, keys.shape[0], size):
        block = keys[start : start + size]
        out = space if block.shape[0] == size else None
        raw = features.raw(block, out)
        sums += raw @ columns[start : start + size]
    return sums


def build_torch(
    features: FeatureMap, keys: torch.Tensor, columns: torch.Tensor, precision: torch.dtype | None = None
) -> Float[np.ndarray, "r c"]:
    """Return the same sum, computed on the tensors' device; products are accumulated in float64.

    ``precision`` is that of the features (float64 unless given). Rounding in a lower one breaks
    ‖P(k)‖² = T_g(‖k‖²/τ), so features that came out longer are shortened to it again before they are summed.
    """
    import torch

    precision = precision or torch.float64
    scale = torch.tensor(features.scale, device=keys.device)[:, None]
    total = torch.zeros(features.count, columns.shape[1], dtype=torch.float64, device=keys.device)
    size = block_rows(features, TORCH_BLOCK_BYTES)
    for start in range(0, keys.shape[0], size):
        block = keys[start : start + size].to(torch.float64)
        raw = features.raw_torch(block.to(precision)).to(torch.float64) * scale  # (r, b)
        if precision != torch.float64:
            lengths = block.square().sum(dim=1).cpu().numpy()
            bound = torch.as_tensor(np.sqrt(features.norm_squared(lengths)), device=keys.device)
            raw = raw * torch.clamp(bound / raw.norm(dim=0), max=1.0)
        total += raw @ columns[start : start + size].to(torch.float64)
    return total.cpu().numpy()


def released(
    sums: Float[np.ndarray, "r c"], noise_sd: float, source: NoiseSource, draws: int | None = None
) -> Float[np.ndarray, "... r c"]:
    """Return M̃ = M + N(0, σ²) in every entry; (draws, r, c) for independent ``draws``."""
    shape = sums.shape if draws is None else (draws, *sums.shape)
    return sums + source.gaussian(shape, noise_sd)
