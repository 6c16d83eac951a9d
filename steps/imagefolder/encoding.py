"""Many pictures through a tokenizer, on whichever device it is."""

from __future__ import annotations

import torch
from torch import Tensor

from tenfold.imagefolder.tokenizer import Tokenizer


@torch.no_grad()
def tokens_of(tokenizer: Tokenizer, images: Tensor) -> Tensor:
    """Return the tokens (N, P, L) of many images."""
    device = tokenizer.projection.weight.device
    return torch.cat([tokenizer.encode(part.to(device)).cpu() for part in images.split(500)])


@torch.no_grad()
def mean_error(tokenizer: Tokenizer, images: Tensor) -> float:
    """Return the mean squared error of many images."""
    device, total = tokenizer.projection.weight.device, 0.0
    for part in images.split(500):
        total += float((tokenizer.reconstruct(part.to(device)).cpu() - part).square().sum())
    return total / images.numel()
