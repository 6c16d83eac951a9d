"""Transformer blocks whose norms a condition shifts, scales and gates (AdaLN), with a cache of keys and values.

Legend:  B images or texts · T tokens · t earlier tokens, in the cache · D width · H heads
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn

from tenfold.nn.transformer import DropPath

KeysValues = tuple[Tensor, Tensor]  # (B, H, t, D/H) each
LARGEST_QUERY_SCALE = 100.0


class CachedAttention(nn.Module):
    """Self-attention with unit queries and keys and a learned scale per head.

    ``before`` are the keys and values of earlier tokens; ``mask`` says which tokens may attend to which.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.log_scale = nn.Parameter(torch.full((heads, 1, 1), 4.0).log())
        self.projection = nn.Linear(width, width)

    def forward(
        self, tokens: Float[Tensor, "B T D"], mask: Tensor | None, before: KeysValues | None
    ) -> tuple[Float[Tensor, "B T D"], KeysValues]:
        """Return the mixed tokens, and the keys and values of all tokens so far."""
        B, T, D = tokens.shape
        q, k, v = self.qkv(tokens).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # 3 × (B, H, T, D/H)
        scale = self.log_scale.exp().clamp(max=LARGEST_QUERY_SCALE)
        q, k = functional.normalize(q, dim=-1) * scale, functional.normalize(k, dim=-1)
        if before is not None:
            k, v = torch.cat([before[0], k], dim=2), torch.cat([before[1], v], dim=2)
        mixed = functional.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, attn_mask=mask, scale=1.0)
        return self.projection(mixed.transpose(1, 2).reshape(B, T, D)), (k, v)


class AdaptiveBlock(nn.Module):
    """A transformer block whose norms are shifted, scaled and gated by a condition."""

    def __init__(self, width: int, heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.attention = CachedAttention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))
        self.condition = nn.Linear(width, 6 * width)
        self.drop_path = DropPath(drop_path)

    def forward(
        self, tokens: Tensor, condition: Float[Tensor, "B D"], mask: Tensor | None, before: KeysValues | None
    ) -> tuple[Tensor, KeysValues]:
        """Return the tokens under a condition, and the keys and values of all tokens so far."""
        gate1, gate2, scale1, scale2, shift1, shift2 = self.condition(condition)[:, None].chunk(6, dim=-1)
        mixed, kept = self.attention(self.norm1(tokens) * (1 + scale1) + shift1, mask, before)
        tokens = tokens + self.drop_path(mixed * gate1)
        return tokens + self.drop_path(self.mlp(self.norm2(tokens) * (1 + scale2) + shift2) * gate2), kept
