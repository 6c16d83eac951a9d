"""Sheets of pictures: samples by class, reconstructions from more and more scales, ways between two images.

Legend:  N images · S scales · H, W height and width
"""

from __future__ import annotations

import io

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from tenfold.imagefolder.errors import InvalidImages
from tenfold.imagefolder.pictures import to_pixels
from tenfold.imagefolder.tokenizer import Tokenizer

Sheet = UInt8[np.ndarray, "H W *C"]


def sheet(pixels: UInt8[np.ndarray, "N H W *C"], columns: int) -> Sheet:
    """Lay pictures out in rows of ``columns``. Raises InvalidImages if the last row would not be full."""
    if columns < 1 or len(pixels) % columns or not len(pixels):
        raise InvalidImages(f"{len(pixels)} pictures do not fill rows of {columns}")
    rows = pixels.reshape(-1, columns, *pixels.shape[1:])
    return np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)


@torch.no_grad()
def scale_strips(tokenizer: Tokenizer, images: Float[Tensor, "N C H W"]) -> Sheet:
    """Return a row for each image: the reconstructions from the first 1 … S scales, then the image itself."""
    indices, S = tokenizer.encode(images), len(tokenizer.config.sides)
    columns = [to_pixels(tokenizer.decode(indices, scales)) for scales in range(1, S + 1)] + [to_pixels(images)]
    return sheet(np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:]), S + 1)


@torch.no_grad()
def interpolation(
    tokenizer: Tokenizer, first: Float[Tensor, "N C H W"], second: Float[Tensor, "N C H W"], *, columns: int = 8
) -> Sheet:
    """Return a row for each pair: the quantised way between their latent maps, from one to the other."""
    start, end = tokenizer.latents(first), tokenizer.latents(second)
    steps = []
    for weight in torch.linspace(0, 1, columns):
        quantized = tokenizer.quantizer(torch.lerp(start, end, weight.to(start)), dropout=False)
        steps.append(to_pixels(tokenizer.decode(quantized.indices)))
    return sheet(np.stack(steps, axis=1).reshape(-1, *steps[0].shape[1:]), columns)


def png(picture: Sheet, *, scale: int = 1) -> bytes:
    """Return a sheet as the bytes of a PNG, each pixel ``scale`` times as wide and high."""
    from PIL import Image

    enlarged = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(enlarged).save(buffer, format="PNG")
    return buffer.getvalue()
