"""Photographs that a data stage brought: a tar archive or single files, at one size, with whom to credit."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from tenfold.data.archives import BROKEN
from tenfold.data.errors import CorruptArchive, TableMismatch
from tenfold.data.photograph_credits import credit
from tenfold.imaging.files import SUFFIXES, open_image

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST = 768  # pixels, of the copies in the mirror


@dataclass(frozen=True)
class Photograph:
    """One photograph: ``pixels`` uint8 RGB (H, W, 3); ``credit`` and ``page`` are to be named where it is shown."""

    name: str
    pixels: UInt8[np.ndarray, "H W 3"]
    credit: str
    page: str


def read_photographs(folder: Path, *, longest: int = LONGEST) -> list[Photograph]:
    """Return the photographs of ``folder`` in the order of their names, with no side above ``longest`` pixels.

    Known formats: one ``*.tar``, or image files. Raises TableMismatch if there are none, CorruptArchive for a tar that
    cannot be read, InvalidImages for a file that is no image.
    """
    found = sorted(_stored(folder), key=lambda one: one[0])
    if not found:
        raise TableMismatch(f"{folder} holds no photographs ({', '.join(SUFFIXES)}, or a tar). Bring the source again.")
    rows = []
    for name, stored in found:
        seen = reduced(open_image(stored, "RGB", name=f"{folder}, {name}"), longest)
        rows.append(Photograph(name, np.asarray(seen), *credit(name)))
    return rows


def reduced(image: Image, longest: int) -> Image:
    """Return the image with its longest side at most ``longest`` pixels and its shape kept; a smaller one as it is."""
    from PIL.Image import Resampling

    factor = longest / max(image.size)
    if factor >= 1:
        return image
    width, height = (max(1, round(side * factor)) for side in image.size)
    return image.resize((width, height), Resampling.LANCZOS)


def _stored(folder: Path) -> Iterator[tuple[str, Path | bytes]]:
    for path in sorted(folder.glob("*.tar")):
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    name = PurePosixPath(member.name)
                    content = archive.extractfile(member) if name.suffix.lower() in SUFFIXES else None
                    if content is not None:
                        yield name.stem, content.read()
        except BROKEN as error:
            raise CorruptArchive(f"{path} is not a readable archive: {error}. Bring the source again.") from error
    for path in sorted(folder.glob("*")):
        if path.suffix.lower() in SUFFIXES:
            yield path.stem, path
