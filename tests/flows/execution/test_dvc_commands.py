"""What DVC offers works on these stages as a DVC user expects."""

from __future__ import annotations

import json

from steps.runtime.stage import address
from tests.conftest import ran


def test_reading_commands(project):
    shown = json.loads(project.dvc("metrics", "show", "--json"))[""]["data"]
    published = json.loads((project.root / "results/default/toy/metrics.json").read_text())
    assert shown["results/default/toy/metrics.json"]["data"] == published
    graph = project.dvc("dag", "--dot")
    for arrow in (("data-wine", "toy-draw"), ("toy-draw", "toy-train-left"), ("toy-evaluate", "report")):
        assert '"{}" -> "{}"'.format(*map(address, arrow)) in graph
    assert '"{}" -> "{}"'.format(*map(address, ("toy-train-left", "toy-train-right"))) not in graph
    page = project.dvc("plots", "show")
    assert "index.html" in page
    html = (project.root / "dvc_plots/index.html").read_text()
    assert "Loss by update" in html and "walk.svg" in html


def test_differences(project):
    project.edit("steps/toy/params.yaml", "updates: {smoke: 3, default: 12}", "updates: {smoke: 3, default: 6}")
    assert json.loads(project.dvc("params", "diff", "--json")) == {
        "steps/toy/params.yaml": {"train.updates.default": {"old": 12, "new": 6, "diff": -6}}
    }
    late = json.loads(project.dvc("status", "--json"))
    assert set(late) == {"steps/toy/dvc.yaml:train-left", "steps/toy/dvc.yaml:train-right"}
    project.repro("toy-evaluate")
    (changed,) = json.loads(project.dvc("metrics", "diff", "--json"))["results/default/toy/metrics.json"].values()
    assert changed["new"] > changed["old"]


def test_a_frozen_stage_stays_as_it_is(project):
    """Also after dvc.yaml is generated again; DVC's own freeze refuses stages with a profile in them."""
    assert "cannot dump a parametrized stage" in project.dvc("freeze", address("toy-train-left"), fails=True)
    assert "no stage toy-trian" in project.flows("freeze", "toy-trian", fails=True)
    project.flows("freeze", "toy-train-left")
    project.flows("dvc", "--check")
    project.flows("dvc")
    project.edit("steps/toy/params.yaml", "updates: {smoke: 3, default: 12}", "updates: {smoke: 3, default: 13}")
    before = project.digests()
    assert project.repro("toy-combine") == ["toy-train-right", "toy-combine"]
    after = project.digests()
    kept = "artifacts/default/toy/train-left/place.npy"
    assert after[kept] == before[kept]
    project.flows("unfreeze", "toy-train-left")
    project.flows("dvc", "--check")
    assert project.repro("toy-combine") == ["toy-train-left", "toy-combine"]


def test_a_paper_alone(project):
    """Its file names all its stages, and what they need of other files comes along."""
    project.edit("data/sources.yaml", "title: Wine recognition", "title: Wine")
    project.edit("tenfold/toy/drawing.py", '"The walk"', '"A walk"')
    assert ran(project.dvc("repro", "steps/toy/dvc.yaml")) == ["data-wine", "toy-draw", "toy-evaluate"]
    assert ran(project.dvc("repro")) == ["report"]


def test_experiments(project):
    before = project.digests()
    project.dvc("exp", "run", "--name", "shorter", "-S", "steps/toy/params.yaml:train.updates.default=4")
    assert project.dvc("exp", "list", "--name-only").split() == ["shorter"]
    assert project.digests() != before
    project.run("git", "checkout", "--", ".")
    assert [stage for stage in project.repro() if stage != "report"] == []
    assert project.digests() == before
