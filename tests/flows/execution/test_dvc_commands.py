"""What DVC offers works on these stages as a DVC user expects."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from dvc.utils.serialize import modify_yaml

from steps.runtime.stage import address
from tests.conftest import ran


def test_reading_commands(project):
    shown = json.loads(project.dvc("metrics", "show", "--json"))[""]["data"]
    published = json.loads((project.root / "results/default/toy/metrics.json").read_text())
    assert shown["results/default/toy/metrics.json"]["data"] == published
    graph = project.dvc("dag", "--dot")
    for arrow in (
        ("data-wine", "toy-draw"),
        ("toy-draw", "toy-train-left"),
        ("toy-evaluate", "toy-publish"),
        ("toy-publish", "report"),
    ):
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
    project.repro("toy-publish")
    (changed,) = json.loads(project.dvc("metrics", "diff", "--json"))["results/default/toy/metrics.json"].values()
    assert changed["new"] > changed["old"]


def test_a_paper_alone(project):
    """Its file names all its stages, and what they need of other files comes along."""
    project.edit("data/sources.yaml", "title: Wine recognition", "title: Wine")
    project.edit("steps/toy/figures.py", '"The walk"', '"A walk"')
    assert ran(project.dvc("repro", "steps/toy/dvc.yaml")) == ["data-wine", "toy-draw", "toy-evaluate", "toy-publish"]
    assert ran(project.dvc("repro")) == ["report"]


def test_experiments(project):
    before = project.digests()
    project.dvc("exp", "run", "--name", "shorter", "-S", "steps/toy/params.yaml:train.updates.default=4")
    assert project.dvc("exp", "list", "--name-only").split() == ["shorter"]
    assert project.digests() != before
    project.run("git", "checkout", "--", ".")
    assert set(project.repro()) <= {"toy-publish", "report"}
    assert project.digests() == before


def test_the_publishing_step_may_have_any_name(project):
    (project.root / "steps/toy/evaluate.py").rename(project.root / "steps/toy/summarise.py")
    project.edit("steps/toy/summarise.py", "def evaluate(", "def summarise(")
    project.edit("flows/toy.py", 'step("evaluate"', 'step("summarise"')
    project.flows("generate")
    assert project.repro() == ["toy-summarise", "toy-publish", "report"]
    report = json.loads((project.root / "reports/default.json").read_text())
    assert [claim["verdict"] for claim in report["papers"][0]["claims"]] == ["reproduced"]


PARAMS = [Path("params.yaml"), *Path().glob("steps/*/params.yaml"), *Path().glob("examples/*/steps/*/params.yaml")]


@pytest.mark.parametrize("path", PARAMS, ids=str)
def test_dvc_changes_one_value_of_the_parameters_and_no_other_line(path, tmp_path):
    """As ``dvc exp run -S`` does."""
    copy = tmp_path / "params.yaml"
    shutil.copy(path, copy)
    with modify_yaml(str(copy)) as content:
        held, key = next(numbers(content))
        held[key] += 1
    pairs = list(zip(path.read_text().splitlines(), copy.read_text().splitlines(), strict=True))
    assert sum(before != after for before, after in pairs) == 1


def numbers(held):
    """Yield where whole numbers stand."""
    for key, value in held.items() if isinstance(held, dict) else enumerate(held):
        if isinstance(value, dict | list):
            yield from numbers(value)
        elif type(value) is int or type(value).__name__ == "ScalarInt":
            yield held, key
