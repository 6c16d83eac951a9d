"""The vision transformer's blocks, in DINOv2's form, so that its published weights fit.

Legend:  B images · T tokens · t wanted tokens · D width · H heads
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn

Tokens = Float[Tensor, "B T D"]
EVERY = slice(None)


class DropPath(nn.Module):
    """Leave a residual branch out for a random share of the samples, in training (stochastic depth)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, residual: Tensor) -> Tensor:
        """Return the branch, in training without the samples that are left out and scaled up for the others."""
        if not self.training or self.share == 0:
            return residual
        kept = torch.rand(residual.shape[0], *[1] * (residual.ndim - 1), device=residual.device) >= self.share
        return residual * kept / (1 - self.share)


class Attention(nn.Module):
    """Multi-head self-attention over all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, tokens: Tokens, wanted: slice = EVERY) -> Float[Tensor, "B t D"]:
        """Return the ``wanted`` tokens, which attend to all."""
        B, T, D = tokens.shape
        if wanted == EVERY:
            q, k, v = self.qkv(tokens).view(B, T, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # 3 × (B, H, T, D/H)
        else:
            weight, bias = self.qkv.weight, self.qkv.bias
            q = (
                functional.linear(tokens[:, wanted], weight[:D], bias[:D])
                .unflatten(2, (self.heads, -1))
                .transpose(1, 2)
            )
            both = functional.linear(tokens, weight[D:], bias[D:])
            k, v = both.view(B, T, 2, self.heads, -1).permute(2, 0, 3, 1, 4)  # 2 × (B, H, T, D/H)
        return self.projection(functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class LayerScale(nn.Module):
    """A learned factor for each channel of a residual branch."""

    def __init__(self, width: int, start: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((width,), start))

    def forward(self, tokens: Tokens) -> Tokens:
        """Return the scaled tokens."""
        return tokens * self.factor


class Block(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self, width: int, heads: int, drop_path: float, layer_scale: float | None) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.scale1 = nn.Identity() if layer_scale is None else LayerScale(width, layer_scale)
        self.scale2 = nn.Identity() if layer_scale is None else LayerScale(width, layer_scale)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tokens, wanted: slice = EVERY) -> Float[Tensor, "B t D"]:
        """Return the ``wanted`` tokens, which attend to all."""
        tokens = tokens[:, wanted] + self.drop_path(self.scale1(self.attention(self.norm1(tokens), wanted)))
        return tokens + self.drop_path(self.scale2(self.mlp(self.norm2(tokens))))


class Transformer(nn.Module):
    """A stack of blocks and a last norm; drop-path grows linearly with depth."""

    def __init__(self, width: int, depth: int, heads: int, drop_path: float, layer_scale: float | None) -> None:
        super().__init__()
        shares = [drop_path * index / max(1, depth - 1) for index in range(depth)]
        self.blocks = nn.ModuleList(Block(width, heads, share, layer_scale) for share in shares)
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, tokens: Tokens, wanted: slice = EVERY) -> Float[Tensor, "B t D"]:
        """Return the ``wanted`` tokens; the last block computes no others."""
        *earlier, last = self.blocks
        for block in earlier:
            tokens = block(tokens)
        return self.norm(last(tokens, wanted))


def resampled(tokens: Float[Tensor, "B G2 D"], side: int) -> Float[Tensor, "B side2 D"]:
    """Resample a square of tokens to another side, bicubically."""
    grid = math.isqrt(tokens.shape[1])
    if side == grid:
        return tokens
    maps = tokens.transpose(1, 2).unflatten(2, (grid, grid))  # (B, D, G, G)
    wide = maps.to(torch.promote_types(maps.dtype, torch.float32))  # a CPU resamples no halves
    found = functional.interpolate(wide, size=(side, side), mode="bicubic", antialias=True).to(maps.dtype)
    return found.flatten(2).transpose(1, 2)


class PositionGrid(nn.Module):
    """Learned positions on a G×G grid, resampled bicubically for a map of another side."""

    def __init__(self, grid: int, width: int) -> None:
        super().__init__()
        self.grid = grid
        self.embedding = nn.Parameter(0.02 * torch.randn(1, grid * grid, width))

    def forward(self, side: int) -> Float[Tensor, "1 side2 D"]:
        """Return the positions of a side×side map."""
        return resampled(self.embedding, side)
