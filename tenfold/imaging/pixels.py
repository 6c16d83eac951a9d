"""Between images as bytes and what models read: float32 in [−1, 1], channels first.

Legend:  N images · H, W height and width · C channels
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from tenfold.arguments import unmasked
from tenfold.imaging.errors import InvalidImages


def to_tensor(pixels: UInt8[np.ndarray, "N H W *C"], *, size: int | None = None) -> Float[Tensor, "N C H W"]:
    """Return bytes (N, H, W) or (N, H, W, C) as [−1, 1]; smaller ones are padded with black to ``size``, in the middle.

    Raises InvalidImages for other types or shapes, or images larger than ``size``.
    """
    pixels = unmasked(pixels, "images")
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4):
        raise InvalidImages(f"images are uint8 (N, H, W) or (N, H, W, C), not {pixels.dtype} {pixels.shape}")
    images = pixels if pixels.ndim == 4 else pixels[..., None]
    if size is not None:
        H, W = images.shape[1:3]
        if max(H, W) > size:
            raise InvalidImages(f"images of {H}×{W} do not fit {size}×{size}; resize or crop them first")
        above, left = (size - H) // 2, (size - W) // 2
        images = np.pad(images, ((0, 0), (above, size - H - above), (left, size - W - left), (0, 0)))
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float() / 127.5 - 1


def to_pixels(images: Float[Tensor, "N C H W"]) -> UInt8[np.ndarray, "N H W *C"]:
    """Return [−1, 1] as bytes, rounded and clipped to what bytes can hold; one channel gives (N, H, W).

    Raises InvalidImages for NaN or infinity.
    """
    if not bool(torch.isfinite(images).all()):
        raise InvalidImages("images with NaN or infinite values cannot be written as bytes")
    scaled = ((images.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    pixels = scaled.permute(0, 2, 3, 1).cpu().numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels
