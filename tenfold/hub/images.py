"""Images of the hub's data sets as a model reads them, decoded as they are asked for.

Legend:  N images · S side of what the model reads
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch.utils.data import Dataset

from tenfold.hub.datasets import Split, load_split
from tenfold.hub.errors import UndecodableImage, UnknownTask
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import open_image
from tenfold.imaging.resizing import crop_square, resize_shorter_side

AREAS, RATIOS = (0.08, 1.0), (3 / 4, 4 / 3)  # of a random crop, as torchvision's RandomResizedCrop has them
ATTEMPTS = 10
THREADS = 8


@dataclass(frozen=True)
class ImageColumns:
    """What a data set calls its images, its labels and its official test split."""

    image: str
    label: str
    test: str


KNOWN = {
    "cifar100": ImageColumns("img", "fine_label", "test"),
    "food101": ImageColumns("image", "label", "validation"),
    "tiny-imagenet": ImageColumns("image", "label", "valid"),
}


@dataclass(frozen=True)
class Preprocessing:
    """How images become tensors: the model's side, and the mean and standard deviation of the channels."""

    side: int
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @classmethod
    def of(cls, model: str, revision: str | None, side: int) -> Preprocessing:
        """Return the preprocessing with the mean and standard deviation of the model's own image processor."""
        from transformers import AutoImageProcessor

        processor: Any = AutoImageProcessor.from_pretrained(model, revision=revision)
        return cls(side, tuple(processor.image_mean), tuple(processor.image_std))


def image_splits(source: str, revision: str) -> tuple[Split, Split, ImageColumns]:
    """Return the training split and the official test split of a data set, by its id or folder, and their columns.

    Raises UnknownTask if the columns of the data set are not known, and what ``load_split`` raises.
    """
    name = Path(source).name
    if name not in KNOWN:
        raise UnknownTask(f"{source}: the columns of {name!r} are not known; known are {', '.join(KNOWN)}")
    known = KNOWN[name]
    train, test = (
        load_split(source, split, columns=(known.image, known.label), revision=revision)
        for split in ("train", known.test)
    )
    return train, test, known


class HubImages(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Some images of a split: an index gives one, a slice gives a batch, (3, S, S) float32 and its label.

    ``views`` is 0 for evaluation: the shorter side becomes S and the center is cut out. For training it is the number
    of epochs: each image stands there once per view, each time as another random crop, mirrored or not, that ``seed``,
    image and view decide. **Deviation:** all views are shuffled together, so that one epoch may show an image twice and
    the next epoch not at all; in the end each image was shown ``views`` times.
    """

    def __init__(
        self,
        split: Split,
        columns: ImageColumns,
        chosen: Sequence[int] | Int[np.ndarray, " N"],
        preprocessing: Preprocessing,
        *,
        views: int = 0,
        seed: int = 0,
    ) -> None:
        import datasets

        self.chosen, self.preprocessing, self.views, self.seed = np.asarray(chosen), preprocessing, views, seed
        self.labels = torch.from_numpy(split.labels(columns.label)[self.chosen])
        self._rows = split.rows.select_columns([columns.image]).cast_column(columns.image, datasets.Image(decode=False))
        self._column, self._shown = columns.image, str(split)

    def __len__(self) -> int:
        return len(self.chosen) * max(self.views, 1)

    def __getitem__(self, index: int | slice) -> tuple[torch.Tensor, torch.Tensor]:
        if not isinstance(index, slice):
            place = index % len(self.chosen)
            return self._tensor(index), self.labels[place]
        wanted = range(len(self))[index]
        with ThreadPoolExecutor(THREADS) as pool:  # Pillow decodes without the interpreter's lock
            images = list(pool.map(self._tensor, wanted))
        return torch.stack(images), self.labels[[number % len(self.chosen) for number in wanted]]

    def augmented(self, views: int, seed: int) -> HubImages:
        """Return the same images for training."""
        return self._changed(views=views, seed=seed)

    def first(self, count: int) -> HubImages:
        """Return the first few images, for evaluation."""
        return self._changed(chosen=self.chosen[:count], labels=self.labels[:count], views=0)

    def _changed(self, **changes: Any) -> HubImages:
        other = object.__new__(HubImages)
        other.__dict__.update(self.__dict__ | changes)
        return other

    def _tensor(self, index: int) -> torch.Tensor:
        view, place = divmod(index, len(self.chosen))
        row = int(self.chosen[place])
        image = decode_image(self._rows[row][self._column], f"{self._shown}, row {row}")
        if self.views:
            generator = np.random.default_rng([self.seed, row, view])
            image = random_resized_crop(image, self.preprocessing.side, generator)
        else:
            image = center_crop(image, self.preprocessing.side)
        pixels = np.asarray(image, dtype=np.float32) / 255  # (S, S, 3)
        mean, sd = (np.array(of, dtype=np.float32) for of in (self.preprocessing.mean, self.preprocessing.sd))
        scaled = (pixels - mean) / sd
        return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))


def decode_image(stored: dict[str, Any], where: str) -> Any:
    """Return an image in RGB from the bytes or the path that a table stores; ``where`` is named in the error.

    Raises UndecodableImage if Pillow cannot read the bytes.
    """
    content = stored["bytes"] if stored["bytes"] is not None else Path(stored["path"]).read_bytes()
    try:
        return open_image(content, "RGB", name=where)
    except InvalidImages as error:
        raise UndecodableImage(
            f"{error} ({len(content):,} bytes); bring the data set again, or take the row out"
        ) from error


def random_resized_crop(image: Any, side: int, generator: np.random.Generator) -> Any:
    """Return a crop of random area and shape at ``side``, mirrored every second time (RandomResizedCrop and flip)."""
    from PIL import Image

    width, height = image.size
    for _ in range(ATTEMPTS):
        area = generator.uniform(*AREAS) * width * height
        ratio = math.exp(generator.uniform(math.log(RATIOS[0]), math.log(RATIOS[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(generator.integers(0, width - w + 1)), int(generator.integers(0, height - h + 1))
            break
    else:  # the largest part in the middle whose shape is allowed
        w = min(width, round(height * RATIOS[1]))
        h = min(height, round(width / RATIOS[0]))
        left, top = (width - w) // 2, (height - h) // 2
    mirrored = generator.random() < 0.5
    cut = image.crop((left, top, left + w, top + h)).resize((side, side), Image.Resampling.BILINEAR)
    return cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else cut


def center_crop(image: Any, side: int) -> Any:
    """Return the square in the middle of the image after the shorter side was resized to ``side``."""
    from PIL.Image import Resampling

    return crop_square(resize_shorter_side(image, side, Resampling.BILINEAR), side)
