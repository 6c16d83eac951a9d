"""Images in class subfolders, read when they are needed.

Legend:  N images · s side of the crop
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from tenfold.imaging.errors import InvalidImages, MissingImages
from tenfold.imaging.files import SUFFIXES, open_image
from tenfold.imaging.pixels import to_tensor
from tenfold.imaging.resizing import crop_square, resize_shorter_side


def class_folders(folder: Path) -> tuple[list[str], list[int], list[str]]:
    """Return the names of all images below ``folder``, their labels, and the classes: its subfolders, sorted.

    Raises MissingImages if there are none.
    """
    classes = sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []
    names: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(entry.name for entry in (folder / name).iterdir() if entry.suffix.lower() in SUFFIXES)
        names += [f"{name}/{entry}" for entry in found]
        labels += [label] * len(found)
    if not names:
        raise MissingImages(f"{folder} has no images in class subfolders, {folder.name}/<class>/<image>")
    return names, labels, classes


def cropped(
    path: Path, size: int, *, resized: int | None = None, draws: random.Random | None = None
) -> UInt8[np.ndarray, "s s 3"]:
    """Return a square of an image whose shorter side is first brought to ``resized`` (bicubic; ``size`` if None).

    Without ``draws`` it is the square in the middle; with them one anywhere, mirrored with probability ½.
    Raises InvalidImages for a file that is no image.
    """
    image = resize_shorter_side(open_image(path, "RGB"), resized or size)
    if draws is None:
        return np.asarray(crop_square(image, size))
    left, top = draws.randint(0, image.width - size), draws.randint(0, image.height - size)
    mirrored = draws.random() < 0.5
    pixels = np.asarray(crop_square(image, size, left=left, top=top))
    return pixels[:, ::-1] if mirrored else pixels


class CroppedImages(Dataset[tuple[Tensor, int]]):
    """Random crops of images, mirrored with probability ½: ``views`` of each; item = view · N + image.

    What a view draws comes from its item's number and ``seed`` alone, so that neither workers, nor processes, nor an
    interruption change what a training sees: an image comes back as one of its views.
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
        """Take ``names`` below ``folder`` with their labels. Raises InvalidImages if ``resized`` is below ``size``."""
        self.folder, self.names, self.labels = folder, names, labels
        self.size, self.resized, self.views, self.seed = size, resized, views, seed
        if resized < size:
            raise InvalidImages(f"images reduced to {resized} hold no crop of {size}")

    def __len__(self) -> int:
        return len(self.names) * self.views

    def __getitem__(self, item: int) -> tuple[Float[Tensor, "3 s s"], int]:
        image = item % len(self.names)
        draws = random.Random(self.seed * 1_000_003 + item)
        pixels = cropped(self.folder / self.names[image], self.size, resized=self.resized, draws=draws)
        return to_tensor(pixels[None])[0], int(self.labels[image])
