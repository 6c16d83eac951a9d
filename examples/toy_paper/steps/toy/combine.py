"""Combine the arms."""

import json
from pathlib import Path

import numpy as np


def combine(arms: list[Path], *, out: Path) -> None:
    """Average the arms' places and put their distances side by side.

    Reads   place.npy (D,) float64 and history.json of each arm
    Writes  mean.npy (D,) float64; distances.json: by arm, one per update
    """
    np.save(out / "mean.npy", np.mean([np.load(arm / "place.npy") for arm in arms], axis=0))
    distances = {
        arm.name.removeprefix("train-"): [
            row["train/distance"] for row in json.loads((arm / "history.json").read_text())
        ]
        for arm in arms
    }
    (out / "distances.json").write_text(json.dumps(distances))
