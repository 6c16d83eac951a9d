"""Pictures of the hub's data sets as a model reads them, decoded as they are asked for.

Legend:  N pictures · S side of what the model reads
"""

from __future__ import annotations

import io
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

from tenfold.ntk_attention.errors import UndecodablePicture, UnknownTask
from tenfold.ntk_attention.hub_data import Split, load_split

AREAS, RATIOS = (0.08, 1.0), (3 / 4, 4 / 3)  # of a random crop, as torchvision's RandomResizedCrop has them
ATTEMPTS = 10
THREADS = 8


@dataclass(frozen=True)
class Columns:
    """What a data set calls its pictures, its labels and its official test split."""

    picture: str
    label: str
    test: str


KNOWN = {
    "cifar100": Columns("img", "fine_label", "test"),
    "food101": Columns("image", "label", "validation"),
    "tiny-imagenet": Columns("image", "label", "valid"),
}


@dataclass(frozen=True)
class Reading:
    """How pictures become tensors: the model's side, and the mean and standard deviation of its channels."""

    side: int
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @classmethod
    def of(cls, model: str, revision: str | None, side: int) -> Reading:
        """Return what the model's own image processor says of mean and standard deviation."""
        from transformers import AutoImageProcessor

        processor: Any = AutoImageProcessor.from_pretrained(model, revision=revision)
        return cls(side, tuple(processor.image_mean), tuple(processor.image_std))


def picture_splits(source: str, revision: str) -> tuple[Split, Split, Columns]:
    """Return the training split and the official test split of a data set, by its id or folder, and their columns.

    Raises UnknownTask for a name other than those known, and what ``load_split`` does.
    """
    name = Path(source).name
    if name not in KNOWN:
        raise UnknownTask(f"{source}: the columns of {name!r} are not known; known are {', '.join(KNOWN)}")
    known = KNOWN[name]
    train, test = (
        load_split(source, split, columns=(known.picture, known.label), revision=revision)
        for split in ("train", known.test)
    )
    return train, test, known


class HubPictures(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Some pictures of a split: an index gives one, a slice gives a batch, (3, S, S) float32 and its label.

    ``views``: 0 for evaluation, where the shorter side becomes S and the middle is cut out. For training as many as
    there are epochs: each picture stands there once a view, each time as another random crop, mirrored or not, that
    ``seed``, picture and view decide. **Deviation:** the order is of all views at once, so that one epoch may see a
    picture twice and the next one not at all; in the end each was seen ``views`` times.
    """

    def __init__(
        self,
        split: Split,
        columns: Columns,
        chosen: Sequence[int] | Int[np.ndarray, " N"],
        reading: Reading,
        *,
        views: int = 0,
        seed: int = 0,
    ) -> None:
        import datasets

        self.chosen, self.reading, self.views, self.seed = np.asarray(chosen), reading, views, seed
        self.labels = torch.from_numpy(split.labels(columns.label)[self.chosen])
        self._rows = split.rows.select_columns([columns.picture]).cast_column(
            columns.picture, datasets.Image(decode=False)
        )
        self._column, self._shown = columns.picture, str(split)

    def __len__(self) -> int:
        return len(self.chosen) * max(self.views, 1)

    def __getitem__(self, index: int | slice) -> tuple[torch.Tensor, torch.Tensor]:
        if not isinstance(index, slice):
            place = index % len(self.chosen)
            return self._tensor(index), self.labels[place]
        wanted = range(len(self))[index]
        with ThreadPoolExecutor(THREADS) as pool:  # decoding waits for no other thread
            pictures = list(pool.map(self._tensor, wanted))
        return torch.stack(pictures), self.labels[[number % len(self.chosen) for number in wanted]]

    def seen_again(self, views: int, seed: int) -> HubPictures:
        """Return the same pictures for training."""
        return self._changed(views=views, seed=seed)

    def first(self, count: int) -> HubPictures:
        """Return the first few pictures, for evaluation."""
        return self._changed(chosen=self.chosen[:count], labels=self.labels[:count], views=0)

    def _changed(self, **changes: Any) -> HubPictures:
        other = object.__new__(HubPictures)
        other.__dict__.update(self.__dict__ | changes)
        return other

    def _tensor(self, index: int) -> torch.Tensor:
        view, place = divmod(index, len(self.chosen))
        row = int(self.chosen[place])
        picture = decoded(self._rows[row][self._column], f"{self._shown}, row {row}")
        if self.views:
            picture = random_crop(picture, self.reading.side, np.random.default_rng([self.seed, row, view]))
        else:
            picture = middle(picture, self.reading.side)
        pixels = np.asarray(picture, dtype=np.float32) / 255  # (S, S, 3)
        mean, sd = (np.array(of, dtype=np.float32) for of in (self.reading.mean, self.reading.sd))
        scaled = (pixels - mean) / sd
        return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))


def decoded(kept: dict[str, Any], where: str) -> Any:
    """Return a picture in RGB from what a table keeps of it. Raises UndecodablePicture."""
    from PIL import Image, UnidentifiedImageError

    content = kept["bytes"] if kept["bytes"] is not None else Path(kept["path"]).read_bytes()
    try:
        return Image.open(io.BytesIO(content)).convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UndecodablePicture(
            f"{where}: {len(content):,} bytes that are no picture ({error}); bring the data set again, or take the "
            f"row out"
        ) from error


def random_crop(picture: Any, side: int, generator: np.random.Generator) -> Any:
    """Return a crop of random area and shape at ``side``, mirrored every second time (RandomResizedCrop and flip)."""
    from PIL import Image

    width, height = picture.size
    for _ in range(ATTEMPTS):
        area = generator.uniform(*AREAS) * width * height
        ratio = math.exp(generator.uniform(math.log(RATIOS[0]), math.log(RATIOS[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = int(generator.integers(0, width - w + 1)), int(generator.integers(0, height - h + 1))
            break
    else:  # the largest middle part whose shape is allowed
        w = min(width, round(height * RATIOS[1]))
        h = min(height, round(width / RATIOS[0]))
        left, top = (width - w) // 2, (height - h) // 2
    mirrored = generator.random() < 0.5
    cut = picture.crop((left, top, left + w, top + h)).resize((side, side), Image.Resampling.BILINEAR)
    return cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else cut


def middle(picture: Any, side: int) -> Any:
    """Return the picture with its shorter side at ``side``, and of that the middle square."""
    from PIL import Image

    scale = side / min(picture.size)
    width, height = (max(round(length * scale), side) for length in picture.size)
    large = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - side) // 2, (height - side) // 2
    return large.crop((left, top, left + side, top + side))
