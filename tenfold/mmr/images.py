"""Images as models and engines see them: one normalisation, one way to reduce, one way to encode.

Legend:  H, W height and width in pixels · the last axis holds red, green, blue
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from tenfold.arguments import unmasked
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import open_image
from tenfold.mmr.errors import MissingImage
from tenfold.mmr.image_files import check_sizes
from tenfold.mmr.items import Item, ItemSet

Pixels = UInt8[np.ndarray, "H W 3"]


def load_image(source: Path | bytes, *, name: str = "") -> Pixels:
    """Return an image file, or a file's bytes, as uint8 RGB (H, W, 3): upright, on white, with 8 bits.

    EXIF rotation is applied, transparency shows white, a palette is resolved, 16 bits of grey become 8, grey and CMYK
    become RGB; of an animation the first image is taken. ``name`` is what an error calls bytes. Raises MissingImage if
    there is no such file, InvalidImages for one that is empty, broken or no image.
    """
    if isinstance(source, Path) and not source.is_file():
        raise MissingImage(f"there is no image {source}; bring the images again")
    return np.asarray(open_image(source, "RGB", name=name))


def check_images(items: ItemSet) -> None:
    """Check that every item has an image that can be read, of the size that the item says, by reading each file once.

    Raises MissingImage for an item without one, InvalidImages with the names of all files that cannot be read, and
    InvalidItem for another width or height than the file's.
    """
    about: dict[Path, list[Item]] = {}
    for item in items.rows:
        about.setdefault(items.image_path(item), []).append(item)
    broken = []
    sizes: dict[Path, tuple[int, int]] = {}
    for path in about:
        try:
            height, width = load_image(path).shape[:2]
            sizes[path] = width, height
        except InvalidImages as error:
            broken.append(str(error))
    if broken:
        names = "\n".join(broken)
        raise InvalidImages(f"{len(broken)} of {len(about)} images are of no use; bring them again:\n{names}")
    for path, size in sizes.items():
        check_sizes(about[path], path, *size)


def resized(image: Pixels, longest: int | None) -> Pixels:
    """Return an image with its longest side reduced to ``longest`` pixels and its shape kept.

    A smaller image, or any if ``longest`` is None, is returned as it is: nothing is enlarged. Raises InvalidImages if
    it is no uint8 RGB or ``longest`` is below 1.
    """
    from PIL import Image

    pixels = _checked(image)
    if longest is None:
        return pixels
    if longest < 1:
        raise InvalidImages(f"the longest side has 1 pixel or more, not {longest}")
    H, W = pixels.shape[:2]
    factor = int(longest) / max(H, W)
    if factor >= 1:
        return pixels
    size = (max(1, round(W * factor)), max(1, round(H * factor)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def encoded(image: Pixels, jpeg: int | None = None) -> bytes:
    """Return an image as the bytes of a PNG file, or of a JPEG file of quality ``jpeg`` (1 to 100).

    Raises InvalidImages if it is no uint8 RGB or ``jpeg`` is out of range.
    """
    from PIL import Image

    pixels, buffer = Image.fromarray(_checked(image)), io.BytesIO()
    if jpeg is None:
        pixels.save(buffer, "PNG")
    elif isinstance(jpeg, bool) or not 1 <= jpeg <= 100:
        raise InvalidImages(f"the quality of a JPEG file is 1 to 100, not {jpeg}; None for PNG")
    else:
        pixels.save(buffer, "JPEG", quality=int(jpeg))
    return buffer.getvalue()


def media_type(jpeg: int | None = None) -> str:
    """Return the media type of what ``encoded`` makes: image/png or image/jpeg."""
    return "image/png" if jpeg is None else "image/jpeg"


def _checked(image: Pixels) -> Pixels:
    pixels = unmasked(image, "image")
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[-1] != 3 or not pixels.size:
        raise InvalidImages(f"an image is uint8 (H, W, 3) with pixels in it, not {pixels.dtype} {pixels.shape}")
    return pixels
