"""What is timed: attention layers without a prefix, with one of m keys, and with (Z, k).

Legend:  B batch · H heads · L tokens · d head size · m prefix length
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from tenfold.ntk_attention.attention import BACKENDS, prefix_attention, read_memory, released
from tenfold.ntk_attention.features import feature_map

PLAIN, PREFIX, OFFICIAL = "no prefix", "prefix", "official"
Attention = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Shape:
    """One layer's input: ``queries`` below ``length`` is decoding with a cache of that length.

    ``projected``: the layer's four projections (H·d)² are timed too, as they are in every layer of a model.
    """

    batch: int = 2
    heads: int = 8
    length: int = 256
    head_size: int = 64
    queries: int | None = None
    projected: bool = False


def layer_call(
    method: str,
    shape: Shape,
    m: int = 0,
    *,
    layers: int = 1,
    gradients: bool = False,
    compiled: bool = False,
    device: str = "cpu",
) -> Callable[[], Any]:
    """Return a call that computes one layer's attention, and the gradients if asked.

    ``method``: "no prefix", "prefix", a backend of NTK-Attention by its name (eager, merged, marker, flex), or
    "official", the released arithmetic in float32.
    Each of several ``layers`` has a cache and weights of its own and reads what the layer before it returned, as in a
    model. ``compiled``: by torch.compile, all layers as one graph.
    """
    generator = torch.Generator().manual_seed(0)

    def drawn(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator).to(device)

    B, H, d = shape.batch, shape.heads, shape.head_size
    rows = shape.queries or shape.length
    first = drawn(B, rows, H * d) if shape.projected else drawn(B, H, rows, d)
    parts, leaves = [], [first]
    for _ in range(layers):
        attention, adapter = _attention(method, shape, m, drawn)
        cache = drawn(B, H, shape.length, d), drawn(B, H, shape.length, d)
        if shape.projected:
            weights = [drawn(H * d, H * d) / (H * d) ** 0.5 for _ in range(4)]
            parts.append(partial(_projected, attention, weights, cache, shape))
        else:
            parts.append(partial(_cached, attention, cache))
            leaves += cache
        leaves += adapter

    def forward(value: torch.Tensor) -> torch.Tensor:
        for part in parts:
            value = part(value)
        return value

    run = torch.compile(forward, fullgraph=True, dynamic=False) if compiled else forward
    if not gradients:
        return torch.inference_mode()(partial(run, first))
    for leaf in leaves:
        leaf.requires_grad_(True)
    return lambda: torch.autograd.grad(run(first).sum(), leaves)


def _attention(
    method: str, shape: Shape, m: int, drawn: Callable[..., torch.Tensor]
) -> tuple[Attention, tuple[torch.Tensor, ...]]:
    """Return (query, key, value) → output, and the adapter's tensors."""
    H, d = shape.heads, shape.head_size
    scale = d**-0.5
    if method == PLAIN:
        return partial(functional.scaled_dot_product_attention, scale=scale), ()
    if method == PREFIX:
        prefix = drawn(1, H, m, d), drawn(1, H, m, d)
        return lambda query, key, value: prefix_attention(query, key, value, *prefix, None, scale), prefix
    phi, Z, k = feature_map("elu1", d), drawn(H, d, d), drawn(H, d).abs()
    function = released if method == OFFICIAL else BACKENDS[method]

    def attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return function(query, key, value, read_memory(phi(query), Z, k), None, scale)

    return attention, (Z, k)


def _cached(attention: Attention, cache: tuple[torch.Tensor, ...], query: torch.Tensor) -> torch.Tensor:
    return attention(query, *cache)


def _projected(
    attention: Attention,
    weights: list[torch.Tensor],
    cache: tuple[torch.Tensor, ...],
    shape: Shape,
    hidden: torch.Tensor,
) -> torch.Tensor:
    """Return the layer's output (B, T, H·d) for ``hidden`` (B, T, H·d); new keys and values take the cache's end."""
    query, key, value = (
        (hidden @ weight).unflatten(-1, (shape.heads, shape.head_size)).transpose(1, 2) for weight in weights[:3]
    )
    if shape.queries is not None:
        cache[0][:, :, -shape.queries :], cache[1][:, :, -shape.queries :] = key, value
        key, value = cache
    return attention(query, key, value).transpose(1, 2).flatten(2) @ weights[3]
