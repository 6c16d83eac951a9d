"""Reading the splits that ``prepare`` wrote.

Legend:  N images · C channels · H, W height and width
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from steps.step.json_files import read_json
from tenfold.imaging.pixels import to_tensor

PART = 500  # images at once as numbers, which take four times the bytes


@dataclass(frozen=True)
class Split:
    """Images as bytes, which metrics read, and as numbers in [−1, 1], which models read; and their labels."""

    pixels: UInt8[np.ndarray, "N H W *C"]
    labels: Int[np.ndarray, " N"]

    @property
    def images(self) -> Float[Tensor, "N C H W"]:
        return to_tensor(self.pixels)

    def parts(self) -> Iterator[Float[Tensor, "n C H W"]]:
        """Yield the images, ``PART`` at a time and in order: as numbers, all of them may not fit into memory."""
        for start in range(0, len(self), PART):
            yield to_tensor(self.pixels[start : start + PART])

    @property
    def size(self) -> int:
        """The images' side."""
        return int(self.pixels.shape[1])

    @property
    def channels(self) -> int:
        return 1 if self.pixels.ndim == 3 else int(self.pixels.shape[3])

    def __len__(self) -> int:
        return len(self.labels)


def dataset_names(prepared: Path) -> list[str]:
    """Return the data sets of this profile; the first is the one that claims are tested on."""
    return list(read_json(prepared / "manifest.json"))


def origin(prepared: Path, dataset: str) -> str:
    """Return where a data set came from, in words."""
    return str(read_json(prepared / "manifest.json")[dataset]["origin"])


def read_split(prepared: Path, dataset: str, name: str) -> Split:
    """Return one split of one data set."""
    with np.load(prepared / f"{dataset}.npz") as data:
        return Split(data[f"{name}_pixels"], data[f"{name}_labels"])
