"""Random views of images for self-supervised training: crop, mirror, brightness, contrast and channel gains.

Legend:  B images · C channels
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor

SMALLEST_CROP = 0.55  # of a side
SHIFT, CONTRAST, GAIN = 0.3, 0.4, 0.2  # half-widths, in the unit of [−1, 1]


def uniform(B: int, low: float, high: float, generator: torch.Generator, device: torch.device) -> Float[Tensor, " B"]:
    """Return B uniform numbers, drawn on the CPU so that every device gets the same."""
    return (low + (high - low) * torch.rand(B, generator=generator)).to(device)


def random_view(images: Float[Tensor, "B C H W"], generator: torch.Generator) -> Float[Tensor, "B C H W"]:
    """Return one random view of every image; the whole batch at once."""
    B, device = len(images), images.device
    side = uniform(B, SMALLEST_CROP, 1, generator, device)
    left, top = (uniform(B, -1, 1, generator, device) * (1 - side) for _ in range(2))
    mirror = 1 - 2 * (uniform(B, 0, 1, generator, device) < 0.5).float()
    zero = torch.zeros_like(side)
    crop = torch.stack([side * mirror, zero, left, zero, side, top], dim=1).view(B, 2, 3)
    grid = functional.affine_grid(crop, list(images.shape), align_corners=False)
    view = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    mean = view.mean(dim=(1, 2, 3), keepdim=True)
    contrast = 1 + uniform(B, -CONTRAST, CONTRAST, generator, device).view(-1, 1, 1, 1)
    shift = uniform(B, -SHIFT, SHIFT, generator, device).view(-1, 1, 1, 1)
    view = (view - mean) * contrast + mean + shift
    if images.shape[1] > 1:
        gains = uniform(B * images.shape[1], 1 - GAIN, 1 + GAIN, generator, device)
        view = (view + 1) * gains.view(B, -1, 1, 1) - 1
    return view.clamp(-1, 1)


def mirrored(images: Float[Tensor, "B C H W"], generator: torch.Generator) -> Float[Tensor, "B C H W"]:
    """Return every image as it is or, with probability ½, with left and right exchanged."""
    turned = uniform(len(images), 0, 1, generator, images.device) < 0.5
    return torch.where(turned.view(-1, 1, 1, 1), images.flip(3), images)
