"""Images in files, folders and npz files, as bytes: the one place where image files are opened.

Legend:  N images · H, W height and width · C channels
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from tenfold.arguments import unmasked
from tenfold.imaging.errors import InvalidImages
from tenfold.npz_files import opened

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = UInt8[np.ndarray, "N H W *C"]
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
KEYS = ("images", "arr_0", "x_test", "x_train")


def open_image(source: Path | bytes, mode: str | None = None, *, name: str = "") -> Image:
    """Return an image as it is seen, from a file or from a file's bytes, in ``mode``: L or RGB, its own if not given.

    It stands upright as EXIF says, 16 bits of grey become 8, and what is transparent shows white. ``name`` is what an
    error calls bytes. Raises InvalidImages for a file that is no image, or one of numbers without a range.
    """
    from PIL import Image, ImageOps

    file = source if isinstance(source, Path) else io.BytesIO(source)
    try:
        with Image.open(file) as stored:
            seen = _eight_bits(ImageOps.exif_transpose(stored))
            if seen.has_transparency_data:
                white = Image.new("RGBA", seen.size, "white")
                seen = Image.alpha_composite(white, seen.convert("RGBA")).convert("L" if _is_grey(seen) else "RGB")
            return seen.convert(mode or ("L" if _is_grey(seen) else "RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidImages(f"{name or file} cannot be read as an image: {error}") from None


def _is_grey(image: Image) -> bool:
    return image.mode in ("1", "L", "LA", "La")


def _eight_bits(image: Image) -> Image:
    """Return 16 bits of grey as 8, which Pillow's own conversion cuts off at 255; others as they are."""
    from PIL import Image

    if image.mode.split(";")[0] not in ("I", "F"):
        return image
    wide = np.asarray(image)
    if image.mode == "F" or wide.min() < 0 or wide.max() > 0xFFFF:
        raise InvalidImages(f"its pixels run from {wide.min():g} to {wide.max():g}: save it with 8 or 16 bits")
    return Image.fromarray(((wide.astype(np.uint32) * 255 + 0x7FFF) // 0xFFFF).astype(np.uint8))


def load_images(path: Path, *, channels: int) -> Pixels:
    """Return the images of a folder, of one file, or of an npz file, as bytes with one or three channels.

    A folder is read in the order of its names. An npz file holds them as uint8 under ``images``, or ``arr_0`` as the
    public evaluators write them. One channel gives (N, H, W). Raises InvalidImages if nothing is there, sizes differ,
    or an npz file holds another type or other channels.
    """
    if path.suffix.lower() == ".npz":
        pixels = _npz_images(path)
        found = pixels if pixels.ndim == 4 else pixels[..., None]
        if found.shape[-1] != channels:
            raise InvalidImages(f"{path} has {found.shape[-1]} channels; {channels} are wanted")
        return found[..., 0] if channels == 1 else found
    images = [np.asarray(open_image(name, "L" if channels == 1 else "RGB")) for name in _image_files(path)]
    sizes = {image.shape[:2] for image in images}
    if len(sizes) > 1:
        raise InvalidImages(f"{path} holds images of {len(sizes)} sizes; bring them to one size first")
    return np.stack(images)


def as_pixels(source: str | Path | np.ndarray, *, channels: int) -> Pixels:
    """Return images as bytes from an array, a folder, a file or an npz file; one channel gives (N, H, W).

    Raises InvalidImages if nothing is there, types or channels are others, or images differ in size.
    """
    array = (
        unmasked(source, "images") if isinstance(source, np.ndarray) else load_images(Path(source), channels=channels)
    )
    pixels = array[..., 0] if array.ndim == 4 and array.shape[-1] == 1 else array
    shaped = pixels.ndim == 3 if channels == 1 else pixels.ndim == 4 and pixels.shape[-1] == channels
    if pixels.dtype != np.uint8 or not shaped or not len(pixels):
        raise InvalidImages(
            f"images of {channels} channel(s) are bytes (N, H, W) or (N, H, W, {channels}), not {pixels.dtype} "
            f"{pixels.shape}"
        )
    return pixels


def channels_of(path: Path) -> int:
    """Return 1 for grey images, 3 for others, by the first image of ``path``. Raises InvalidImages."""
    if path.suffix.lower() == ".npz":
        pixels = _npz_images(path)
        return 1 if pixels.ndim == 3 else pixels.shape[-1]
    return 1 if open_image(_image_files(path)[0]).mode == "L" else 3


def save_images(path: Path, pixels: Pixels, *, as_npz: bool | None = None) -> None:
    """Write images into an npz file, or as PNG files into a folder that is made; by the name if it is not said.

    Raises InvalidImages if the folder holds images already: they would be taken for some of these.
    """
    from PIL import Image

    if path.suffix.lower() == ".npz" if as_npz is None else as_npz:
        with path.open("wb") as file:  # by its own name: savez would add to it
            np.savez_compressed(file, images=pixels)
        return
    path.mkdir(parents=True, exist_ok=True)
    if any(file.suffix.lower() in SUFFIXES for file in path.iterdir()):
        raise InvalidImages(f"{path} holds images already; write into another folder, or empty it first")
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(path / f"{number:05d}.png")


def _image_files(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(file for file in path.glob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise InvalidImages(f"{path} holds no images ({', '.join(SUFFIXES)}) and is no npz file")
    return found


def _npz_images(path: Path) -> Pixels:
    with opened(path, InvalidImages, "images") as content:
        listed = content.files
        key = next((key for key in KEYS if key in listed), None)
        pixels = None if key is None else content[key]
    if pixels is None:
        raise InvalidImages(f"{path} holds {sorted(listed)}, none of {', '.join(KEYS)}")
    if not len(pixels):
        raise InvalidImages(f"{path} holds no images: its {key} are {pixels.shape}")
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4):
        raise InvalidImages(f"{path}: images are uint8 (N, H, W) or (N, H, W, C), not {pixels.dtype} {pixels.shape}")
    return pixels
