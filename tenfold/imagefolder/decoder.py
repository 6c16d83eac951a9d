"""Latent maps to image: a second vision transformer reads mask tokens beside the latents.

Legend:  B images · G patches along a side · K side of the latent map · P branches · D width · c code_dim
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn

from tenfold.imagefolder.config import TokenizerConfig
from tenfold.nn.transformer import PositionGrid, Transformer, resampled


class Decoder(nn.Module):
    """Branches side by side through a 1×1 convolution; G² mask tokens then become the patches' pixels."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config, self.side = config, config.sides[-1]
        self.inputs = nn.Linear(config.branches * config.code_dim, config.width)  # the 1×1 convolution
        self.mask = nn.Parameter(0.02 * torch.randn(1, 1, config.width))
        if config.decoder_cls:
            self.cls = nn.Parameter(0.02 * torch.randn(1, 2, config.width))  # with their positions and levels
        self.positions = PositionGrid(config.grid, config.width)
        self.levels = nn.Parameter(0.02 * torch.randn(1, 2, config.width))  # patches, latents
        self.transformer = Transformer(config.width, config.depth, config.heads, config.drop_path, config.layer_scale)
        self.head = nn.Linear(config.width, config.channels * config.patch_size**2)

    def tokens(self, latents: Float[Tensor, "B P c K2"]) -> Float[Tensor, "B T D"]:
        """Return what the transformer reads: the mask tokens first, then the latents."""
        config, grid = self.config, self.config.grid
        inputs = self.inputs(latents.flatten(1, 2).transpose(1, 2))  # (B, K², D)
        inputs = inputs + self.positions(self.side) + self.levels[:, 1:]
        masks = (self.mask + self.positions(grid) + self.levels[:, :1]).expand(len(latents), -1, -1)
        if config.local_start:  # Deviation: stands in for what pretrained attention knows
            masks = masks + resampled(inputs, grid)
        tokens = [masks, inputs] if not config.decoder_cls else [masks, inputs, self.cls.expand(len(latents), -1, -1)]
        return torch.cat(tokens, dim=1)

    def pixels(self, decoded: Float[Tensor, "B G2 D"]) -> Float[Tensor, "B C H W"]:
        """Return the image of decoded patches."""
        grid = self.config.grid
        patches = self.head(decoded).transpose(1, 2).unflatten(2, (grid, grid))  # (B, C·s·s, G, G)
        return functional.pixel_shuffle(patches, self.config.patch_size)

    def forward(self, latents: Float[Tensor, "B P c K2"]) -> Float[Tensor, "B C H W"]:
        """Return the images of latent maps."""
        return self.pixels(self.transformer(self.tokens(latents), slice(self.config.grid**2)))
