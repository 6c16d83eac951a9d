"""Walk to the target."""

import json
import time
from pathlib import Path
from typing import Annotated

import numpy as np

from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.toy.walk import Walk


class TrainParams(Params):
    """How long to walk."""

    updates: Count
    pause: Annotated[float, Field(ge=0)]  # seconds per update, to have time to interrupt it


def train(drawn: Path, *, out: Path, params: TrainParams, run: Run) -> None:
    """Walk to the target, one arm of two.

    Reads   drawn/target.npy (D,) float64
    Writes  place.npy (D,) float64; history.json: what was logged, by update
    Logs    train/distance (left to the target)
    Raises  Diverged on NaN
    """
    walk = Walk(np.load(drawn / "target.npy"), run.generator("walk"))
    for update in run.updates(params.updates, state=walk, every_seconds=0.0):
        run.log({"train/distance": walk.step()}, update=update)
        time.sleep(params.pause)
    np.save(out / "place.npy", walk.place)
    (out / "history.json").write_text(json.dumps(run.history))
