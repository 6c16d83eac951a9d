"""Text images and composites as the batches that both modules are trained on, and latents as images again.

Legend:  N images · H, W height and width · h, w latent places, H/2 and W/2
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import UInt8

from steps.artist.canvas_sets import GlyphSet
from steps.artist.settings import SIDE, conditions_of
from tenfold.artist.canvases import Canvases
from tenfold.artist.latents import shuffled, unshuffled
from tenfold.artist.losses import Batch
from tenfold.artist.noising import Latents


def text_latents(glyphs: UInt8[np.ndarray, "N H W"]) -> Latents:
    """Return text images as latents (N, 4, h, w) in [−1, 1]."""
    return unshuffled(torch.from_numpy(glyphs)[:, None].float() / 127.5 - 1, SIDE)


def image_latents(images: UInt8[np.ndarray, "N H W 3"]) -> Latents:
    """Return composites as latents (N, 12, h, w) in [−1, 1]."""
    return unshuffled(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1, SIDE)


def as_images(latents: Latents) -> UInt8[np.ndarray, "N H W *C"]:
    """Return latents as images: grey (N, H, W) of 4 channels, RGB (N, H, W, 3) of 12."""
    pixels = (shuffled(latents.float().cpu(), SIDE).clamp(-1, 1) + 1) * 127.5
    found = pixels.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return np.ascontiguousarray(found[..., 0] if found.shape[-1] == 1 else found)


def text_batch(texts: GlyphSet, *, longest: int, device: str = "cpu") -> Batch:
    """Return all text images with their conditions, on a device."""
    return _on(device, Batch(conditions_of(texts.layouts, longest), None, text_latents(texts.glyphs)))


def visual_batch(canvases: Canvases, *, longest: int, device: str = "cpu") -> Batch:
    """Return all composites with their text images and conditions, on a device; glyphs are there for who reads them.

    Every arm's batch holds the text image, read or not, so that every arm draws the same noise.
    """
    text = text_latents(canvases.glyphs)
    conditions = replace(conditions_of(canvases.layouts, longest), glyphs=text)
    return _on(device, Batch(conditions, image_latents(canvases.images), text))


def _on(device: str, batch: Batch) -> Batch:
    images, text = (None if part is None else part.to(device) for part in (batch.images, batch.text))
    return Batch(batch.conditions.to(device), images, text)
