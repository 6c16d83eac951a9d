"""The merge of two resolutions: gated adapters between the encoder's blocks, which start as the identity.

After LLaVA-HR's mixture-of-resolution adaptation (arXiv 2403.03003 and its released code). **Deviation:** where neither
grid's side divides the other's, maps are pooled adaptively, so that 1024 pixels go with 576 tokens; LLaVA-HR stops.

Legend:  B images · T = G² tokens of the low-resolution grid · D its width · C, S channels and side of the other map
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn

from tenfold.llava_read.errors import InvalidInputs

Tokens = Float[Tensor, "B T D"]
Map = Float[Tensor, "B C S S"]


def resized(features: Map, side: int) -> Float[Tensor, "B C G G"]:
    """Return a map with another side: averaged (adaptively) if it is smaller, bilinearly resized if it is larger."""
    own = features.shape[-1]
    if own == side:
        return features
    if own > side:
        return functional.adaptive_avg_pool2d(features, side)
    wide = functional.interpolate(features.float(), size=(side, side), mode="bilinear", align_corners=True)
    return wide.to(features.dtype)


def grid_side(tokens: Tokens) -> int:
    """Return the side of the grid of tokens. Raises InvalidInputs if they make no square."""
    side = math.isqrt(tokens.shape[1])
    if side * side != tokens.shape[1]:
        raise InvalidInputs(f"{tokens.shape[1]} tokens make no square grid")
    return side


class ZeroConvolution(nn.Conv2d):
    """A convolution whose first weights are zero."""

    def reset_parameters(self) -> None:
        """Set weights and biases to zero."""
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class ResolutionAdapter(nn.Module):
    """Let tokens of low resolution see each other and, through a gate per image, the map of high resolution.

    The outputs of both branches start at zero, so that the adapter is the identity at update 0.
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.low_in = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.low_out = ZeroConvolution(width, width, 1)
        self.high_in = nn.Conv2d(channels, channels, 1)
        self.high_out = ZeroConvolution(channels, width, 1)
        self.gate = nn.Sequential(nn.Linear(2 * width, width // 2), nn.GELU(), nn.Linear(width // 2, 1))
        for part in (self.low_in, self.high_in, self.low_out, self.high_out, self.gate[0], self.gate[2]):
            part.starts_itself = True  # type: ignore[assignment]  # transformers would draw its weights anew

    def forward(self, tokens: Tokens, high: Map) -> Tokens:
        """Return the tokens after the merge. Raises InvalidInputs if they make no square grid."""
        side = grid_side(tokens)
        low = tokens.transpose(1, 2).unflatten(2, (side, side))  # (B, D, G, G)
        low = low + self.low_out(functional.gelu(self.low_in(low)))
        seen = resized(self.high_out(functional.gelu(self.high_in(high))), side)  # (B, D, G, G)
        means = torch.cat([low.mean(dim=(2, 3)), seen.mean(dim=(2, 3))], dim=1)  # (B, 2D)
        gate = torch.tanh(self.gate(means))[:, :, None, None]  # (B, 1, 1, 1)
        return (low + gate * seen).flatten(2).transpose(1, 2)


class ResolutionSum(nn.Module):
    """The last merge: a linear map of the tokens and one of the map, added per place; its weights start at random."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.low = nn.Linear(width, width)
        self.high = nn.Linear(channels, width)

    def forward(self, tokens: Tokens, high: Map) -> Tokens:
        """Return the sum. Raises InvalidInputs if the tokens make no square grid."""
        seen = resized(high, grid_side(tokens)).flatten(2).transpose(1, 2)  # (B, T, C)
        return self.low(tokens) + self.high(seen)
