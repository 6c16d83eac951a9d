"""Both encoders of images and their merge: pixels of two resolutions in, one grid of tokens out.

The encoders are the small ones trained here, or CLIP's vision transformer and ConvNeXt as transformers has them.

Legend:  B images · T tokens of the low-resolution grid · D its width · C, S channels and side of the other map
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import AutoModel, CLIPVisionModel, PreTrainedModel

from tenfold.llava_read.config import LlavaReadConfig, check_sides
from tenfold.llava_read.errors import InvalidInputs, InvalidParts
from tenfold.llava_read.merge import ResolutionAdapter, ResolutionSum
from tenfold.llava_read.tiny_encoders import TinyViT


class VisionEncoder(nn.Module):
    """The low-resolution encoder with, unless ``merge`` is none, the high-resolution one merged into it."""

    def __init__(self, config: LlavaReadConfig, *, low: Any = None, high: Any = None) -> None:
        super().__init__()
        self.config = config
        of_low, of_high = config.vision_low_config, config.vision_high_config
        self.low: Any = AutoModel.from_config(of_low) if low is None else low
        if not isinstance(self.low, TinyViT | CLIPVisionModel):
            raise InvalidParts(f"the low-resolution encoder is CLIP's or the small one, not {type(self.low).__name__}")
        self.high: Any = None
        self.adapters, self.sum = nn.ModuleDict(), None
        if of_high is not None:
            self.high = AutoModel.from_config(of_high) if high is None else high
            width, channels = int(of_low.hidden_size), int(of_high.hidden_sizes[-1])  # type: ignore[union-attr]
            self.adapters = nn.ModuleDict(
                {str(layer): ResolutionAdapter(width, channels) for layer in config.merge_layers or []}
            )
            self.sum = ResolutionSum(width, channels)

    def forward(self, low: Float[Tensor, "B 3 h w"], high: Float[Tensor, "B 3 H W"] | None) -> Float[Tensor, "B T D"]:
        """Return the tokens of images, as many as the low-resolution grid has places.

        Raises InvalidInputs for images of one resolution where both are needed, or of both where one is; InvalidConfig
        for sides that the patches or the stride do not divide.
        """
        return self.merged(*self.encoded(low, high))

    def encoded(
        self, low: Float[Tensor, "B 3 h w"], high: Float[Tensor, "B 3 H W"] | None
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B C S S"] | None]:
        """Return what the last merge reads: the tokens of low resolution and the map of high, if there is one.

        While encoders and adapters are frozen, an image's are the same in every update. Raises like ``forward``.
        """
        self._check(low, high)
        dtype = next(self.low.parameters()).dtype
        low, high = low.to(dtype), None if high is None else high.to(dtype)
        features = None if high is None else _feature_map(self.high, high)  # (B, C, S, S)
        tokens, first = self._embedded(low)
        for number, block in enumerate(self._blocks(), 1):
            tokens = _hidden(block(tokens) if isinstance(self.low, TinyViT) else block(tokens, None))
            if features is not None and str(number) in self.adapters:
                merged = self.adapters[str(number)](tokens[:, first:], features)
                tokens = torch.cat([tokens[:, :first], merged], dim=1)
        tokens = tokens[:, first:]  # (B, T, D)
        if isinstance(self.low, TinyViT):
            tokens = self.low.norm(tokens)
        return tokens, features

    def merged(
        self, tokens: Float[Tensor, "B T D"], features: Float[Tensor, "B C S S"] | None
    ) -> Float[Tensor, "B T D"]:
        """Return the last merge of what ``encoded`` returned. Raises InvalidInputs if a map is there and unused."""
        if (features is None) != (self.sum is None):
            raise InvalidInputs(f"merge: {self.config.merge} does not go with the features of another kind of merge")
        return tokens if features is None or self.sum is None else self.sum(tokens, features)

    def unused(self) -> list[str]:
        """Return the paths, from this module, of the parts of the encoders that no token passes through."""
        if isinstance(self.low, TinyViT):
            blocks, last = "low.blocks", []
        else:
            blocks, last = "low.encoder.layers", ["low.post_layernorm"]
            if self.config.class_token == "dropped":
                last.append("low.embeddings.class_embedding")
        total = int(self.low.config.num_hidden_layers)
        found = [f"{blocks}.{number}" for number in range(self.config.blocks, total)] + last
        return [*found, "high.layernorm"] if hasattr(self.high, "layernorm") else found

    def _blocks(self) -> list[nn.Module]:
        blocks: Any = self.low.blocks if isinstance(self.low, TinyViT) else self.low.encoder.layers
        return list(blocks)[: self.config.blocks]

    def _embedded(self, low: Tensor) -> tuple[Tensor, int]:
        """Return the tokens before the first block, and how many of them stand before the grid's."""
        if isinstance(self.low, TinyViT):
            return self.low.embed(low), 0
        first = int(self.config.class_token == "kept")
        interpolated = low.shape[-1] != self.low.config.image_size
        tokens = self.low.embeddings(low, interpolate_pos_encoding=interpolated)
        return self.low.pre_layrnorm(tokens[:, 1 - first :]), first

    def _check(self, low: Tensor, high: Tensor | None) -> None:
        if self.high is not None and high is None:
            raise InvalidInputs(f"merge: {self.config.merge} reads images of both resolutions; the high one is missing")
        if self.high is None and high is not None:
            raise InvalidInputs("merge: none reads no images of high resolution; leave pixel_values_high out")
        for images in (low, high):
            if images is not None and (images.ndim != 4 or images.shape[-1] != images.shape[-2]):
                raise InvalidInputs(f"images are squares (N, 3, side, side), not {tuple(images.shape)}")
        if high is not None and len(high) != len(low):
            raise InvalidInputs(f"{len(low)} images of low resolution and {len(high)} of high are not the same images")
        check_sides(self.config, low.shape[-1], None if high is None else high.shape[-1])


def _hidden(found: Tensor | tuple[Tensor, ...]) -> Tensor:
    return found if isinstance(found, Tensor) else found[0]


def _feature_map(encoder: PreTrainedModel, pixels: Tensor) -> Float[Tensor, "B C S S"]:
    found = encoder(pixels)
    return found if isinstance(found, Tensor) else found.last_hidden_state
