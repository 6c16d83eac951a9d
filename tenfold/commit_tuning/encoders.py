"""Encoders that others trained, each giving as few tokens as the small one.

Legend:  B items · C channels · S side of a map · T frames · F tokens · D width of a token
"""

from __future__ import annotations

from typing import Any, Protocol

import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn

from tenfold.commit_tuning.question_errors import InvalidModelParts


class Encoder(Protocol):
    """What a model hears or sees by: ``tokens`` tokens of ``width`` per item."""

    @property
    def tokens(self) -> int: ...

    @property
    def width(self) -> int: ...

    def __call__(self, media: Tensor) -> Float[Tensor, "B F D"]: ...


class MapTokens(nn.Module):
    """An image encoder that gives a map, such as EfficientNet-Lite0, averaged over the cells of a grid."""

    def __init__(self, network: Any, *, grid: int = 2) -> None:
        super().__init__()
        sizes = getattr(network.config, "hidden_sizes", None)
        if not sizes:
            raise InvalidModelParts(f"a {type(network).__name__} names no hidden_sizes: it gives no map of known width")
        self.network, self.grid, self.width = network, grid, int(sizes[-1])

    @property
    def tokens(self) -> int:
        """How many tokens an image has."""
        return self.grid**2

    def forward(self, pixel_values: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B F D"]:
        """Return the tokens, row by row of the grid."""
        found = self.network(pixel_values)
        maps = found if isinstance(found, Tensor) else found.last_hidden_state  # (B, C, S, S)
        return functional.adaptive_avg_pool2d(maps, self.grid).flatten(2).transpose(1, 2)


class FrameTokens(nn.Module):
    """A sound encoder that gives frames, such as Whisper's, averaged over equal stretches of time."""

    def __init__(self, network: Any, *, tokens: int = 4) -> None:
        super().__init__()
        if not hasattr(network.config, "d_model"):
            raise InvalidModelParts(f"a {type(network).__name__} names no d_model: it gives no frames of known width")
        self.network, self.tokens, self.width = network, tokens, int(network.config.d_model)

    def forward(self, input_features: Float[Tensor, "B M F"]) -> Float[Tensor, "B F D"]:
        """Return the tokens in the order of time."""
        frames = self.network(input_features).last_hidden_state  # (B, T, D)
        return functional.adaptive_avg_pool1d(frames.transpose(1, 2), self.tokens).transpose(1, 2)
