"""Engines that do not look: the oracle, which knows what was drawn, and a simulated one, which misreads it on purpose.

Both take an image for the one with the same bytes that was described to them. What they return bears their names,
"described" or "simulated", so that no table can take it for the work of an engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from tenfold.ocr.engine import Pixels
from tenfold.ocr.errors import UnknownImage
from tenfold.ocr.noise_model import NoiseModel
from tenfold.ocr.page import Page, Word
from tenfold.rendering.drawing import Drawing


def described(drawing: Drawing) -> Page:
    """Return what stands on a drawing as a page: each word with the box of its ink, confidence 1."""
    words = tuple(Word(word.text, word.box, 1.0, word.line) for word in drawing.words)
    height, width = drawing.image.shape[:2]
    return Page(width, height, words, "described")


class Described:
    """The oracle: it returns what was drawn. A bound for every reader, and never a result by itself."""

    name = "described"
    version = "described"

    def __init__(self, pages: Mapping[str, Page]) -> None:
        """Take pages by the digest of their image, as ``of`` makes them."""
        self._pages = pages

    @classmethod
    def of(cls, drawings: Iterable[Drawing]) -> Described:
        """Return the oracle of some drawings."""
        return cls({digest(drawing.image): described(drawing) for drawing in drawings})

    def read(self, image: Pixels) -> Page:
        """Return the described page of an image. Raises UnknownImage if there is none."""
        return self._page(image)

    def read_crop(self, image: Pixels) -> tuple[str, float]:
        """Return the described words, joined by spaces, of an image that was described by itself.

        Raises UnknownImage for a part of one: crop the drawing, and describe the crop.
        """
        page = self._page(image)
        return " ".join(word.text for word in page.words), 1.0

    def _page(self, image: Pixels) -> Page:
        page = self._pages.get(digest(image))
        if page is None:
            raise UnknownImage(
                f"nobody described this image of {image.shape[1]}×{image.shape[0]}: enlarge and crop none"
            )
        return page


class Simulated(Described):
    """The described words misread by a noise model that was fitted to an engine's errors.

    The errors are drawn from the seed and the image, so that the same image is misread in the same way each time.
    """

    name = "simulated"

    def __init__(self, pages: Mapping[str, Page], noise: NoiseModel, *, seed: int = 0) -> None:
        """Take pages by the digest of their image, and the noise."""
        super().__init__(pages)
        self._noise, self._seed = noise, seed
        self.version = f"simulated after {noise.engine}"

    @classmethod
    def after(cls, noise: NoiseModel, drawings: Iterable[Drawing], *, seed: int = 0) -> Simulated:
        """Return the simulated engine for some drawings."""
        return cls({digest(drawing.image): described(drawing) for drawing in drawings}, noise, seed=seed)

    def read(self, image: Pixels) -> Page:
        """Return the described page of an image with errors. Raises UnknownImage if there is none."""
        page = self._page(image)
        generator = np.random.default_rng([self._seed, int(digest(image)[:15], 16)])
        return Page(page.width, page.height, self._noise.misread(page, generator), self.version)

    def read_crop(self, image: Pixels) -> tuple[str, float]:
        """Return the words of ``read``, joined by spaces, and their mean confidence."""
        words = self.read(image).words
        sure = float(np.mean([word.confidence for word in words])) if words else 0.0
        return " ".join(word.text for word in words), sure


def digest(image: Pixels) -> str:
    """Return the sha256 of an image's shape and bytes."""
    return hashlib.sha256(f"{image.shape}".encode() + np.ascontiguousarray(image).tobytes()).hexdigest()
