"""Reading what ``prepare`` wrote: one data set with its splits by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from tenfold.dp_ntk.validation import targets, unit_rows


@dataclass(frozen=True)
class DataSet:
    """Unit rows and labels of both splits, always taken by name."""

    name: str
    x_train: Float[np.ndarray, "n d"]
    y_train: Int[np.ndarray, " n"]
    x_test: Float[np.ndarray, "q d"]
    y_test: Int[np.ndarray, " q"]

    @property
    def classes(self) -> int:
        """The number of classes, public."""
        return int(max(self.y_train.max(), self.y_test.max())) + 1

    @property
    def targets(self) -> Float[np.ndarray, "n C"]:
        """One-hot targets ±1 of the training split."""
        return targets(self.y_train, self.classes)

    def accuracy(self, scores: Float[np.ndarray, "q C"]) -> float:
        """Return the share of test records whose largest score is their class's."""
        return float(np.mean(scores.argmax(axis=1) == self.y_test))


def load(prepared: Path, name: str) -> DataSet:
    """Load one data set; float32 on disk, unit rows in float64 here."""
    with np.load(prepared / f"{name}.npz") as content:
        x_train, x_test = (unit_rows(content[part]) for part in ("x_train", "x_test"))
        return DataSet(name, x_train, content["y_train"], x_test, content["y_test"])
