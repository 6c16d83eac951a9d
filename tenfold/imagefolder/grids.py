"""Grids of a tokenizer's images: reconstructions from more and more scales, ways between two images.

Legend:  N images · S scales · C channels · H, W height and width
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imaging.grids import Grid, image_grid
from tenfold.imaging.pixels import to_pixels


@torch.no_grad()
def scale_strips(tokenizer: Tokenizer, images: Float[Tensor, "N C H W"]) -> Grid:
    """Return a row for each image: the reconstructions from the first 1 … S scales, then the image itself."""
    indices, S = tokenizer.encode(images), len(tokenizer.config.sides)
    columns = [to_pixels(tokenizer.decode(indices, scales)) for scales in range(1, S + 1)] + [to_pixels(images)]
    return _rows(columns)


@torch.no_grad()
def interpolation(
    tokenizer: Tokenizer, first: Float[Tensor, "N C H W"], second: Float[Tensor, "N C H W"], *, columns: int = 8
) -> Grid:
    """Return a row for each pair: the quantised way between their latent maps, from one to the other."""
    start, end = tokenizer.latents(first), tokenizer.latents(second)
    points = []
    for weight in torch.linspace(0, 1, columns):
        quantized = tokenizer.quantizer(torch.lerp(start, end, weight.to(start)), dropout=False)
        points.append(to_pixels(tokenizer.decode(quantized.indices)))
    return _rows(points)


def _rows(columns: list[np.ndarray]) -> Grid:
    """Return a grid whose columns hold the given images, (N, H, W, …) each."""
    return image_grid(np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:]), len(columns))
