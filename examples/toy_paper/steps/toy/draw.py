"""Draw the target."""

from pathlib import Path
from typing import Annotated

import numpy as np

from steps.step.params import Field, Params
from steps.step.run import Run


class DrawParams(Params):
    """How much to draw."""

    coordinates: Annotated[int, Field(gt=0, le=10_000_000)]  # of the target


def draw(table: Path, *, out: Path, params: DrawParams, run: Run) -> None:
    """Draw the target of the walk.

    Reads   table/source.json, which says where the data came from
    Writes  target.npy (D,) float64
    """
    assert (table / "source.json").is_file()
    np.save(out / "target.npy", run.generator("target").normal(size=params.coordinates))
