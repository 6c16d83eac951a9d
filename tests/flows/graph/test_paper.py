"""The declaration of a paper, and the stages that come of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.graph.dvc_yaml import REPORT
from flows.graph.paper import GraphError, Paper, source


def test_stages_come_after_their_inputs_once():
    paper = Paper("toy")
    table, other = source("wine"), source("adult")
    drawn = paper.step("draw", table, other)
    arms = [paper.step("train", drawn, table, variant=arm) for arm in ("left", "right")]
    paper.step("evaluate", *arms, publishes=True)
    names = [node.name for node in paper.stages()]
    assert names == [
        "data-wine",
        "data-adult",
        "toy-draw",
        "toy-train-left",
        "toy-train-right",
        "toy-evaluate",
    ]


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda paper: paper.step("Draw"), "'Draw' must be lower-case"),
        (lambda paper: paper.step("draw-it"), "'draw-it' must be lower-case"),
        (lambda paper: paper.step("draw", variant="1st"), "'1st' must be lower-case"),
        (
            lambda paper: (paper.step("draw"), paper.step("draw")),
            "toy-draw is declared twice; give one a variant",
        ),
        (lambda paper: (paper.step("a", publishes=True), paper.step("b", publishes=True)), "only one step"),
    ],
)
def test_wrong_declarations_are_refused(declare, message):
    with pytest.raises(GraphError, match=message):
        declare(Paper("toy"))


def test_generated_stages(pristine):
    stages = pristine.stages()
    assert list(stages) == [
        REPORT,
        "data-wine",
        "toy-draw",
        "toy-train-left",
        "toy-train-right",
        "toy-combine",
        "toy-evaluate",
    ]
    train = stages["toy-train-left"]
    assert train["wdir"] == "../.." and stages["data-wine"]["wdir"] == ".."
    assert train["cmd"] == "exec python -m steps toy train left"
    assert train["desc"] == "Walk to the target, one arm of two"
    assert train["deps"][0] == "artifacts/${profile}/toy/draw"
    assert {"tenfold/toy/walk.py", "tenfold/toy/scale.py"} < set(train["deps"])
    assert "tenfold/toy/drawing.py" not in train["deps"]
    assert train["params"] == ["profile", "seed", {"steps/toy/params.yaml": ["train"]}]
    assert train["outs"] == [f"artifacts/${{profile}}/toy/train-left{end}" for end in ("", ".provenance.json")]
    assert stages["toy-combine"]["params"] == ["profile", "seed"]
    assert stages["data-wine"]["params"] == ["profile", "data", {"data/sources.yaml": ["wine"]}]
    assert "metrics" in stages["toy-evaluate"] and "persist" not in str(stages)
    inputs = [path for path in stages["toy-combine"]["deps"] if not path.endswith(".py")]
    assert inputs == [f"artifacts/${{profile}}/toy/train-{arm}" for arm in ("left", "right")]


def test_a_forgotten_generation_is_noticed(fresh):
    """And the generated file is the same each time."""
    path = fresh.root / "steps/toy/dvc.yaml"
    before = path.read_text()
    fresh.flows("dvc", "--check")
    fresh.edit("tenfold/toy/walk.py", "import numpy as np\n", "import numpy as np\nimport tenfold.toy.drawing\n")
    complaint = "steps/toy/dvc.yaml is not current\nrun: python -m flows dvc\n"
    assert fresh.flows("dvc", "--check", fails=True) == complaint
    assert path.read_text() == before
    assert fresh.flows("dvc") == "steps/toy/dvc.yaml written\n"
    assert "tenfold/toy/drawing.py" in fresh.stages()["toy-train-left"]["deps"]
    fresh.edit("tenfold/toy/walk.py", "import numpy as np\nimport tenfold.toy.drawing\n", "import numpy as np\n")
    fresh.flows("dvc")
    assert path.read_text() == before


def test_what_a_paper_that_is_gone_left_is_found_and_removed(project):
    """A dvc.yaml of no paper would go on declaring its stages."""
    gone = project.root / "steps/gone"
    shutil.copytree(project.root / "steps/toy", gone)
    assert "steps/gone/dvc.yaml belongs to no paper\n" in project.flows("dvc", "--check", fails=True)
    assert project.flows("dvc") == "steps/gone/dvc.yaml removed: it belongs to no paper\n"
    assert not list(gone.glob("dvc.*")) and (gone / "draw.py").is_file()
    project.flows("dvc", "--check")


def test_a_step_without_its_module_or_function_is_named(fresh):
    fresh.edit("steps/toy/combine.py", "def combine(", "def merge(")
    message = "steps/toy/combine.py has no function combine; a step's function carries its module's name"
    assert message in fresh.flows("dvc", fails=True)
    (fresh.root / "steps/toy/combine.py").unlink()
    assert "flows/toy.py declares toy-combine, but there is no steps/toy/combine.py" in fresh.flows("dvc", fails=True)


def test_a_twelfth_paper_is_one_folder_in_each_layer(fresh):
    """Copy the toy under another name: both run side by side, and the first does not run again."""
    before = fresh.stages()
    for layer in ("steps", "tenfold"):
        shutil.copytree(fresh.root / layer / "toy", fresh.root / layer / "other")
    shutil.copy(fresh.root / "flows/toy.py", fresh.root / "flows/other.py")
    for path in [Path("flows/other.py"), *(fresh.root / "steps/other").glob("*.py")]:
        text = (fresh.root / path).read_text()
        (fresh.root / path).write_text(text.replace("toy", "other"))
    for path in (fresh.root / "tenfold/other").glob("*.py"):
        path.write_text(path.read_text().replace("toy", "other"))
    fresh.flows("dvc")
    after = fresh.stages()
    assert {name: after[name] for name in before if name != REPORT} == {
        name: spec for name, spec in before.items() if name != REPORT
    }
    assert sum(name.startswith("other-") for name in after) == 5
    assert "other\n" in fresh.flows("list")
