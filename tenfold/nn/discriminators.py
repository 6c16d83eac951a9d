"""Two discriminators: on patches of the image (PatchGAN), and on a frozen network's features at several depths.

Legend:  B images · C channels · w channels of a map · h its side · n logits of an image
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from tenfold.nn.errors import InvalidConfig

SLOPE = 0.2  # of the leaky ReLUs


class PatchDiscriminator(nn.Module):
    """PatchGAN: strided convolutions whose every output judges a patch of the image (arXiv:1611.07004).

    Deviation: group norms instead of batch norms, so that real and made images can share a batch.
    """

    def __init__(self, channels: int, *, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        for index in range(1, layers):
            before, after = width * min(2 ** (index - 1), 8), width * min(2**index, 8)
            parts += [
                nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False),
                nn.GroupNorm(1, after),
                nn.LeakyReLU(SLOPE),
            ]
        parts.append(nn.Conv2d(width * min(2 ** (layers - 1), 8), 1, 3, padding=1))
        self.layers = nn.Sequential(*parts)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B n"]:
        """Return a logit per patch: high for real ones."""
        return self.layers(images).flatten(1)


class FeatureHead(nn.Module):
    """A judge of every place of one feature map; spectral norms keep it from growing steep."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inputs = spectral_norm(nn.Conv2d(width, width, 1))
        self.around = spectral_norm(nn.Conv2d(width, width, 3, padding=1))
        self.outputs = spectral_norm(nn.Conv2d(width, 1, 1))
        self.activation = nn.LeakyReLU(SLOPE)

    def forward(self, maps: Float[Tensor, "B w h h"]) -> Float[Tensor, "B n"]:
        """Return a logit per place."""
        maps = self.activation(self.inputs(maps))
        maps = maps + self.activation(self.around(maps))
        return self.outputs(maps).flatten(1)


class FeatureDiscriminator(nn.Module):
    """Heads on the maps of a frozen network: ``network.maps(images)`` returns one map (B, w, h, h) for each width.

    The network is frozen here and is no part of this module's state.
    """

    def __init__(self, network: Any, widths: tuple[int, ...]) -> None:
        super().__init__()
        self._network = [network.eval().requires_grad_(False)]  # in a list: not a submodule, so train() passes by
        self.heads = nn.ModuleList(FeatureHead(width) for width in widths)

    def _apply(self, *args: Any, **others: Any) -> Any:
        self._network[0]._apply(*args, **others)  # it goes to the device where the heads go
        return super()._apply(*args, **others)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B n"]:
        """Return the logits of all heads."""
        maps = self._network[0].maps(images)
        return torch.cat([head(found) for head, found in zip(self.heads, maps, strict=True)], dim=1)


def discriminator(
    name: str, channels: int, *, network: Any = None, widths: tuple[int, ...] = ()
) -> PatchDiscriminator | FeatureDiscriminator:
    """Return the discriminator called ``patch``, or ``features`` on a frozen network. Raises InvalidConfig."""
    if name == "patch":
        return PatchDiscriminator(channels)
    if name != "features":
        raise InvalidConfig(f"discriminators are patch and features, not {name}")
    if network is None or not widths:
        raise InvalidConfig("the discriminator on features wants a network with maps(images), and the maps' widths")
    return FeatureDiscriminator(network, widths)
