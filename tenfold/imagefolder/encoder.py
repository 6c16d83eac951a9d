"""Image to latent maps: a vision transformer whose learned query tokens become one K×K map per branch.

Legend:  B images · C channels · G patches along a side · K side of the latent map · P branches · D width · c code_dim
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tenfold.imagefolder.config import TokenizerConfig
from tenfold.nn.transformer import PositionGrid, Transformer, resampled


class Encoder(nn.Module):
    """CLS, patches and P·K² query tokens through one transformer; the queries come out as the latent maps.

    Queries start near zero (sd 1e-6). Their place comes from the patches' position grid, resampled to K×K, and their
    branch from a level embedding: both branches lie on the same K×K places.
    """

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config, self.side = config, config.sides[-1]
        self.patches = nn.Conv2d(config.channels, config.width, config.patch_size, config.patch_size)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, config.width))
        self.cls_position = nn.Parameter(0.02 * torch.randn(1, 1, config.width))
        self.positions = PositionGrid(config.grid, config.width)
        self.queries = nn.Parameter(1e-6 * torch.randn(1, config.branches * self.side**2, config.width))
        self.levels = nn.Parameter(0.02 * torch.randn(1, config.branches + 1, config.width))  # patches, then branches
        self.transformer = Transformer(config.width, config.depth, config.heads, config.drop_path, config.layer_scale)

    def tokens(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B T D"]:
        """Return what the transformer reads: CLS, patches, and the queries last."""
        config, B = self.config, len(images)
        patches = self.patches(images).flatten(2).transpose(1, 2)  # (B, G², D)
        patches = patches + self.positions(config.grid) + self.levels[:, :1]
        places = self.positions(self.side).repeat(1, config.branches, 1)  # (1, P·K², D)
        queries = self.queries + places + self.levels[:, 1:].repeat_interleave(self.side**2, dim=1)
        if config.local_start:  # Deviation: stands in for what pretrained attention knows
            queries = queries + resampled(patches, self.side).repeat(1, config.branches, 1)
        return torch.cat([(self.cls + self.cls_position).expand(B, -1, -1), patches, queries.expand(B, -1, -1)], 1)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B P K2 D"]:
        """Return the latent map of each branch."""
        P, K2 = self.config.branches, self.side**2
        return self.transformer(self.tokens(images), slice(-P * K2, None)).unflatten(1, (P, K2))
