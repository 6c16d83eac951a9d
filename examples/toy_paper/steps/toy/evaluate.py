"""Publish how far the walk got."""

import json
from pathlib import Path

import pandas as pd

from steps.step.run import Run
from steps.toy.figures import curve
from tenfold.metrics.measurements import measured


def evaluate(combined: Path, *, out: Path, run: Run) -> None:
    """Publish what the paper's claims are tested by.

    Reads   combined/distances.json
    Writes  metrics.json, claims.json, figures/walk.svg and tables/curve.csv with their captions
    """
    table = pd.DataFrame(json.loads((combined / "distances.json").read_text()))
    table.insert(0, "update", table.index + 1)
    first, last = table.left.iloc[0], table.left.iloc[-1]
    run.publish(
        claims={
            "shrinkage": measured(last / first, "ratio", "distance after the walk over that after one update"),
            "final_distance": measured(last, "", "distance after the walk, left arm"),
        },
        headlines=["final_distance"],  # metrics.json has these alone
        tables={"curve": (table, "Distance to the target by update, both arms.")},
        figures={"walk": curve(table)},
    )
