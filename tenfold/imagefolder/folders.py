"""Pictures in class subfolders, such as ImageNet's, read when they are needed.

Legend:  N pictures · H, W height and width · C channels · s size of the crop
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset

from tenfold.imagefolder.errors import InvalidImages
from tenfold.imagefolder.files import SUFFIXES
from tenfold.imagefolder.pictures import to_tensor


class MissingPictures(FileNotFoundError):
    """There is no folder of pictures in class subfolders where one was named."""


def class_folders(folder: Path) -> tuple[list[str], list[int], list[str]]:
    """Return the names of all pictures below ``folder``, their labels, and the classes: its subfolders, sorted.

    Raises MissingPictures if there are none.
    """
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
    names: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(entry.name for entry in (folder / name).iterdir() if entry.suffix.lower() in SUFFIXES)
        names += [f"{name}/{entry}" for entry in found]
        labels += [label] * len(found)
    if not names:
        raise MissingPictures(
            f"{folder} has no pictures in class subfolders; ImageNet-1k (ILSVRC/imagenet-1k, which wants an account "
            f"that accepted its terms) is unpacked into train/<class>/ and val/<class>/ of one folder"
        )
    return names, labels, classes


def cropped(
    path: Path, size: int, *, resized: int | None = None, draws: random.Random | None = None
) -> UInt8[np.ndarray, "s s 3"]:
    """Return a square of a picture whose shorter side is first brought to ``resized`` (bicubic; ``size`` if None).

    Without ``draws`` it is the one in the middle; with them one anywhere, mirrored half of the time.
    Raises InvalidImages for a file that is no picture.
    """
    try:
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise InvalidImages(f"{path} cannot be read as a picture: {error}") from None
    target = resized or size
    factor = target / min(picture.size)
    width, height = (max(target, round(side * factor)) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, above = (width - size) // 2, (height - size) // 2
    mirrored = False
    if draws is not None:
        left, above = draws.randint(0, width - size), draws.randint(0, height - size)
        mirrored = draws.random() < 0.5
    pixels = np.asarray(picture.crop((left, above, left + size, above + size)))
    return pixels[:, ::-1] if mirrored else pixels


class CroppedPictures(Dataset[tuple[Tensor, int]]):
    """Random crops of pictures, mirrored half of the time: ``views`` of each; item = view · N + picture.

    What a view draws comes from its item's number and ``seed`` alone, so that neither workers, nor processes, nor an
    interruption change what a training sees. Deviation: the paper draws anew every time; here a picture comes back as
    one of its views.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str],
        labels: Sequence[int],
        *,
        size: int,
        resized: int,
        views: int,
        seed: int,
    ) -> None:
        self.folder, self.names, self.labels = folder, names, labels
        self.size, self.resized, self.views, self.seed = size, resized, views, seed
        if resized < size:
            raise InvalidImages(f"pictures reduced to {resized} hold no crop of {size}")

    def __len__(self) -> int:
        return len(self.names) * self.views

    def __getitem__(self, item: int) -> tuple[Float[Tensor, "3 s s"], int]:
        picture = item % len(self.names)
        draws = random.Random(self.seed * 1_000_003 + item)
        pixels = cropped(self.folder / self.names[picture], self.size, resized=self.resized, draws=draws)
        return to_tensor(pixels[None])[0], int(self.labels[picture])
