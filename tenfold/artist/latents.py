"""Between images and latents: pixel-unshuffle in the small setting, a variational autoencoder in the full one.

Legend:  B images · H, W canvas · h, w latent places · k pixels of a place's side
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor

from tenfold.artist.noising import Latents
from tenfold.imaging.errors import InvalidImages

Images = Float[Tensor, "B c H W"]


def unshuffled(images: Images, side: int = 2) -> Latents:
    """Return images (B, c, H, W) in [−1, 1] as latents (B, c·k², H/k, W/k), without loss. Raises InvalidImages."""
    if images.ndim != 4 or images.shape[2] % side or images.shape[3] % side:
        raise InvalidImages(f"images (B, c, H, W) with sides that are multiples of {side}, not {tuple(images.shape)}")
    return functional.pixel_unshuffle(images, side)


def shuffled(latents: Latents, side: int = 2) -> Images:
    """Return the images that latents stand for."""
    return functional.pixel_shuffle(latents, side)


@torch.no_grad()
def encoded(vae: Any, images: Images) -> Latents:
    """Return the mean latents of an autoencoder, scaled; one channel is repeated to three."""
    distribution = vae.encode(images.expand(-1, 3, -1, -1).to(vae.device, vae.dtype)).latent_dist
    return distribution.mode() * vae.config.scaling_factor


@torch.no_grad()
def decoded(vae: Any, latents: Latents) -> Images:
    """Return the images of scaled latents."""
    return vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor).sample


def latent_mask(mask: Float[Tensor, "B 1 H W"], size: tuple[int, int]) -> Float[Tensor, "B 1 h w"]:
    """Return a mask of pixels at latent resolution: the share of each place that lies in a box."""
    return functional.adaptive_avg_pool2d(mask, size)
