"""Publishing: what stands in the output, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from flows.report.claims import load_measurements
from steps.step.plotting import panels
from steps.step.publish import UnknownHeadline
from steps.step.run import Run
from tenfold.metrics.measurements import measured, unavailable

CLAIMS = {
    "slope": measured(-0.5, "log-log slope", "of the error against m, ‖·‖∞", (-0.6, -0.4), seeds=3),
    "speed": measured(2, "ratio", "two over one"),
    "gpu": unavailable("needs a GPU"),
}


def publish(out: Path, headlines: tuple[str, ...] = ("slope", "gpu")) -> None:
    figure, (axis,) = panels(1)
    axis.plot([1, 2], [1, 2])
    run = Run("toy", "evaluate", out=out)
    run.publish(
        claims=CLAIMS,
        headlines=headlines,
        tables={"rows": (pd.DataFrame({"ε": [1.0, 1 / 3], "name": ["a", "b"]}), "Two rows.")},
        figures={"line": (figure, "A line of slope ½.")},
    )


def test_everything_is_published(tmp_path: Path):
    publish(tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"slope": -0.5}  # "gpu" has no value
    assert (tmp_path / "tables/rows.csv").read_text(encoding="utf-8") == "ε,name\n1,a\n0.333333,b\n"
    assert json.loads((tmp_path / "tables/captions.json").read_text()) == {"rows.csv": "Two rows."}
    assert (tmp_path / "figures/line.svg").read_bytes().startswith(b"<?xml")
    assert json.loads((tmp_path / "figures/captions.json").read_text()) == {"line.svg": "A line of slope ½."}


def test_the_report_reads_the_same_measurements(tmp_path: Path):
    publish(tmp_path)
    assert load_measurements(tmp_path / "claims.json") == CLAIMS
    raw = json.loads((tmp_path / "claims.json").read_text())
    assert raw["gpu"] == {"unavailable": "needs a GPU"}
    assert raw["speed"] == {
        "value": 2.0,
        "interval": None,
        "seeds": None,
        "n": None,
        "unit": "ratio",
        "detail": "two over one",
    }


def test_the_same_results_have_the_same_bytes(tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        publish(folder)
    files = sorted(path.relative_to(first) for path in first.rglob("*.*"))
    assert len(files) == 6
    assert all((first / path).read_bytes() == (second / path).read_bytes() for path in files)


def test_a_headline_is_one_of_the_claims(tmp_path: Path):
    with pytest.raises(UnknownHeadline, match="toy evaluate: the headlines slop are not among the claims"):
        publish(tmp_path, ("slop",))
    assert not list(tmp_path.iterdir())
