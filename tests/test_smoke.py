"""The whole project at its smallest scale: every step of every paper, as a fresh clone would run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import NamedTuple

import pytest
from ruamel.yaml import YAML

from tests.conftest import ROOT, Project, ran

NEIGHBOURS = 2 if "PYTEST_XDIST_WORKER" in os.environ else 1  # other tests on the other core: all takes twice as long
BUDGET = 480.0 * NEIGHBOURS  # seconds for everything
IDLE = 15.0 * NEIGHBOURS  # seconds to find that nothing is to do
# Per stage; where a machine is so slow that this exceeds the budget, as many new processes as import what steps do. On
# a busy machine a stage was 0.9 of one, DVC's own part included.
STARTS = 1.1
IMPORTS = "import matplotlib.figure, pandas, sklearn.linear_model, torch, transformers.models.bert.modeling_bert"
pytestmark = pytest.mark.timeout(1800)


class Took(NamedTuple):
    """How long everything took, and how long a new process takes, before and after; in seconds."""

    seconds: float
    to_start: float


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, str, Took]]:
    """A clone of the working tree in which ``dvc repro`` ran under the profile smoke, without mirror or network.

    It begins without dvc.lock files: the default profile's entries restore nothing here.
    """
    root = tmp_path_factory.mktemp("smoke") / "checkout"
    names = Project(ROOT).run("git", "ls-files", "-co", "--exclude-standard").splitlines()
    for name in names:
        if name.endswith("dvc.lock"):
            continue
        if (ROOT / name).is_file() and not name.startswith(("results/", "reports/")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    project = Project(root)
    project.edit("params.yaml", "profile: default", "profile: smoke")
    project.run("git", "init", "-q", "-b", "main")
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "a clone")
    began, started = seconds_to_start(), time.monotonic()
    # Nobody changes the source here, so that its bytecode may stay, as in a user's checkout.
    text = project.run("dvc", "repro", timeout=2 * BUDGET, TENFOLD_TRACKING="on", PYTHONDONTWRITEBYTECODE="")
    seconds = time.monotonic() - started
    yield project, text, Took(seconds, (began + seconds_to_start()) / 2)


def test_every_stage_runs_within_the_budget(smoke: tuple[Project, str, Took]) -> None:
    project, text, took = smoke
    assert set(ran(text)) == set(project.stages())
    assert took.seconds < BUDGET or took.seconds < STARTS * len(project.stages()) * took.to_start


def seconds_to_start() -> float:
    """Return how long a new process takes that imports what steps do, which is most of a stage's cost."""
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", IMPORTS], check=True)
        seconds.append(time.monotonic() - started)
    return median(seconds)


def test_a_second_repro_runs_nothing_and_is_quick(smoke: tuple[Project, str, Took]) -> None:
    project, _, _ = smoke
    started = time.monotonic()
    assert project.repro() == []
    assert time.monotonic() - started < IDLE


def test_every_claim_has_a_verdict_and_every_number_its_origin(smoke: tuple[Project, str, Took]) -> None:
    project, _, _ = smoke
    report = json.loads((project.root / "reports" / "smoke.json").read_text())
    for paper in report["papers"]:
        declared = YAML(typ="safe").load(project.root / "steps" / paper["paper"] / "claims.yaml")
        assert [claim["id"] for claim in paper["claims"]] == [claim["id"] for claim in declared["claims"]]
        for group in ("findings", "facts"):
            assert [item["id"] for item in paper[group]] == [item["id"] for item in declared.get(group, [])]
        assert all(claim["verdict"] for claim in paper["claims"])
    index = (project.root / "reports" / "smoke.html").read_text()
    assert "stand-in" in index.lower()  # smoke never touches mirror or network, and says so
    head = project.run("git", "rev-parse", "HEAD").strip()
    for paper in report["papers"]:
        assert head[:7] in (project.root / "reports" / "smoke" / f"{paper['paper']}.html").read_text()


def test_steps_give_the_same_bytes_when_they_run_again(smoke: tuple[Project, str, Took]) -> None:
    """Each stage's command again, as DVC gave it; what measures time, or reads that, may differ."""
    project, _, _ = smoke
    declared = project.stages()
    timed = {name for name, spec in declared.items() if spec.get("meta", {}).get("timed")}
    behind_timed = {
        name
        for name, spec in declared.items()
        if any(dep.endswith(declared[other]["meta"]["out"].split("/", 1)[1]) for other in timed for dep in spec["deps"])
    }
    chosen = [name for name in declared if name not in timed | behind_timed | {"report"}]
    records = [project.root / declared[name]["meta"]["provenance"].replace("${profile}", "smoke") for name in chosen]
    before, written = project.digests(), [record.stat().st_mtime_ns for record in records]
    commands = project.root / ".tenfold" / "commands.json"
    commands.write_text(json.dumps([declared[name]["cmd"] for name in chosen]))
    project.run(sys.executable, "-m", "tests.stages_again", str(commands), timeout=BUDGET)
    assert all(record.stat().st_mtime_ns > earlier for record, earlier in zip(records, written, strict=True))
    after = project.digests()
    outs = [declared[name]["meta"]["out"].replace("${profile}", "smoke") for name in chosen]
    compared = [path for path in before if any(path.startswith(f"{out}/") for out in outs)]
    assert compared
    assert [path for path in compared if before[path] != after.get(path)] == []


def test_the_tracking_store_shows_one_experiment_a_paper(smoke: tuple[Project, str, Took]) -> None:
    project, _, _ = smoke
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    client, results = MlflowClient(f"sqlite:///{project.root / 'mlflow.db'}"), project.root / "results" / "smoke"
    for paper in json.loads((project.root / "reports" / "smoke.json").read_text())["papers"]:
        experiment = client.get_experiment_by_name(paper["paper"])
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id])
        nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId")]
        names = {name for name in project.stages() if name.startswith(f"{paper['paper']}-")}
        names.remove(f"{paper['paper']}-publish")  # it copies files: there is nothing to record
        assert {run.data.tags["stage"] for run in nested} == names
        published = next(run for run in nested if run.data.tags["step"] == "evaluate")
        assert published.data.metrics
        shown = {"figures", "tables"} | {path.name for path in results.glob(f"{paper['paper']}/pages")}
        assert {item.path for item in client.list_artifacts(published.info.run_id)} == shown
        assert published.inputs.dataset_inputs
