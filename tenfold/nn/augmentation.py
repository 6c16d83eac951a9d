"""Random changes of image batches: differentiable ones for a discriminator, and views for self-supervised training.

Differentiable augmentation is DiffAugment's (arXiv:2006.10738): a discriminator sees real and made images alike.

Legend:  B images · C channels · H, W their sides
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor

LARGEST_SHIFT = 1 / 8  # of a side
CUTOUT = 0.2  # of a side
SMALLEST_CROP = 0.55  # of a side, in a view
SHIFT, CONTRAST, GAIN = 0.3, 0.4, 0.2  # half-widths in a view, in the unit of [−1, 1]

Images = Float[Tensor, "B C H W"]


def augmented(images: Images, generator: torch.Generator) -> Images:
    """Return the images with colours changed, shifted and with a square cut out; gradients pass to the images."""
    return cut_out(shifted(recoloured(images, generator), generator), generator)


def _uniform(images: Tensor, generator: torch.Generator) -> Float[Tensor, "B 1 1 1"]:
    return torch.rand(len(images), 1, 1, 1, generator=generator).to(images)


def _places(images: Tensor, low: int, high: int, generator: torch.Generator) -> Tensor:
    """Return one whole number from low to high (included) for each image, (B, 1)."""
    return torch.randint(low, high + 1, (len(images), 1), generator=generator).to(images.device)


def recoloured(images: Images, generator: torch.Generator) -> Images:
    """Change brightness (by up to ½), saturation (0 to 2 times) and contrast (½ to 1½ times), each image its own."""
    images = images + _uniform(images, generator) - 0.5
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * 2 * _uniform(images, generator)
    level = images.mean(dim=(1, 2, 3), keepdim=True)
    return level + (images - level) * (0.5 + _uniform(images, generator))


def shifted(images: Images, generator: torch.Generator) -> Images:
    """Shift each image by up to an eighth of its side; zeros come in."""
    B, _, H, W = images.shape
    high, wide = round(LARGEST_SHIFT * H), round(LARGEST_SHIFT * W)
    padded = functional.pad(images, (wide, wide, high, high)).permute(0, 2, 3, 1)  # (B, H + 2·high, W + 2·wide, C)
    rows = torch.arange(H, device=images.device) + _places(images, 0, 2 * high, generator)  # (B, H)
    columns = torch.arange(W, device=images.device) + _places(images, 0, 2 * wide, generator)  # (B, W)
    own = torch.arange(B, device=images.device)[:, None, None]
    return padded[own, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cut_out(images: Images, generator: torch.Generator) -> Images:
    """Set a square of a fifth of the side to zero, anywhere that its centre lies within the image."""
    _, _, H, W = images.shape
    high, wide = round(CUTOUT * H), round(CUTOUT * W)
    rows = torch.arange(H, device=images.device) - _places(images, -(high // 2), H - 1 - high // 2, generator)
    columns = torch.arange(W, device=images.device) - _places(images, -(wide // 2), W - 1 - wide // 2, generator)
    inside_rows, inside_columns = (rows >= 0) & (rows < high), (columns >= 0) & (columns < wide)
    cut = inside_rows[:, :, None] & inside_columns[:, None, :]  # (B, H, W)
    return images * ~cut[:, None]


def uniform(B: int, low: float, high: float, generator: torch.Generator, device: torch.device) -> Float[Tensor, " B"]:
    """Return B uniform numbers, drawn on the CPU so that every device gets the same."""
    return (low + (high - low) * torch.rand(B, generator=generator)).to(device)


def random_view(images: Images, generator: torch.Generator) -> Images:
    """Return one random view of every image: cropped, mirrored, brightness, contrast and channels' gains changed."""
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


def mirrored(images: Images, generator: torch.Generator) -> Images:
    """Return every image as it is or, with probability ½, with left and right exchanged."""
    turned = uniform(len(images), 0, 1, generator, images.device) < 0.5
    return torch.where(turned.view(-1, 1, 1, 1), images.flip(3), images)
