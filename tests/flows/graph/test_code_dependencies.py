"""Which files a step reaches is read from the source, and what cannot be read there is refused."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flows.graph.code_dependencies import ImportProblem, imports, reached
from flows.graph.dvc_yaml import stage
from flows.graph.paper import papers

ROOT = Path(__file__).parents[3]
FILES = {
    "tenfold/__init__.py": "",
    "tenfold/lazy.py": "from importlib import import_module\ndef exports(*_): import_module('x')",
    "tenfold/toy/__init__.py": "",
    "tenfold/toy/walk.py": "",
    "tenfold/toy/scale.py": "",
    "tenfold/toy/deep/__init__.py": "",
    "tenfold/toy/deep/inner.py": "",
    "tenfold/easy/__init__.py": 'from tenfold.lazy import exports\nx = exports(__name__, {"solve": "s"})',
    "tenfold/easy/solver.py": "def solve(): ...",
    "steps/__init__.py": "",
    "steps/toy/__init__.py": "",
}
PACKAGES = ["steps/__init__.py", "steps/toy/__init__.py", "steps/toy/train.py"]
TOY = ["tenfold/__init__.py", "tenfold/toy/__init__.py"]


@pytest.fixture
def reach(tmp_path: Path):
    """Return what a step with this source reaches besides itself and its packages."""

    def look(source: str, **more: str) -> list[str]:
        for path, text in {**FILES, **more, "steps/toy/train.py": source}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        files = [str(path) for path in reached(tmp_path, "steps.toy.train")]
        assert files == sorted(files) and set(PACKAGES) <= set(files)
        return [path for path in files if path not in PACKAGES]

    return look


WALK, SCALE = [*TOY, "tenfold/toy/walk.py"], [*TOY, "tenfold/toy/scale.py"]
TYPES = "from typing import TYPE_CHECKING\n"
DEEP = [*TOY, "tenfold/toy/deep/__init__.py", "tenfold/toy/deep/inner.py"]


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("import numpy, os.path", []),
        ("import tenfold.toy.walk", WALK),
        ("import tenfold.toy.walk as w", WALK),
        ("from tenfold.toy.walk import Walk", WALK),
        ("from tenfold.toy import walk, scale", sorted({*WALK, *SCALE})),
        ("from tenfold import toy", TOY),
        ("def f():\n    def g():\n        from tenfold.toy import walk", WALK),
        ("class A:\n    import tenfold.toy.walk", WALK),
        ("try:\n    import fast\nexcept ImportError:\n    from tenfold.toy import walk", WALK),
        ("from tenfold.toy.deep.inner import x", DEEP),
        (TYPES + "if TYPE_CHECKING:\n    import tenfold.toy.walk", []),
        (TYPES + "if TYPE_CHECKING:\n    import tenfold.toy.walk\nelse:\n    import tenfold.toy.scale", SCALE),
        (TYPES + "if not TYPE_CHECKING:\n    import tenfold.toy.walk", WALK),
        ("import typing\nif typing.TYPE_CHECKING:\n    import tenfold.toy.walk", []),
        (
            "from tenfold.easy.solver import solve",
            [TOY[0], "tenfold/easy/__init__.py", "tenfold/easy/solver.py", "tenfold/lazy.py"],
        ),
    ],
)
def test_imports_are_followed(reach, source, files):
    assert reach(source) == files


def test_relative_imports_and_chains(reach):
    chain = {
        "tenfold/toy/deep/__init__.py": "from . import inner",
        "tenfold/toy/deep/inner.py": "from ..walk import x\nfrom .. import scale",
    }
    files = reach("from tenfold.toy import deep", **chain)
    assert files == sorted({*DEEP, *SCALE, *WALK})


def test_a_circle_ends(reach):
    circle = {
        "tenfold/toy/walk.py": "import tenfold.toy.scale",
        "tenfold/toy/scale.py": "import tenfold.toy.walk",
    }
    assert reach("import tenfold.toy.walk", **circle) == sorted({*SCALE, *WALK})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("from tenfold.easy import solve", "import solve from the module that defines it"),
        (
            "from importlib import import_module\nimport_module('tenfold.toy.walk')",
            "train.py:2: a computed import",
        ),
        ("import importlib\nimportlib.import_module(name)", "computed import"),
        ("__import__('tenfold.toy.walk')", "computed import"),
        ("import tenfold.toy.wlak", "tenfold.toy.wlak is imported by steps.toy.train .* but has no file"),
        ("from tenfold.absent import x", "tenfold.absent is imported"),
    ],
)
def test_what_cannot_be_followed_is_refused(reach, source, message):
    with pytest.raises(ImportProblem, match=message):
        reach(source)


def test_a_computed_import_in_the_library_is_refused_too(reach):
    with pytest.raises(ImportProblem, match=r"tenfold/toy/walk\.py:1"):
        reach("import tenfold.toy.walk", **{"tenfold/toy/walk.py": "__import__('x')"})


RUN_FILE = """
class Run:
    def updates(self):
        self._resume()
    def _resume(self):
        from steps.step import checkpoint
    def batches(self):
        from steps.step.batches import Batches
        self.accelerator()
    def accelerator(self):
        from steps.step.distributed import World
"""
OF_RUN = {f"steps/step/{name}.py": "" for name in ("__init__", "checkpoint", "batches", "distributed")}
OF_RUN["steps/step/run.py"] = RUN_FILE
TAKES_RUN = "from steps.step.run import Run\ndef train(*, run: Run):\n    "


@pytest.mark.parametrize(
    ("uses", "names"),
    [
        ("run.log(1)", ""),
        ("list(run.updates(3))", "checkpoint"),
        ("self.run.updates(3)", "checkpoint"),
        ("run.accelerator()", "distributed"),
        ("run.batches(1)", "batches distributed"),
        ("from tenfold.toy.walk import walk; walk(run)", "checkpoint"),
    ],
)
def test_a_step_depends_on_what_it_uses_of_its_run(reach, uses, names):
    """Itself, or what it hands its run to."""
    files = reach(TAKES_RUN + uses, **OF_RUN, **{"tenfold/toy/walk.py": "def walk(run): run.updates(3)"})
    own = [path.removeprefix("steps/step/") for path in files if path.startswith("steps/step/")]
    assert sorted(own) == sorted(["__init__.py", "run.py", *(f"{name}.py" for name in names.split())])


@pytest.mark.parametrize("source", ["def f(r: Run): ...", "mine = run", "getattr(run, name)(3)"])
def test_a_run_by_another_name_is_refused(reach, source):
    with pytest.raises(ImportProblem, match=r"train\.py:\d+: call a step's Run run"):
        reach(source)


def test_what_can_change_a_number_is_a_dependency_and_the_rest_cannot():
    """A change to the flows, the sandbox or the tracking makes no step run again, because no number passes through."""
    for paper in papers(ROOT):
        for node in paper.stages():
            files = set(stage(ROOT, node)["deps"])
            machinery = ("flows/", "benchmarks/", "tests/", "steps/runtime/", "steps/tracking/")
            assert not [path for path in files if path.startswith(machinery)]
            assert {f"steps/step/{name}.py" for name in ("call", "run", "params", "environment")} <= files
            assert ("steps/step/distributed.py" in files) >= node.distributed
    numbers = {"seed", "settings", "Run", "typed", "block", "generator", "variant"}
    for path in [ROOT / "steps/__main__.py", *(ROOT / "steps/runtime").glob("*.py")]:
        tree = ast.parse(path.read_text())
        used = {getattr(one, kind, None) for one in ast.walk(tree) for kind in ("id", "attr", "arg")}
        assert not used & numbers, path
        steps = {name for name in imports(ROOT, path) if name.startswith("steps.step.")}
        assert steps <= {f"steps.step.{name}" for name in ("call", "distributed", "environment")}, path
