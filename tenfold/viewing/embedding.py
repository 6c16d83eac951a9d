"""Images inside a page: as data addresses, below a size that keeps the page readable on a phone."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import open_image
from tenfold.viewing.errors import InvalidSample
from tenfold.viewing.sample import SampleImage

if TYPE_CHECKING:
    from PIL.Image import Image

TINY = 160  # pixels: an image whose longer side is below this is shown enlarged, pixel by pixel
QUALITY = 85  # of JPEG
LEAST_SIDE = 64  # pixels; no image is reduced further


@dataclass(frozen=True)
class EmbeddedImage:
    """An image as the page holds it; ``width`` and ``height`` are those of the image as given, in pixels."""

    address: str
    width: int
    height: int
    reduced_to: tuple[int, int] | None
    of: SampleImage

    @property
    def tiny(self) -> bool:
        """Whether the image is so small that it is shown enlarged."""
        return max(self.width, self.height) < TINY

    @property
    def stroke(self) -> float:
        """The width of a box's line, in pixels of the image as given: the same on the screen for all sizes."""
        return max(self.width, self.height) / 240

    @property
    def letters(self) -> float:
        """The height of a box's label, in pixels of the image as given."""
        return max(self.width, self.height) / 28


def embedded(image: SampleImage, *, largest_side: int, most_bytes: int) -> EmbeddedImage:
    """Return an image as a data address: as PNG, reduced to ``largest_side`` pixels where it is larger.

    Where PNG takes more than ``most_bytes``, it becomes a JPEG, and smaller until it fits.
    Raises InvalidSample for bytes that are no image.
    """
    try:
        opened = open_image(image.data, name=image.caption or "the image of a sample")
    except InvalidImages as error:
        raise InvalidSample(str(error)) from None
    shown = opened.copy()
    shown.thumbnail((largest_side, largest_side))
    data, kind = _encoded(shown, "PNG"), "png"
    while len(data) > most_bytes and (kind == "png" or max(shown.size) > LEAST_SIDE):
        if kind == "jpeg":
            side = max(LEAST_SIDE, max(shown.size) * 3 // 4)
            shown = opened.copy()
            shown.thumbnail((side, side))
        data, kind = _encoded(shown, "JPEG"), "jpeg"
    address = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    reduced = None if shown.size == opened.size else shown.size
    return EmbeddedImage(address, opened.width, opened.height, reduced, image)


def _encoded(image: Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    options = {"optimize": True} if kind == "PNG" else {"quality": QUALITY}
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()
