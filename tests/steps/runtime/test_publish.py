"""Publishing puts what ``evaluate`` made into results/, whole or not at all."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from steps.runtime.provenance import Provenance
from steps.runtime.stage import content_digest

PUBLISH = (sys.executable, "-m", "steps", "toy", "publish")
EVALUATED, RESULTS = "artifacts/default/toy/evaluate", "results/default/toy"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def remade(project) -> None:
    """Let the record of ``evaluate`` say that it wrote what stands there now, as if it had run again."""
    path = project.root / f"{EVALUATED}.provenance.json"
    record = Provenance.read(path)
    record.model_copy(update={"output": content_digest(project.root / EVALUATED)}).write(path)


def test_results_are_what_evaluate_made_and_nothing_else(project):
    (project.root / RESULTS / "left over").write_text("from another time")
    project.run(*PUBLISH)
    assert contents(project.root / RESULTS) == contents(project.root / EVALUATED)
    record = Provenance.read(project.root / "artifacts/default/toy/publish.provenance.json")
    assert record.stage == "toy-publish" and record.command == "python -m steps toy publish"
    assert [source.name for source in record.sources] == ["wine"]
    before = record.digest
    (project.root / EVALUATED / "metrics.json").write_text("{}")
    assert "DamagedInput" in project.run(*PUBLISH, fails=True)
    remade(project)
    project.run(*PUBLISH)
    again = Provenance.read(project.root / "artifacts/default/toy/publish.provenance.json")
    assert (project.root / RESULTS / "metrics.json").read_text() == "{}" and again.digest != before


def test_it_starts_without_what_other_steps_need(project):
    heavy = "numpy", "torch", "mlflow", "psutil"
    code = (
        f"import os, sys; from steps.__main__ import main, pinned; own = pinned(os.environ); os.environ.clear(); "
        f"os.environ.update(own); assert main(['toy', 'publish']) == 0; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    assert project.run(sys.executable, "-c", code) == "[]\n"


def test_kill_9_leaves_no_mixture(project):
    chance = random.Random(0)
    evaluated, results = project.root / EVALUATED, project.root / RESULTS
    for number in range(300):
        (evaluated / "tables" / f"{number}.csv").write_text("old")
    remade(project)
    project.run(*PUBLISH)
    old = contents(results)
    for number in range(300):
        (evaluated / "tables" / f"{number}.csv").write_text("new")
    remade(project)
    new = contents(evaluated)
    began = time.monotonic()
    project.run(*PUBLISH)
    usual = time.monotonic() - began
    kills = 0
    while kills < 8:
        shutil.rmtree(results)
        (results / "tables").mkdir(parents=True)
        for name, content in old.items():
            (results / name).parent.mkdir(exist_ok=True)
            (results / name).write_bytes(content)
        process = subprocess.Popen(PUBLISH, cwd=project.root, env=project.environment())
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.3, 1.0) * usual)
        process.kill()
        kills += process.wait() != 0
        assert not results.exists() or contents(results) in (old, new)
    project.run(*PUBLISH)
    assert contents(results) == new and not list(project.root.rglob("*.unfinished*"))


def test_nothing_to_publish_is_named(project):
    shutil.rmtree(project.root / EVALUATED)
    before = contents(project.root / RESULTS)
    printed = project.run(*PUBLISH, fails=True)
    assert "evaluate" in printed and contents(project.root / RESULTS) == before
    assert "no stage 'publish'" in project.run(sys.executable, "-m", "steps", "data", "publish", fails=True)
    assert json.loads((project.root / RESULTS / "claims.json").read_text())
