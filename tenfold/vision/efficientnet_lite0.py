"""EfficientNet-Lite0: ImageNet's labels taught it; a map of 320 channels at 1/32 of the side.

Its batch norms are folded into the convolutions when the published weights are converted: nothing depends on the other
images of a batch, in training either. It reads (value − 127)/128 of bytes, RGB.

Legend:  B images · C channels · H, W height and width · S side of the last map
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from tenfold.nn.errors import UnknownWeights
from tenfold.nn.weight_names import fill
from tenfold.vision.efficientnet_blocks import BLOCKS, MODEL_TYPE, STEM

MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
EPSILON = 1e-3  # of the published batch norms


class EfficientNetLite0Config(PreTrainedConfig):
    """Nothing to set: the network is the published one. The map of stride 32 has the last of ``hidden_sizes``."""

    model_type = MODEL_TYPE

    patch_size: int = 2
    hidden_sizes: list[int] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        self.hidden_sizes = [16, 24, 40, 112, 320]
        super().__post_init__(**kwargs)


class SameConvolution(nn.Conv2d):
    """A convolution padded as TensorFlow does: what is odd stands right and below."""

    def forward(self, input: Float[Tensor, "B C H W"]) -> Float[Tensor, "B c h w"]:
        """Return the map, of the input's side divided by the stride, rounded up."""
        pads = []
        for axis in (1, 0):
            length, kernel, stride = input.shape[2 + axis], self.kernel_size[axis], self.stride[axis]
            total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(input, pads))


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; added to the input where the shapes are the same."""

    def __init__(self, before: int, kernel: int, stride: int, expansion: int, channels: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expand = nn.Conv2d(before, wide, 1) if expansion != 1 else None
        self.depthwise = SameConvolution(wide, wide, kernel, stride=stride, groups=wide)
        self.project = nn.Conv2d(wide, channels, 1)
        self.residual = stride == 1 and before == channels

    def forward(self, maps: Float[Tensor, "B C H W"]) -> Float[Tensor, "B c h w"]:
        """Return the block's map."""
        wide = maps if self.expand is None else functional.relu6(self.expand(maps))
        found = self.project(functional.relu6(self.depthwise(wide)))
        return maps + found if self.residual else found


class EfficientNetLite0(PreTrainedModel):
    """The convolutional part up to the last map, without the classifier."""

    config_class = EfficientNetLite0Config
    main_input_name = "pixel_values"

    def __init__(self, config: EfficientNetLite0Config) -> None:
        super().__init__(config)
        self.stem = SameConvolution(3, STEM, 3, stride=2)
        blocks, before = [], STEM
        for kernel, stride, expansion, channels in BLOCKS:
            blocks.append(InvertedResidual(before, kernel, stride, expansion, channels))
            before = channels
        self.blocks = nn.ModuleList(blocks)
        self.post_init()

    def forward(self, pixel_values: Float[Tensor, "B 3 H W"], **_: Any) -> Float[Tensor, "B 320 S S"]:
        """Return the last map."""
        maps = functional.relu6(self.stem(pixel_values))
        for block in self.blocks:
            maps = block(maps)
        return maps


def convert_efficientnet_lite0(file: Path, folder: Path) -> None:
    """Write the published weights (a state dict of tensors, read without pickled code) as a folder of safetensors.

    Raises UnknownWeights for a file with other names; nothing is written then.
    """
    published = torch.load(file, map_location="cpu", weights_only=True)
    model = EfficientNetLite0(EfficientNetLite0Config())
    fill(model, _folded_weights(published), whole=True)
    model.save_pretrained(folder)


def _folded_weights(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the convolutions' weights and biases with the batch norms after them folded in."""
    pairs = {"stem": ("_conv_stem", "_bn0")}
    for number, (_, _, expansion, _) in enumerate(BLOCKS):
        mine, theirs = f"blocks.{number}", f"_blocks.{number}"
        if expansion != 1:
            pairs[f"{mine}.expand"] = (f"{theirs}._expand_conv", f"{theirs}._bn0")
        pairs[f"{mine}.depthwise"] = (f"{theirs}._depthwise_conv", f"{theirs}._bn1")
        pairs[f"{mine}.project"] = (f"{theirs}._project_conv", f"{theirs}._bn2")
    found, read = {}, set()
    for mine, (convolution, norm) in pairs.items():
        names = [
            f"{convolution}.weight",
            *(f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")),
        ]
        if missing := [name for name in names if name not in published]:
            raise UnknownWeights(f"these are not EfficientNet-Lite0's weights: {', '.join(missing)} missing")
        weight, scale, shift, mean, variance = (published[name].double() for name in names)
        factor = scale / torch.sqrt(variance + EPSILON)
        found[f"{mine}.weight"] = (weight * factor[:, None, None, None]).float()
        found[f"{mine}.bias"] = (shift - mean * factor).float()
        read |= set(names)
    heads = ("_conv_head.", "_bn1.", "_fc.")
    unknown = [name for name in published if name not in read and not name.startswith(heads)]
    if unknown := [name for name in unknown if not name.endswith("num_batches_tracked")]:
        raise UnknownWeights(f"these are not EfficientNet-Lite0's weights: {', '.join(unknown)} unknown")
    return found


AutoConfig.register(EfficientNetLite0Config.model_type, EfficientNetLite0Config, exist_ok=True)
AutoModel.register(EfficientNetLite0Config, EfficientNetLite0, exist_ok=True)
