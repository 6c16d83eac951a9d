"""Public feature extractors for images: fixed random convolutions, and a ResNet from a folder or the hub.

Neither looks at the private data: the random filters come from a public generator, and each record is centred and
scaled by itself.

Legend:  N images · H height · W width · F filters · d features
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from tenfold.dp_ntk.validation import InvalidRows, unit_rows

Pixels = UInt8[np.ndarray, "N H W *C"]
PATCH = 6
BATCH = 250
CONTRAST_FLOOR = 10.0  # grey levels: below it a patch counts as flat
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)


def pixel_rows(pixels: Pixels) -> Float[np.ndarray, "N d"]:
    """Return pixels as unit rows; an all-black image is refused."""
    return unit_rows(pixels.reshape(len(pixels), -1).astype(np.float64))


def random_convolution(
    pixels: Pixels, filters: int, generator: np.random.Generator, *, stride: int = 2
) -> Float[np.ndarray, "N d"]:
    """Return unit rows of d = 4F features: random 6×6 filters on contrast-normalised patches, ReLU, pooled 2×2.

    One layer of Coates, Ng & Lee (2011) with random instead of learned filters, of mean 0, so that a patch's own mean
    drops out and only its contrast divides. Each record is centred by the mean
    of its own features, because positive features alone are all nearly parallel.
    """
    import torch
    import torch.nn.functional as functional

    images = pixels if pixels.ndim == 4 else pixels[..., None]
    channels = images.shape[-1]
    weights = generator.standard_normal((filters, channels * PATCH * PATCH))
    weights -= weights.mean(axis=1, keepdims=True)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    bank = torch.from_numpy(weights.astype(np.float32)).view(filters, channels, PATCH, PATCH)
    pooled = []
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH])).float().permute(0, 3, 1, 2)
            mean = functional.avg_pool2d(batch.mean(dim=1, keepdim=True), PATCH, stride)
            square = functional.avg_pool2d(batch.pow(2).mean(dim=1, keepdim=True), PATCH, stride)
            contrast = torch.sqrt((square - mean.pow(2)).clamp(min=0) + CONTRAST_FLOOR)  # of a patch
            responses = functional.relu(functional.conv2d(batch, bank, stride=stride)) / contrast
            grid = functional.adaptive_avg_pool2d(responses, 2)  # (B, F, 2, 2)
            pooled.append(grid.flatten(1).double().numpy())
    features = np.concatenate(pooled)  # (N, 4F)
    return unit_rows(features - features.mean(axis=1, keepdims=True))


class PretrainedResNet:
    """ResNet features as the authors use them: images scaled to 224, pooled last layer, unit rows.

    ``source`` is a folder or a hub id such as microsoft/resnet-18, which is fetched at ``revision``; loaded through
    AutoModel from safetensors only.
    """

    def __init__(self, source: str, *, revision: str | None = None, device: str = "cpu") -> None:
        from transformers import AutoModel

        self.device = device
        self.model: Any = AutoModel.from_pretrained(source, revision=revision, use_safetensors=True).to(device).eval()

    def transform(self, pixels: Pixels, *, side: int = 224, batch: int = 64) -> Float[np.ndarray, "N d"]:
        """Return unit rows of the pooled features (512 of them for ResNet-18).

        Raises InvalidRows if the images do not have three colour channels.
        """
        import torch
        import torch.nn.functional as functional

        if pixels.ndim != 4 or pixels.shape[-1] != 3:
            raise InvalidRows(f"a ResNet reads colour images (N, H, W, 3), not {pixels.shape}")
        mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
        found = []
        with torch.inference_mode():
            for start in range(0, len(pixels), batch):
                part = torch.from_numpy(np.ascontiguousarray(pixels[start : start + batch])).float().permute(0, 3, 1, 2)
                part = functional.interpolate(part / 255, size=(side, side), mode="bilinear", antialias=True)
                pooled = self.model(((part - mean) / sd).to(self.device)).pooler_output
                found.append(pooled.flatten(1).double().cpu().numpy())
        return unit_rows(np.concatenate(found))
