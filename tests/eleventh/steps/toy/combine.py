"""Combine the arms."""

import json
from pathlib import Path

import numpy as np


def combine(*arms: Path, out: Path) -> None:
    """Average the arms' places."""
    np.save(out / "mean.npy", np.mean([np.load(arm / "place.npy") for arm in arms], axis=0))
    losses = {
        arm.name: [row["train/distance"] for row in json.loads((arm / "history.json").read_text())] for arm in arms
    }
    (out / "losses.json").write_text(json.dumps(losses))
