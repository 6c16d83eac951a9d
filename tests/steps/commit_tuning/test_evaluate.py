"""The publishing step: every table and figure from made-up trainings, twice the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from flows.report.claims import load_claims, load_measurements, require_measurements
from flows.report.verdicts import Verdict, judge
from steps.commit_tuning.evaluate import HEADLINES, evaluate
from steps.commit_tuning.runs import write_runs
from steps.step.json_files import write_json
from steps.step.run import Run
from tests.steps.commit_tuning.made_up_runs import RATIOS, TASKS, World, write_inputs

CLAIMS = Path("steps/commit_tuning/claims.yaml")
TABLES = {"methods", "differences", "headroom", "ablations", "search", "language", "speed"}
FIGURES = {"balance", "losses", "headroom", "differences", "failure", "overhead"}


def published(inputs, out: Path) -> Path:
    out.mkdir()
    evaluate(**inputs, out=out, run=Run("commit_tuning", "evaluate", out=out))
    return out


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("commit_tuning")
    inputs = write_inputs(root / "inputs")
    for name in ("first", "second"):
        published(inputs, root / name)
    return root


def table(written: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(written / "first" / "tables" / f"{name}.csv")


def test_everything_is_published_and_the_same_each_time(written):
    first, second = written / "first", written / "second"
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files and all((first / file).read_bytes() == (second / file).read_bytes() for file in files)
    assert {path.stem for path in (first / "figures").glob("*.svg")} == FIGURES
    assert {path.stem for path in (first / "tables").glob("*.csv")} == TABLES
    assert set(json.loads((first / "metrics.json").read_text())) == set(HEADLINES)
    for kind in ("tables", "figures"):
        assert all(len(said) > 40 for said in json.loads((first / kind / "captions.json").read_text()).values())
    timings = json.loads((first / "tables" / "timings.json").read_text())
    assert timings == ["overhead_as_trained", "overhead_m1", "overhead_m16", "overhead_m4", "overhead_reward", "speed"]


def test_every_claim_finds_its_measurements(written):
    claims, path = load_claims(CLAIMS), written / "first" / "claims.json"
    found = load_measurements(path)
    require_measurements(claims, found, CLAIMS, path)
    verdicts = {entry.id: judge(entry, found).verdict for entry in claims.entries}
    assert verdicts["C2-images"] is verdicts["C3-audio"] is Verdict.REPRODUCED


def test_tables_say_what_was_planted(written):
    methods = table(written, "methods").set_index(["task", "ratio", "method", "equal"])
    for task in TASKS:
        slow = methods.loc[(task, 0.1)]
        assert slow.loc[("commit", "updates"), "auc"] < slow.loc[("constant", "updates"), "auc"]
        assert slow.loc[("feature_cd", "parameter_updates"), "updates"] == 80
        assert slow.loc[("feature_cd", "updates"), "undefined_share"] == 1
    headroom = table(written, "headroom").set_index(["task", "ratio"])
    assert sorted(headroom.loc["cifar10"].index) == list(RATIOS)
    assert headroom.loc[("fsdd", 0.1), "low"] > 0.3 and abs(headroom.loc[("fsdd", 3.0), "headroom"]) < 0.02
    differences = table(written, "differences").set_index(["task", "ratio", "method", "equal", "measure"])
    own = differences.loc[("cifar10", 0.1, "commit", "updates", "auc")]
    assert own.high < 0 and own.low <= own.difference <= own.high and own.seeds == 8
    ablations = table(written, "ablations")
    assert set(ablations.code.dropna()) == {"A2", "A3", "A8", "A9"}
    search = table(written, "search")
    assert list(search[search.chosen].value) == [0.003, 3.0] * 2 and not search.at_edge.any()
    assert set(table(written, "language").seeds) == {3}


def test_a_profile_with_one_seed_and_no_later_steps_is_published_too(tmp_path):
    inputs = write_inputs(tmp_path / "inputs", World(seeds=(0,)))
    for folder in (*inputs["ablated"], inputs["language"]):
        write_runs(folder, [])
    write_json(inputs["timings"] / "speed.json", {"task": "cifar10", "copied_share": 1.0, "rows": []})
    out = published(inputs, tmp_path / "out")
    found = load_measurements(out / "claims.json")
    claims = load_claims(CLAIMS)
    for entry in claims.claims:
        assert judge(entry, found).verdict is Verdict.NOT_TESTABLE, entry.id
    assert "3 or more" in (found["auc_commit_minus_constant_images_at_1"].unavailable or "")
    assert {path.stem for path in (out / "tables").glob("*.csv")} == {"methods", "headroom", "search"}
