"""Where features leave the text module's U-Net and enter the visual one: the same places in the same order.

The paper takes "each intermediate feature from the mid-block and up-block layers". Of diffusers' residual arguments
none reaches an up block's outputs, so these places are found as modules, to be hooked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from tenfold.artist.errors import InvalidInjection

TapKind = Literal["layer", "block"]
Inject = Literal["mid", "up", "both", "skip"]
TAP_KINDS, INJECTS = ("layer", "block"), ("mid", "up", "both", "skip")


@dataclass(frozen=True)
class Tap:
    """A place in a U-Net: the module whose output is meant, its name there, and the output's channels."""

    name: str
    module: nn.Module
    channels: int


def taps(unet: Any, *, tap: TapKind = "layer", inject: Inject = "both") -> list[Tap]:
    """Return the places of a U-Net: the mid block, then those of the up blocks in the order in which they run.

    ``tap: layer`` means each up block's attentions, or its resnets where it has none; ``block`` the whole up block,
    after its upsampler. ``inject: skip`` means what enters the skip connections (ControlNet's places), and the mid.
    Raises InvalidInjection for another word, or a U-Net without a mid block where that is wanted.
    """
    if tap not in TAP_KINDS or inject not in INJECTS:
        raise InvalidInjection(f"tap is one of {TAP_KINDS} and inject one of {INJECTS}, not {tap!r} and {inject!r}")
    if inject == "skip" and tap != "layer":
        raise InvalidInjection("inject: skip has places of its own; leave tap at layer")
    found = [] if inject == "up" else [_mid(unet)]
    if inject in ("up", "both"):
        found += _up_layers(unet) if tap == "layer" else _up_blocks(unet)
    return found + _skips(unet) if inject == "skip" else found


def _mid(unet: Any) -> Tap:
    if unet.mid_block is None:
        raise InvalidInjection("this U-Net has no mid block; inject: up takes the up blocks alone")
    return Tap("mid_block", unet.mid_block, unet.mid_block.resnets[-1].out_channels)


def _up_layers(unet: Any) -> list[Tap]:
    found = []
    for i, block in enumerate(unet.up_blocks):
        kind = "attentions" if getattr(block, "has_cross_attention", False) else "resnets"
        layers = getattr(block, kind)
        found += [Tap(f"up_blocks.{i}.{kind}.{j}", layer, layer.out_channels) for j, layer in enumerate(layers)]
    return found


def _up_blocks(unet: Any) -> list[Tap]:
    blocks = enumerate(unet.up_blocks)
    return [Tap(f"up_blocks.{i}", block, block.resnets[-1].out_channels) for i, block in blocks]


def _skips(unet: Any) -> list[Tap]:
    """Return the convolution at the entrance and, for each down block, what it hands to the skip connections."""
    found = [Tap("conv_in", unet.conv_in, unet.conv_in.out_channels)]
    for i, block in enumerate(unet.down_blocks):
        layers = [*block.resnets, *(block.downsamplers or [])]
        found += [Tap(f"down_blocks.{i}.skip.{j}", block, block.resnets[-1].out_channels) for j in range(len(layers))]
    return found
