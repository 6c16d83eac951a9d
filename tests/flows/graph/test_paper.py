"""The declaration of a paper, and the stages that come of it."""

from __future__ import annotations

import shutil
import sys
from types import ModuleType, SimpleNamespace

import pytest

from flows.graph.dvc_yaml import REPORT
from flows.graph.mermaid import flowchart
from flows.graph.paper import GraphError, model, output, plot, source, step, trace
from tests.conftest import ran


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


@pytest.fixture
def declared(monkeypatch):
    """Declare papers as modules of flows/ do, and return them by name."""

    def declare(*functions):
        papers = {function.__name__: trace(function) for function in functions}
        for name, paper in papers.items():
            module = ModuleType(f"flows.{name}")
            setattr(module, name, SimpleNamespace(paper=paper))
            monkeypatch.setitem(sys.modules, f"flows.{name}", module)
        return papers

    return declare


def reads_and_is_read():
    def north():
        """North."""
        first = step("first", table=source("wine"))
        second = step("second", first=first, theirs=output("south", "middle"))
        step("last", second=[second, output("south", "middle")], publishes=True)

    def south():
        """South."""
        middle = step("middle", drawn=output("north", "first"), other=source("adult"))
        step("end", middle=middle, last=output("north", "last"), publishes=True)

    return north, south


@pytest.mark.parametrize("first", ["north", "south"])
def test_papers_that_read_from_each_other_have_their_stages_in_one_order(declared, first):
    """Whichever is looked at first, each stage comes once and after its inputs; the other's later steps stay away."""
    papers = declared(*reads_and_is_read())
    list(papers[first].stages())
    found = {name: [node.name for node in paper.stages()] for name, paper in papers.items()}
    north = ["data-wine", "north-first", "data-adult", "south-middle", "north-second", "north-last"]
    south = ["data-wine", "north-first", "data-adult", "south-middle", "north-second", "north-last", "south-end"]
    assert found == {"north": [*north, "north-publish"], "south": [*south, "south-publish"]}
    for paper in papers.values():
        seen = set()
        for node in paper.stages():
            assert {item.name for item in node.upstream} <= seen
            seen.add(node.name)
    assert papers["north"].nodes[1].arguments == ("first=first", "theirs=south/middle")
    assert papers["north"].nodes[2].arguments == ("second=second,south/middle",)


def test_a_chart_shows_another_paper_s_step_without_what_lies_behind_it(declared):
    north = declared(*reads_and_is_read())["north"]
    assert (
        flowchart(north)
        == """\
flowchart LR
  first[first]
  south_middle(["middle<br/><small>south</small>"])
  second[second]
  last[last]
  publish[publish]
  data_wine[("wine")] --> first
  first --> south_middle
  south_middle --> second
  second --> last
  last --> publish"""
    )


def test_stages_that_wait_for_themselves_are_refused_by_name(declared):
    def north():
        first = step("first", theirs=output("south", "middle"))
        step("last", first=first)

    def south():
        step("middle", drawn=output("north", "last"))

    papers = declared(north, south)
    for _ in range(2):  # it stays refused
        with pytest.raises(GraphError, match="north-first ← south-middle ← north-last ← north-first; let one of them"):
            list(papers["north"].stages())
        with pytest.raises(GraphError, match="south: stages that wait for themselves: south-middle ← north-last"):
            papers["south"].steps  # noqa: B018


def test_a_circle_of_two_others_is_found_when_they_are_looked_at(declared):
    """West reads what is sound; that the other two have a circle elsewhere is theirs to say, in whatever order."""

    def west():
        step("only", theirs=output("north", "sound"))

    def north():
        step("sound")
        step("bad", theirs=output("south", "middle"))

    def south():
        step("middle", theirs=output("north", "bad"))

    papers = declared(west, north, south)
    assert [node.name for node in papers["west"].stages()] == ["north-sound", "west-only"]
    with pytest.raises(GraphError, match="north-bad ← south-middle ← north-bad"):
        list(papers["north"].stages())


@pytest.mark.parametrize(
    ("paper", "name", "says"),
    [("nowhere", "first", "there is no paper 'nowhere'"), ("north", "none", "north has no step none; it has first")],
)
def test_an_input_that_there_is_not_is_named(declared, paper, name, says):
    def north():
        step("first")

    def east():
        step("only", theirs=output(paper, name))

    with pytest.raises(GraphError, match=f"east: {says}"):
        list(declared(north, east)["east"].stages())


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
    """Its stages are those that lie behind it, of either paper; a step that there is not is named."""
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


def test_two_papers_read_from_each_other(fresh):
    """All is as if they were one graph: stages, plan and ``dvc repro``; a circle of stages is refused by name."""
    fresh.flows("new", "other")
    for here, there in (("toy", "other"), ("other", "toy")):
        fresh.edit(f"flows/{here}.py", "import plot, source, step", "import output, plot, source, step")
        fresh.edit(f"flows/{here}.py", "arms=arms)", f'arms=[*arms, output("{there}", "train", variant="left")])')
    fresh.flows("generate")
    stages = fresh.stages()
    assert "artifacts/${profile}/other/train-left" in stages["toy-combine"]["deps"]
    assert "artifacts/${profile}/toy/train-left" in stages["other-combine"]["deps"]
    planned = fresh.flows("plan", "toy")
    assert "other-train-left" in planned and "other-combine" not in planned
    ran_here = ran(fresh.dvc("repro", "steps/toy/dvc.yaml"))
    assert {"other-draw", "other-train-left", "toy-combine"} <= set(ran_here) and "other-combine" not in ran_here
    assert fresh.repro("other-publish") == ["other-train-right", "other-combine", "other-evaluate", "other-publish"]
    fresh.edit("flows/toy.py", "drawn=drawn, variant=arm", 'drawn=output("other", "combine"), variant=arm')
    message = fresh.flows("list", fails=True)
    assert "stages that wait for themselves" in message
    assert "other-combine ← toy-train-left ← other-combine" in message
