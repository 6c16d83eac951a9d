"""Pictures in folders and npz files, and tokens in npz files, as the command line takes and gives them.

Legend:  N images · P branches · L positions
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from tenfold.imagefolder.errors import InvalidImages, InvalidTokens

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
KEYS = ("images", "arr_0", "x_test", "x_train")
TOKENS = "indices"


def read_pictures(path: Path, *, channels: int) -> UInt8[np.ndarray, "N H W *C"]:
    """Return the pictures of a folder, of one file, or of an npz file, as bytes with one or three channels.

    A folder is read in the order of its names. An npz file holds them as uint8 under images (or arr_0, as the public
    evaluators write them). Raises InvalidImages: nothing there, sizes that differ, another type.
    """
    from PIL import Image, UnidentifiedImageError

    if path.suffix == ".npz":
        pixels = _array(path)
        found = pixels if pixels.ndim == 4 else pixels[..., None]
        if found.shape[-1] != channels:
            raise InvalidImages(f"{path} has {found.shape[-1]} channels; this model reads {channels}")
        return found[..., 0] if channels == 1 else found
    names = _names(path)
    try:
        pictures = [np.asarray(Image.open(name).convert("L" if channels == 1 else "RGB")) for name in names]
    except (UnidentifiedImageError, OSError) as error:
        raise InvalidImages(f"a file of {path} cannot be read as a picture: {error}") from None
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        raise InvalidImages(f"{path} holds pictures of {len(sizes)} sizes; bring them to one size first")
    return np.stack(pictures)


def channels_of(path: Path) -> int:
    """Return 1 for grey pictures, 3 for others, by the first of them. Raises InvalidImages."""
    from PIL import Image, UnidentifiedImageError

    if path.suffix == ".npz":
        pixels = _array(path)
        return 1 if pixels.ndim == 3 else pixels.shape[-1]
    first = _names(path)[0]
    try:
        with Image.open(first) as picture:
            return 1 if picture.mode in ("1", "L") else 3
    except (UnidentifiedImageError, OSError) as error:
        raise InvalidImages(f"{first} cannot be read as a picture: {error}") from None


def _names(path: Path) -> list[Path]:
    names = [path] if path.is_file() else sorted(p for p in path.glob("*") if p.suffix.lower() in SUFFIXES)
    if not names:
        raise InvalidImages(f"{path} holds no pictures ({', '.join(SUFFIXES)}) and is no npz file")
    return names


def _array(path: Path) -> UInt8[np.ndarray, "N H W *C"]:
    try:
        with np.load(path) as content:
            key = next((key for key in KEYS if key in content), None)
            if key is None:
                raise InvalidImages(f"{path} holds {sorted(content)}, none of {', '.join(KEYS)}")
            pixels = content[key]
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidImages):
            raise
        raise InvalidImages(f"{path} cannot be read as an npz file: {error}") from None
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4):
        raise InvalidImages(f"{path}: images are uint8 (N, H, W) or (N, H, W, C), not {pixels.dtype} {pixels.shape}")
    return pixels


def write_pictures(path: Path, pixels: UInt8[np.ndarray, "N H W *C"]) -> None:
    """Write pictures into an npz file, or as PNG files into a folder that is made."""
    from PIL import Image

    if path.suffix == ".npz":
        np.savez_compressed(path, images=pixels)
        return
    path.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(path / f"{number:05d}.png")


def write_tokens(path: Path, indices: Int[np.ndarray, "N P L"]) -> None:
    """Write tokens, in two bytes each where the codebook allows."""
    small = indices.max(initial=0) < 2**16
    arrays: dict[str, Any] = {TOKENS: indices.astype(np.uint16 if small else np.int64)}
    np.savez_compressed(path, **arrays)


def read_tokens(path: Path) -> Int[np.ndarray, "N P L"]:
    """Return tokens as ``write_tokens`` wrote them. Raises InvalidTokens."""
    try:
        with np.load(path) as content:
            return content[TOKENS].astype(np.int64)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidTokens(f"{path} holds no tokens ({error}); `tokenize` writes such files") from None
