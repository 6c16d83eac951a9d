"""Publishing: what stands in the output, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from flows.report.claims import load_measurements
from steps.step.plotting import legend, panels
from steps.step.publish import UnknownHeadline
from steps.step.run import Run
from tenfold.metrics.measurements import measured, unavailable

CLAIMS = {
    "slope": measured(-0.5, "log-log slope", "of the error against m, ‖·‖∞", (-0.6, -0.4), seeds=3),
    "speed": measured(2, "ratio", "two over one"),
    "gpu": unavailable("needs a GPU"),
}


def publish(
    out: Path, headlines: tuple[str, ...] = ("slope", "gpu"), timings: tuple[str, ...] = ("speed",), error: float = 0.0
) -> None:
    """Publish a little, each number off by the relative ``error``, as on another machine."""
    figure, (axis,) = panels(1)
    x = (1 + error) * np.linspace(0.1, 2, 30)
    axis.plot(x, np.sqrt(x), "o", label="root")
    axis.fill_between(x, x, x**2)
    axis.imshow([[1, 2], [3, 4]])
    legend(axis)
    run = Run("toy", "evaluate", out=out)
    claims = CLAIMS | {"third": measured((1 + error) / 3, "", "", ((1 + error) / 7, (1 + error) * 2 / 3))}
    run.publish(
        claims=claims,
        headlines=headlines,
        tables={"rows": (pd.DataFrame({"ε": [1.0, (1 + error) / 3], "name": ["a", "b"]}), "Two rows.")},
        figures={"line": (figure, "A line of slope ½.")},
        timings=timings,
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
    found = load_measurements(tmp_path / "claims.json")
    assert (found["third"].value, found["third"].interval) == (0.33333333, (0.14285714, 0.66666667))
    assert {name: found[name] for name in CLAIMS} == CLAIMS
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


def test_results_that_agree_to_nine_digits_have_the_same_bytes(tmp_path: Path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, error in ((first, 0.0), (second, 1e-9)):
        folder.mkdir()
        publish(folder, error=error)
    files = sorted(path.relative_to(first) for path in first.rglob("*.*"))
    assert len(files) == 7
    assert [path for path in files if (first / path).read_bytes() != (second / path).read_bytes()] == []
    picture = (first / "figures/line.svg").read_text(encoding="utf-8")
    used, named = (set(re.findall(pattern, picture)) for pattern in (r'(?:url\(|href=")#([^")]+)', r'\bid="([^"]+)'))
    assert used and used <= named and ElementTree.fromstring(picture).tag.endswith("svg")
    publish(second, error=1e-3)
    assert all((first / path).read_bytes() != (second / path).read_bytes() for path in files if path.suffix == ".svg")


def test_a_headline_is_one_of_the_claims(tmp_path: Path):
    with pytest.raises(UnknownHeadline, match="toy evaluate: the headlines slop are not among the claims"):
        publish(tmp_path, ("slop",))
    with pytest.raises(UnknownHeadline, match="toy evaluate: 4 headlines; choose the 3 that say most"):
        publish(tmp_path, (*CLAIMS, "third"))
    with pytest.raises(UnknownHeadline, match="the timings sped are no claims and no tables"):
        publish(tmp_path, timings=("sped", "rows"))
    assert not list(tmp_path.iterdir())
