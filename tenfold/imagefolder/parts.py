"""Inference on a large batch a part at a time, so that activations stay in a processor's cache."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

CACHED = 2**20  # numbers of an activation that a processor's cache holds


@torch.no_grad()
def in_parts(function: Callable[[Tensor], Tensor], batch: Tensor, numbers: int) -> Tensor:
    """Return the function of a batch (B, …), without gradients; on a CPU of as many rows at once as a cache holds.

    ``numbers`` counts the largest activation of one row. Each of torch's threads takes parts of its own: they wait for
    each other once, and not at every operation. The function treats each row by itself.
    """
    rows = max(1, CACHED // numbers)
    if batch.device.type != "cpu" or len(batch) <= rows:
        return function(batch)
    threads = torch.get_num_threads()
    count = -(-len(batch) // (rows * threads)) * threads  # parts, as many for each thread
    autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    @torch.no_grad()  # this and autocasting are a thread's own
    def part(rows: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype, enabled=autocast):
            return function(rows)

    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return torch.cat(list(pool.map(part, batch.tensor_split(min(count, len(batch))))))
    finally:
        torch.set_num_threads(threads)  # what new threads begin with
