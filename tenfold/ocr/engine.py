"""What every engine offers, and bringing images to the form that engines read.

Legend:  H, W height and width
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from jaxtyping import UInt8

from tenfold.ocr.errors import InvalidPages
from tenfold.ocr.page import Page, Word

Pixels = UInt8[np.ndarray, "H W 3"]


class Engine(Protocol):
    """An OCR engine: the same image gives the same page, from any thread; nothing is ever downloaded.

    ``name`` is what `tenfold.ocr.reading.read` calls it; ``version`` says which engine and weights, and belongs beside
    whatever was read. Numbers of different engines stand in different rows of a table.
    """

    name: str
    version: str

    def read(self, image: Pixels) -> Page:
        """Return the words on an image, uint8 RGB (H, W, 3)."""
        ...

    def read_crop(self, image: Pixels) -> tuple[str, float]:
        """Return the text of an image of one line, and the confidence; no detection takes place."""
        ...


def as_rgb(image: UInt8[np.ndarray, "H W *C"]) -> Pixels:
    """Return an image, grey (H, W) or RGB (H, W, 3), as contiguous RGB. Raises InvalidPages for anything else."""
    if (
        image.dtype != np.uint8
        or image.ndim not in (2, 3)
        or (image.ndim == 3 and image.shape[2] != 3)
        or not image.size
    ):
        raise InvalidPages(f"an image to read is uint8 (H, W) or (H, W, 3), not {image.dtype} {image.shape}")
    return np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2))


def enlarged(image: Pixels, factor: int) -> Pixels:
    """Return an image ``factor`` times as wide and high, bicubic. Raises InvalidPages if ``factor`` is below 1."""
    from PIL import Image

    if factor < 1:
        raise InvalidPages(f"images are enlarged by whole factors from 1, not {factor}")
    if factor == 1:
        return image
    size = (image.shape[1] * factor, image.shape[0] * factor)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def reduced(page: Page, factor: int, width: int, height: int) -> Page:
    """Return a page that was read on an enlarged image, in coordinates of the image before."""
    words = tuple(
        Word(word.text, tuple(value / factor for value in word.box), word.confidence, word.line)  # type: ignore[arg-type]
        for word in page.words
    )
    return Page(width, height, words, f"{page.engine}, enlarged {factor} times")


class NoEngine:
    """An engine that reads nothing: what a model that sees only the image is given."""

    name = "none"
    version = "none"

    def read(self, image: Pixels) -> Page:
        """Return a page without words."""
        return Page(image.shape[1], image.shape[0], (), self.version)

    def read_crop(self, image: Pixels) -> tuple[str, float]:
        """Return no text, with confidence 0."""
        return "", 0.0
