"""Many images through a tokenizer, some at a time, on whichever device it is.

Legend:  N images · C channels · H, W height and width · P branches · L positions
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from steps.imagefolder.splits import Split
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imaging.pixels import to_pixels


@torch.no_grad()
def tokens_of(tokenizer: Tokenizer, split: Split) -> Int[Tensor, "N P L"]:
    """Return the tokens of many images."""
    device = tokenizer.projection.weight.device
    return torch.cat([tokenizer.encode(part.to(device)).cpu() for part in split.parts()])


@torch.no_grad()
def mean_error(tokenizer: Tokenizer, split: Split) -> float:
    """Return the mean squared error of many images, on [−1, 1]."""
    device, total, count = tokenizer.projection.weight.device, 0.0, 0
    for part in split.parts():
        total += float((tokenizer.reconstruct(part.to(device)).cpu() - part).square().sum())
        count += part.numel()
    return total / count


@torch.no_grad()
def reconstructed(tokenizer: Tokenizer, split: Split) -> tuple[UInt8[np.ndarray, "N H W *C"], Float[np.ndarray, " N"]]:
    """Return images as they come back, as bytes, and the squared error of each on [−1, 1], before the rounding."""
    device, pixels, errors = tokenizer.projection.weight.device, [], []
    for part in split.parts():
        found = tokenizer.reconstruct(part.to(device)).cpu()
        pixels.append(to_pixels(found))
        errors.append(image_errors(found, part))
    return np.concatenate(pixels), np.concatenate(errors)


@torch.no_grad()
def errors_by_scale(tokenizer: Tokenizer, split: Split) -> Float[np.ndarray, "S N"]:
    """Return the squared error of each image from the first 1, 2, … S scales, on [−1, 1]."""
    device, errors = tokenizer.projection.weight.device, []
    scales = range(1, len(tokenizer.config.sides) + 1)
    for part in split.parts():
        tokens = tokenizer.encode(part.to(device))
        errors.append([image_errors(tokenizer.decode(tokens, scale).cpu(), part) for scale in scales])
    return np.concatenate(errors, axis=1)


def image_errors(found: Float[Tensor, "N C H W"], images: Float[Tensor, "N C H W"]) -> Float[np.ndarray, " N"]:
    """Return the mean squared error of each image."""
    return (found - images).square().flatten(1).mean(1).numpy().astype(np.float64)
