"""CRAFT, which finds words by the regions of their letters and the links between these (Baek et al. 2019).

The network is written from the paper's Figure 2 (a VGG-16 with batch normalisation, an upsampling path that joins its
stages, and two maps at half the image's size), with modules named so that EasyOCR's released weights load strictly.
**Deviation:** a word's box is upright, not turned with the text.

Legend:  B images · H, W height and width · h, w = H/2, W/2
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, of values from 0 to 1
REGION_CORE, REGION_EDGE, LINK = 0.7, 0.4, 0.4  # thresholds of the release
SMALLEST_REGION = 10  # pixels of the map
GRANULARITY = 32  # sides of the input are multiples of it

Convolution = tuple[int, int, int]  # number in the stage, channels in, channels out
STAGES: dict[str, tuple[str | Convolution, ...]] = {  # of VGG-16, numbered as in its list of layers; M is pooling
    "slice1": ((0, 3, 64), (3, 64, 64), "M6", (7, 64, 128), (10, 128, 128)),
    "slice2": ("M13", (14, 128, 256), (17, 256, 256)),
    "slice3": ((20, 256, 256), "M23", (24, 256, 512), (27, 512, 512)),
    "slice4": ((30, 512, 512), "M33", (34, 512, 512), (37, 512, 512)),
}


class Craft(nn.Module):
    """The network: an image to the maps of regions and links."""

    def __init__(self) -> None:
        super().__init__()
        self.basenet = Backbone()
        self.upconv1 = _Merge(1024 + 512, 512, 256)
        self.upconv2 = _Merge(256 + 512, 256, 128)
        self.upconv3 = _Merge(128 + 256, 128, 64)
        self.upconv4 = _Merge(64 + 128, 64, 32)
        widths = (32, 32, 32, 16, 16, 2)
        sizes = (3, 3, 3, 1, 1)
        layers: list[nn.Module] = []
        for fan_in, fan_out, size in zip(widths, widths[1:], sizes, strict=False):
            layers += [nn.Conv2d(fan_in, fan_out, size, padding=size // 2), nn.ReLU()]
        self.conv_cls = nn.Sequential(*layers[:-1])

    def forward(self, images: Float32[Tensor, "B 3 H W"]) -> Float32[Tensor, "B 2 h w"]:
        """Return the scores of regions and links of normalised images whose sides are multiples of 32."""
        half, quarter, eighth, sixteenth, deepest = self.basenet(images)
        merged = self.upconv1(torch.cat([deepest, sixteenth], dim=1))
        for merge, finer in ((self.upconv2, eighth), (self.upconv3, quarter), (self.upconv4, half)):
            merged = interpolate(merged, size=finer.shape[2:], mode="bilinear", align_corners=False)
            merged = merge(torch.cat([merged, finer], dim=1))
        return self.conv_cls(merged)


class Backbone(nn.Module):
    """VGG-16 with batch normalisation in four stages, and a fifth of dilated convolutions in place of its head."""

    def __init__(self) -> None:
        super().__init__()
        for name, layers in STAGES.items():
            self.add_module(name, _stage(layers))
        self.slice5 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            nn.Conv2d(512, 1024, 3, padding=6, dilation=6),
            nn.Conv2d(1024, 1024, 1),
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return the stages' results, from a half to a sixteenth of the image's size, and the fifth's."""
        results = []
        result = images
        for name in STAGES:
            result = self.get_submodule(name)(result)
            if name != "slice4":
                result = relu(result)  # a stage ends before its last rectification; the fourth stays so
            results.append(result)
        half, quarter, eighth, sixteenth = results
        return half, quarter, eighth, sixteenth, self.slice5(sixteenth)


class _Merge(nn.Module):
    """A 1×1 and a 3×3 convolution, each with batch normalisation and rectification."""

    def __init__(self, fan_in: int, middle: int, fan_out: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(fan_in, middle, 1),
            nn.BatchNorm2d(middle),
            nn.ReLU(),
            nn.Conv2d(middle, fan_out, 3, padding=1),
            nn.BatchNorm2d(fan_out),
            nn.ReLU(),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.conv(features)


def _stage(layers: tuple[str | Convolution, ...]) -> nn.Sequential:
    """Return a stage of VGG-16 whose modules bear the numbers of its list; it ends without rectification."""
    stage = nn.Sequential()
    for place, layer in enumerate(layers):
        if isinstance(layer, str):
            stage.add_module(layer[1:], nn.MaxPool2d(2, 2))
            continue
        number, fan_in, fan_out = layer
        stage.add_module(str(number), nn.Conv2d(fan_in, fan_out, 3, padding=1))
        stage.add_module(str(number + 1), nn.BatchNorm2d(fan_out))
        if place < len(layers) - 1:
            stage.add_module(str(number + 2), nn.ReLU())
    return stage


def load_craft(weights: Mapping[str, Tensor]) -> Craft:
    """Return the network with the released weights. Raises torch's RuntimeError if one is missing or too many."""
    model = Craft()
    model.load_state_dict({name.removeprefix("module."): value for name, value in weights.items()}, strict=True)
    return model.eval()


def normalised_input(image: UInt8[np.ndarray, "H W 3"]) -> Float32[Tensor, "1 3 H W"]:
    """Return an image as the network reads it, filled up with black to sides that are multiples of 32."""
    height, width = image.shape[:2]
    padding = ((0, -height % GRANULARITY), (0, -width % GRANULARITY), (0, 0))
    scaled = np.pad(image, padding).astype(np.float32) / 255
    values = (scaled - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return torch.from_numpy(values.transpose(2, 0, 1)[None].copy())


def boxes_of(regions: Float32[np.ndarray, "h w"], links: Float32[np.ndarray, "h w"]) -> list[tuple[int, int, int, int]]:
    """Return the boxes of words, x0, y0, x1, y1 in pixels of the image (twice the map's), ends exclusive.

    A word is a connected part of regions and links whose best region is above 0.7; its box is grown by what the paper's
    Section 3.3 takes for the part of a letter that the region leaves out.
    """
    from scipy.ndimage import find_objects, label

    text = regions > REGION_EDGE
    numbered, _ = label(text | (links > LINK))
    boxes = []
    for number, place in enumerate(find_objects(numbered), start=1):
        inside = numbered[place] == number
        scores = np.where(inside, regions[place], 0.0)
        letters = inside & text[place]
        if inside.sum() < SMALLEST_REGION or scores.max() < REGION_CORE or not letters.any():
            continue
        rows, columns = np.nonzero(letters)
        top, left = place[0].start + rows.min(), place[1].start + columns.min()
        bottom, right = place[0].start + rows.max() + 1, place[1].start + columns.max() + 1
        height, width = bottom - top, right - left
        grown = int(np.sqrt(inside.sum() * min(height, width) / (height * width))) + 1  # half of a square's growth
        tall, wide = regions.shape
        inner = max(0, left - grown), max(0, top - grown), min(wide, right + grown), min(tall, bottom + grown)
        boxes.append(tuple(2 * int(value) for value in inner))
    return boxes  # type: ignore[return-value]
