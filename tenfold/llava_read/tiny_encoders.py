"""The small encoders that are trained here: a vision transformer for low resolution, convolutions for high.

Legend:  B images · T tokens · D width · C channels · S side of the last map
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel
from transformers import initialization as init

from tenfold.llava_read.config import TinyConvNetConfig, TinyViTConfig
from tenfold.nn.transformer import Block, PositionGrid


class TinyViT(PreTrainedModel):
    """A small vision transformer without a class token."""

    config_class = TinyViTConfig
    main_input_name = "pixel_values"

    def __init__(self, config: TinyViTConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.patches = nn.Conv2d(3, width, config.patch_size, stride=config.patch_size)
        self.positions = PositionGrid(config.image_size // config.patch_size, width)
        self.blocks = nn.ModuleList(
            Block(width, config.num_attention_heads, 0.0, None) for _ in range(config.num_hidden_layers)
        )
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Linear | nn.Conv2d):
            init.trunc_normal_(module.weight, std=0.04)
        if isinstance(module, PositionGrid):
            init.normal_(module.embedding, std=0.1)

    def embed(self, pixel_values: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B T D"]:
        """Return the tokens before the first block."""
        maps = self.patches(pixel_values)  # (B, D, G, G)
        return maps.flatten(2).transpose(1, 2) + self.positions(maps.shape[-1])

    def forward(self, pixel_values: Float[Tensor, "B 3 H W"], **_: Any) -> Float[Tensor, "B T D"]:
        """Return the tokens after the last block and its norm."""
        tokens = self.embed(pixel_values)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a map."""

    def forward(self, input: Float[Tensor, "B C S S"]) -> Float[Tensor, "B C S S"]:
        """Return the map with each place normalised."""
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class TinyConvNet(PreTrainedModel):
    """Patches, then 3×3 convolutions that halve the side, with layer norms: no image depends on others of a batch."""

    config_class = TinyConvNetConfig
    main_input_name = "pixel_values"

    def __init__(self, config: TinyConvNetConfig) -> None:
        super().__init__(config)
        widths = list(config.hidden_sizes or [])
        patches = nn.Conv2d(3, widths[0], config.patch_size, stride=config.patch_size)
        halves = [nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in itertools.pairwise(widths)]
        self.stages = nn.ModuleList(
            nn.Sequential(convolution, ChannelNorm(convolution.out_channels), nn.GELU())
            for convolution in (patches, *halves)
        )
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Conv2d):
            init.kaiming_normal_(module.weight)

    def forward(self, pixel_values: Float[Tensor, "B 3 H W"], **_: Any) -> Float[Tensor, "B C S S"]:
        """Return the last map."""
        maps = pixel_values.contiguous(memory_format=torch.channels_last)  # twice as fast on a CPU
        for stage in self.stages:
            maps = stage(maps)
        return maps


for _config, _model in ((TinyViTConfig, TinyViT), (TinyConvNetConfig, TinyConvNet)):
    AutoModel.register(_config, _model, exist_ok=True)
