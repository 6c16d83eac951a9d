"""Publish the toy paper's results."""

import csv
import json
from pathlib import Path

from steps.step.run import Run
from tenfold.toy.drawing import TITLE, curve


def evaluate(combined: Path, *, out: Path, run: Run) -> None:
    """Measure how far the walk got."""
    losses = json.loads((combined / "losses.json").read_text())
    left, right = losses["train-left"], losses["train-right"]
    (out / "metrics.json").write_text(json.dumps({"final_distance": left[-1]}))
    measurement = {
        "value": left[-1] / left[0],
        "interval": None,
        "seeds": 1,
        "n": None,
        "unit": "ratio",
        "detail": "distance left after the walk",
    }
    (out / "claims.json").write_text(json.dumps({"shrinkage": measurement}))
    run.figure("walk", curve(left))
    (out / "figures" / "captions.json").write_text(json.dumps({"walk.svg": TITLE}))
    (out / "tables").mkdir()
    with open(out / "tables" / "curve.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["update", "left", "right"])
        writer.writerows((index + 1, *pair) for index, pair in enumerate(zip(left, right, strict=True)))
    (out / "tables" / "captions.json").write_text(json.dumps({"curve.csv": "Distance by update"}))
