"""What is timed: one attention layer without a prefix, with one of m keys, and with (Z, k).

Legend:  B batch · H heads · L tokens · d head size · m prefix length
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from tenfold.ntk_attention.attention import BACKENDS, prefix_attention, read_memory, released
from tenfold.ntk_attention.features import feature_map

PLAIN, PREFIX, OFFICIAL = "no prefix", "prefix", "official"


@dataclass(frozen=True)
class Shape:
    """One layer's input: ``queries`` below ``length`` is decoding with a cache of that length."""

    batch: int = 2
    heads: int = 8
    length: int = 256
    head_size: int = 64
    queries: int | None = None


def layer_call(
    method: str, shape: Shape, m: int = 0, *, gradients: bool = False, device: str = "cpu"
) -> Callable[[], Any]:
    """Return what computes one layer's attention, and its gradients if asked: "no prefix", "prefix", or a backend of
    NTK-Attention by its name (eager, merged, marker) or "official", the released arithmetic in float32."""
    generator = torch.Generator().manual_seed(0)

    def drawn(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator).to(device)

    B, H, d = shape.batch, shape.heads, shape.head_size
    rows = shape.queries or shape.length
    query, key, value = drawn(B, H, rows, d), drawn(B, H, shape.length, d), drawn(B, H, shape.length, d)
    phi = feature_map("elu1", d).to(device)
    Z, k = drawn(H, d, d), drawn(H, d).abs()
    prefix = drawn(1, H, m, d), drawn(1, H, m, d)
    leaves = [query, key, value, *(prefix if method == PREFIX else (Z, k) if method != PLAIN else ())]
    scale = d**-0.5

    def forward() -> torch.Tensor:
        if method == PLAIN:
            return functional.scaled_dot_product_attention(query, key, value, scale=scale)
        if method == PREFIX:
            return prefix_attention(query, key, value, *prefix, None, scale)
        function = released if method == OFFICIAL else BACKENDS[method]
        return function(query, key, value, read_memory(phi(query), Z, k), None, scale)

    if not gradients:
        return torch.inference_mode()(forward)
    for leaf in leaves:
        leaf.requires_grad_(True)
    return lambda: torch.autograd.grad(forward().sum(), leaves)
