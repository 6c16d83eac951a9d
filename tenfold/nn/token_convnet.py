"""A small convolutional encoder of images or spectrograms that gives a few tokens; no item depends on its neighbours.

Legend:  B items · C channels · H, W height and width · F tokens · D width of a token
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from jaxtyping import Float
from torch import Tensor, nn

from tenfold.imaging.errors import InvalidImages
from tenfold.nn.errors import InvalidConfig

GROUPS = 8  # of the group norms


@dataclass(frozen=True)
class TokenConvNetConfig:
    """Channels of the input, widths of the convolutions, the grid of tokens, and the cells of the map in each.

    A token's cells stand side by side in its features, so that it tells where in it something is, such as a pitch in a
    spectrogram, of which convolutions and averages know nothing. Raises InvalidConfig.
    """

    channels: int = 3
    widths: tuple[int, ...] = (32, 64, 64)
    grid: tuple[int, int] = (2, 2)
    cells: tuple[int, int] = (2, 2)

    def __post_init__(self) -> None:
        sizes = (self.channels, *self.widths, *self.grid, *self.cells)
        if len(self.grid) != 2 or len(self.cells) != 2 or not self.widths or min(sizes) < 1:
            raise InvalidConfig(f"all sizes of a network are at least 1: {self}")
        if any(width % GROUPS for width in self.widths):
            raise InvalidConfig(f"widths are multiples of the norms' {GROUPS} groups, not {self.widths}")

    @property
    def tokens(self) -> int:
        """How many tokens an item has."""
        return self.grid[0] * self.grid[1]

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON holds it."""
        return {name: list(one) if isinstance(one, tuple) else one for name, one in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` gave. Raises InvalidConfig for a key that is none of the configuration's."""
        if unknown := sorted(set(values) - {field.name for field in fields(cls)}):
            raise InvalidConfig(f"an encoder has no {', '.join(unknown)}")
        found: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
        return cls(**found)


class TokenConvNet(nn.Module):
    """Strided 3×3 convolutions with group norms, averaged over the cells of each token of a grid."""

    def __init__(self, config: TokenConvNetConfig) -> None:
        super().__init__()
        self.config = config
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(GROUPS, width), nn.GELU())
            for before, width in itertools.pairwise((config.channels, *config.widths))
        )
        (rows, columns), (high, wide) = config.grid, config.cells
        self.pool = nn.AdaptiveAvgPool2d((rows * high, columns * wide))

    @property
    def width(self) -> int:
        """How many features a token has."""
        return self.config.widths[-1] * self.config.cells[0] * self.config.cells[1]

    @property
    def tokens(self) -> int:
        """How many tokens an item has."""
        return self.config.tokens

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B F D"]:
        """Return the tokens, row by row of the grid. Raises InvalidImages for another number of channels."""
        if maps.ndim != 4 or maps.shape[1] != self.config.channels:
            raise InvalidImages(f"this encoder reads (B, {self.config.channels}, H, W), not {tuple(maps.shape)}")
        for stage in self.stages:
            maps = stage(maps)
        (rows, columns), (high, wide) = self.config.grid, self.config.cells
        cells = self.pool(maps).unflatten(3, (columns, wide)).unflatten(2, (rows, high))  # (B, C, rows, high, …, wide)
        return cells.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)  # (B, F, C·high·wide)
