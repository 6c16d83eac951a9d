"""Images brought to one size: the shorter side resized and a square cut out, or enlarged and padded.

Legend:  N images · h, w height and width before, H, W after · C channels
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

if TYPE_CHECKING:
    from PIL.Image import Image, Resampling


def resize_shorter_side(image: Image, side: int, resampling: Resampling | None = None) -> Image:
    """Return the image with its shorter side at ``side`` and its shape kept; bicubic unless another is given."""
    from PIL.Image import Resampling

    factor = side / min(image.size)
    width, height = (max(side, round(length * factor)) for length in image.size)
    return image.resize((width, height), Resampling.BICUBIC if resampling is None else resampling)


def crop_square(image: Image, side: int, *, left: int | None = None, top: int | None = None) -> Image:
    """Return a square of ``side`` pixels with its corner at ``left`` and ``top``; from the middle without them."""
    width, height = image.size
    left = (width - side) // 2 if left is None else left
    top = (height - side) // 2 if top is None else top
    return image.crop((left, top, left + side, top + side))


def fit_square(pixels: UInt8[np.ndarray, "N h w *C"], side: int) -> UInt8[np.ndarray, "N H W *C"]:
    """Return square images with sides of ``side``: enlarged by the largest whole factor that fits, padded with black.

    Larger ones are reduced to ``side``. Resampling is bicubic.
    """
    from PIL import Image

    own = pixels.shape[1]
    target = side if own > side else own * (side // own)
    if target != own:
        cubic = Image.Resampling.BICUBIC
        pixels = np.stack([np.asarray(Image.fromarray(one).resize((target, target), cubic)) for one in pixels])
    before, after = (side - target) // 2, side - target - (side - target) // 2
    return np.pad(pixels, ((0, 0), (before, after), (before, after), *((0, 0),) * (pixels.ndim - 3)))
