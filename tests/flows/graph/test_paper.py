"""The declaration of a paper, and the stages that come of it."""

from __future__ import annotations

import shutil

import pytest

from flows.graph.dvc_yaml import REPORT
from flows.graph.paper import GraphError, model, plot, source, step, trace


def test_stages_come_after_their_inputs_once():
    def toy():
        """A toy,
        in two lines."""
        table, other = source("wine"), source("adult")
        drawn = step("draw", table=table, other=other)
        arms = [step("train", drawn=drawn, table=table, variant=arm) for arm in ("left", "right")]
        kept = step("evaluate", arms=arms, publishes=True)
        plot("curve.csv", x="update", y="loss", title="Loss")
        model(kept, "walker", "A walker")

    paper = trace(toy)
    assert (paper.slug, paper.description) == ("toy", "A toy, in two lines.")
    assert [len(paper.plots), len(paper.models)] == [1, 1]
    names = [node.name for node in paper.stages()]
    assert names == [
        "data-wine",
        "data-adult",
        "toy-draw",
        "toy-train-left",
        "toy-train-right",
        "toy-evaluate",
        "toy-publish",
    ]
    assert paper.steps == ["draw", "train-left", "train-right", "evaluate"]


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: step("Draw"), "'Draw' must be lower-case"),
        (lambda: step("draw-it"), "'draw-it' must be lower-case"),
        (lambda: step("publish"), "'publish' must be"),
        (lambda: step("draw", variant="1st"), "'1st' must be lower-case"),
        (lambda: (step("draw"), step("draw")), "draw is declared twice; give one a variant"),
        (lambda: (step("a", publishes=True), step("b", publishes=True)), "only one step"),
    ],
)
def test_wrong_declarations_are_refused(declare, message):
    with pytest.raises(GraphError, match=message):
        trace(declare)


def test_steps_outside_a_declaration_are_refused():
    with pytest.raises(GraphError, match="inside a function decorated with @paper_flow"):
        step("draw")


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
        "toy-publish",
    ]
    train = stages["toy-train-left"]
    assert train["wdir"] == "../.." and stages["data-wine"]["wdir"] == ".."
    assert train["cmd"] == "exec python -m steps toy train left drawn=draw"
    assert train["desc"] == "Walk to the target, one arm of two"
    assert train["deps"][0] == "artifacts/${profile}/toy/draw"
    assert {"tenfold/toy/walk.py", "tenfold/toy/scale.py"} < set(train["deps"])
    assert "steps/toy/figures.py" not in train["deps"]
    assert train["params"] == ["profile", "seed", {"steps/toy/params.yaml": ["train"]}]
    assert train["outs"] == [f"artifacts/${{profile}}/toy/train-left{end}" for end in ("", ".provenance.json")]
    assert stages["toy-combine"]["params"] == ["profile", "seed"]
    assert stages["data-wine"]["params"] == ["profile", "data", {"data/sources.yaml": ["wine"]}]
    assert "persist" not in str(stages)
    assert stages["toy-combine"]["cmd"] == "exec python -m steps toy combine arms=train-left,train-right"
    assert stages["toy-draw"]["cmd"] == "exec python -m steps toy draw table=data/wine"
    published = stages["toy-publish"]
    assert published["deps"][0] == "artifacts/${profile}/toy/evaluate" and "steps/step/call.py" in published["deps"]
    assert [next(iter(out)) for out in published["outs"][:-1]] == [
        f"results/${{profile}}/toy/{name}" for name in ("metrics.json", "claims.json", "figures", "tables")
    ]
    assert stages["data-wine"]["desc"] == "Wine recognition; licence: CC BY 4.0 (UCI)"
    inputs = [path for path in stages["toy-combine"]["deps"] if not path.endswith(".py")]
    assert inputs == [f"artifacts/${{profile}}/toy/train-{arm}" for arm in ("left", "right")]


def test_a_forgotten_generation_is_noticed(fresh):
    """And the generated file is the same each time."""
    path = fresh.root / "steps/toy/dvc.yaml"
    before = path.read_text()
    fresh.flows("generate", "--check")
    fresh.edit("steps/toy/train.py", "import numpy as np\n", "import numpy as np\nimport steps.toy.figures\n")
    complaint = "steps/toy/dvc.yaml is not current\nrun: python -m flows generate\n"
    assert fresh.flows("generate", "--check", fails=True) == complaint
    assert path.read_text() == before
    assert fresh.flows("generate") == "steps/toy/dvc.yaml written\n"
    assert "steps/toy/figures.py" in fresh.stages()["toy-train-left"]["deps"]
    fresh.edit("steps/toy/train.py", "import numpy as np\nimport steps.toy.figures\n", "import numpy as np\n")
    fresh.flows("generate")
    assert path.read_text() == before


def test_what_a_paper_that_is_gone_left_is_found_and_removed(project):
    """A dvc.yaml of no paper would go on declaring its stages."""
    gone = project.root / "steps/gone"
    shutil.copytree(project.root / "steps/toy", gone)
    assert "steps/gone/dvc.yaml belongs to no paper\n" in project.flows("generate", "--check", fails=True)
    assert project.flows("generate") == "steps/gone/dvc.yaml removed: it belongs to no paper\n"
    assert not list(gone.glob("dvc.*")) and (gone / "draw.py").is_file()
    project.flows("generate", "--check")


def test_a_step_without_its_module_or_function_is_named(fresh):
    fresh.edit("steps/toy/combine.py", "def combine(", "def merge(")
    message = "steps/toy/combine.py has no function combine; a step's function carries its module's name"
    assert message in fresh.flows("generate", fails=True)
    (fresh.root / "steps/toy/combine.py").unlink()
    assert "flows/toy.py declares toy-combine, but there is no steps/toy/combine.py" in fresh.flows(
        "generate", fails=True
    )


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("drawn=drawn, variant", "drew=drawn, variant", "drew is no parameter of the step; drawn is missing"),
        ("arms=arms)", "arms=arms[0])", "arms must be a list"),
        ("combined=combined", "combined=[combined]", "combined must be one input"),
    ],
)
def test_inputs_are_checked_against_the_step_s_signature(fresh, before, after, message):
    fresh.edit("flows/toy.py", before, after)
    assert message in fresh.flows("generate", fails=True)


def test_a_step_with_a_strange_signature_is_refused(fresh):
    fresh.edit("steps/toy/combine.py", "arms: list[Path], *, out: Path", "*arms: Path, out: Path")
    assert "the step takes *arms; make that arms: list[Path]" in fresh.flows("generate", fails=True)
    fresh.edit("steps/toy/combine.py", "*arms: Path, out: Path", "arms: list[Path], *, out: Path, seed: int")
    assert "seed comes after * but is none of out, params, run" in fresh.flows("generate", fails=True)


def test_a_twelfth_paper_is_one_folder_in_each_layer(fresh):
    """Write it beside the toy: both run side by side, and the first does not run again."""
    before = fresh.stages()
    fresh.flows("new", "other")
    after = fresh.stages()
    assert {name: after[name] for name in before if name != REPORT} == {
        name: spec for name, spec in before.items() if name != REPORT
    }
    assert sum(name.startswith("other-") for name in after) == 6
    assert "other\n" in fresh.flows("list")


def test_a_paper_reads_another_one_s_output(fresh):
    """Its stages are those that lie behind it, of either paper; two papers do not read from each other."""
    fresh.flows("new", "other")
    fresh.edit("flows/other.py", "import plot, source, step", "import output, plot, source, step")
    fresh.edit("flows/other.py", "arms=arms)", 'arms=[*arms, output("toy", "train", variant="left")])')
    fresh.flows("generate")
    assert "artifacts/${profile}/toy/train-left" in fresh.stages()["other-combine"]["deps"]
    planned = fresh.flows("plan", "other")
    assert "toy-draw" in planned and "toy-train-left" in planned and "toy-combine" not in planned
    assert "toy-train-left" in fresh.repro("other-combine")
    fresh.edit("flows/other.py", '"toy", "train"', '"toy", "walk"')
    assert "other: toy has no step walk-left; it has draw, train-left" in fresh.flows("list", fails=True)
    fresh.edit("flows/other.py", '"toy", "walk"', '"toy", "train"')
    fresh.edit("flows/toy.py", "import plot, source, step", "import output, plot, source, step")
    fresh.edit("flows/toy.py", "arms=arms)", 'arms=[*arms, output("other", "train", variant="left")])')
    assert "read from each other; outputs go one way" in fresh.flows("list", fails=True)
