"""A small convolutional network for features of images: for a classifier to measure by, or an encoder to learn from.

Legend:  B images · C channels · H, W height and width · w channels of a map · D features
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from jaxtyping import Float
from torch import Tensor, nn

from tenfold.imaging.errors import InvalidImages
from tenfold.nn.errors import InvalidConfig


@dataclass(frozen=True)
class ConvNetConfig:
    """Sizes of the network: each entry of ``widths`` halves the side. Raises InvalidConfig."""

    image_size: int = 32
    channels: int = 1
    widths: tuple[int, ...] = (32, 64, 128)
    features: int = 64
    classes: int = 10  # of a classifier; an encoder leaves it unused

    def __post_init__(self) -> None:
        sizes = (self.image_size, self.channels, *self.widths, self.features, self.classes)
        if not self.widths or min(sizes) < 1:
            raise InvalidConfig(f"all sizes of a network are at least 1: {self}")
        if self.image_size % 2 ** len(self.widths):
            raise InvalidConfig(f"{len(self.widths)} widths halve a side of {self.image_size} to a fraction")

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON holds it."""
        return {**asdict(self), "widths": list(self.widths)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` gave. Raises InvalidConfig for a key that is none of the configuration's."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InvalidConfig(f"a network has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        return cls(**{**values, "widths": tuple(values.get("widths", cls.widths))})


class ConvNet(nn.Module):
    """Strided 3×3 convolutions with batch norms, averaged over places, and a linear map to D features."""

    def __init__(self, config: ConvNetConfig) -> None:
        super().__init__()
        self.config = config
        inputs = (config.channels, *config.widths)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            )
            for before, width in zip(inputs, config.widths, strict=False)
        )
        self.features = nn.Linear(config.widths[-1], config.features)

    def maps(self, images: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B w h h"]]:
        """Return the map after each stage, fine to coarse. Raises InvalidImages for another number of channels."""
        if images.ndim != 4 or images.shape[1] != self.config.channels:
            raise InvalidImages(f"this network reads images (B, {self.config.channels}, H, W), not {images.shape}")
        found = []
        for stage in self.stages:
            images = stage(images)
            found.append(images)
        return found

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        """Return the features of images. Raises InvalidImages for another number of channels."""
        return self.features(self.maps(images)[-1].mean(dim=(2, 3)))
