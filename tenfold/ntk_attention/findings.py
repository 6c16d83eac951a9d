"""The findings about the released code and the paper's argument, each as a number.

Legend:  H heads · T tokens · d head size · m prefix length
"""

from __future__ import annotations

import torch

from tenfold.ntk_attention.attention import eager, prefix_attention, read_memory, released
from tenfold.ntk_attention.config import NTKAttentionConfig
from tenfold.ntk_attention.features import feature_map
from tenfold.ntk_attention.layer import parameter_count

# ChatGLM3-6B: 28 layers, 32 heads of 128, two groups of keys; query_key_value is 4096 → 4608. ViT-B: 12, 12, 64.
CHATGLM = {"layers": 28, "heads": 32, "head_size": 128, "width": 4096, "projection": 4608}


def elu1_over_exponential(head_size: int = 32, scale: float = 0.3, m: int = 64, seed: int = 0) -> float:
    """Return Σφ(q)ᵀφ(p)/Σe^{s} over random pairs: how much too large an undivided denominator is (about d)."""
    generator = torch.Generator().manual_seed(seed)
    query, key = (scale * torch.randn(m, head_size, generator=generator, dtype=torch.float64) for _ in range(2))
    phi = feature_map("elu1", head_size)
    return float((phi(query) @ phi(key).T).sum() / torch.exp(query @ key.T * head_size**-0.5).sum())


def released_k_gradient(updates: int = 5) -> tuple[float, float]:
    """Return the largest |∂loss/∂k| over some updates from 0 through |k|, and from 1e-4 through softplus."""
    found = []
    for as_released in (True, False):
        generator = torch.Generator().manual_seed(0)
        query, key, value, target = (torch.randn(1, 2, 6, 8, generator=generator) for _ in range(4))
        Z = torch.zeros(2, 8, 8) if as_released else 1e-4 * torch.randn(2, 8, 8, generator=generator)
        raw = torch.zeros(2, 8) if as_released else torch.full((2, 8), -9.2)  # softplus(−9.2) = 1e-4
        phi, largest = feature_map("elu1", 8), 0.0
        for _ in range(updates):
            Z.requires_grad_(True), raw.requires_grad_(True)
            k = raw.abs() if as_released else torch.nn.functional.softplus(raw)
            out = eager(query, key, value, read_memory(phi(query), Z, k), None, 8**-0.5)
            gradients = torch.autograd.grad((out - target).square().sum(), (Z, raw))
            largest = max(largest, float(gradients[1].abs().max()))
            Z, raw = Z.detach() - 0.1 * gradients[0], raw.detach() - 0.1 * gradients[1]
        found.append(largest)
    return found[0], found[1]


def released_overflow(scale: float = 60.0) -> tuple[float, float]:
    """Return the share of finite outputs at ``scale`` times the usual queries: e^{logits} as they come, and ours."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, 4, 64, 32, generator=generator) for _ in range(3))
    query, Z, k = scale * query, torch.randn(4, 32, 32, generator=generator), torch.rand(4, 32, generator=generator)
    memory = read_memory(feature_map("elu1", 32)(query), Z, k)
    theirs, ours = (function(query, key, value, memory, None, 32**-0.5) for function in (released, eager))
    return float(theirs.isfinite().float().mean()), float(ours.isfinite().float().mean())


def dropout_in_evaluation() -> float:
    """Return the largest difference of two evaluations where dropout of 0.2 is made anew in each forward pass."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, 2, 8, 16, generator=generator) for _ in range(3))
    Z, k = torch.randn(2, 16, 16, generator=generator), torch.rand(2, 16, generator=generator)
    phi = feature_map("elu1", 16)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, second = (
            eager(query, key, value, read_memory(torch.nn.Dropout(0.2)(phi(query)), Z, k), None, 0.25) for _ in range(2)
        )
    return float((first - second).abs().max())


def published_counts() -> dict[str, int]:
    """Return how many numbers each method trains on ChatGLM3-6B, and NTK-Attention on ViT-B, from the formulas."""
    c = CHATGLM
    return {
        "ntk": parameter_count(NTKAttentionConfig(), c["heads"], c["head_size"], c["head_size"], c["layers"]),
        "lora, r = 8": c["layers"] * 8 * (c["width"] + c["projection"]),
        "prefix, m = 10": c["layers"] * 10 * 2 * 2 * c["head_size"],
        "ntk, ViT-B": parameter_count(NTKAttentionConfig(), 12, 64, 64, 12),
    }


def outside_every_prefix(seed: int = 0) -> tuple[float, float]:
    """Return the largest output over the largest value: of a (Z, k) with Z large and k small, and of a long prefix.

    A prefix gives convex combinations of values, so that its ratio is at most 1.
    """
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (torch.randn(1, 2, 8, 16, generator=generator) for _ in range(3))
    Z, k = 10 * torch.randn(2, 16, 16, generator=generator), torch.full((2, 16), 1e-3)
    memory = read_memory(feature_map("elu1", 16)(query), Z, k)
    free = eager(query, key, value, memory, None, 0.25)
    prefix_key = torch.randn(1, 2, 32, 16, generator=generator)
    prefix_value = value[:, :, torch.randint(0, 8, (32,), generator=generator)]
    averaged = prefix_attention(query, key, value, prefix_key, prefix_value, None, 0.25)
    largest = value.abs().max()
    return float(free.abs().max() / largest), float(averaged.abs().max() / largest)
