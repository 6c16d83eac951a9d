"""The layers point one way, papers keep to themselves, and each paper is whole; proved by planted violations."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
LAYERS = ("tenfold", "steps", "flows", "benchmarks")
LONGEST = 300  # lines of a module
LONGER = {"steps/llava_read/starts.py": 320}  # to be split when what decoders learn first is next changed
PICKLES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
ROOMS = {"step", "runtime", "tracking"}  # of steps/: what a step may use, what runs it, what watches it
NAMELESS = {"util", "utils", "helper", "helpers", "misc", "common"}
TEST_FOLDERS = ("tests/tenfold", "tests/steps")


def modules(root: Path) -> Iterator[tuple[Path, tuple[str, ...], ast.Module]]:
    """Yield each module's path, its dotted name in parts, and its tree."""
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*.py")):
            relative = path.relative_to(root)
            yield relative, relative.with_suffix("").parts, parsed(path, path.stat().st_mtime_ns)


@cache
def parsed(path: Path, _changed: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(parts: tuple[str, ...], tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names that a module imports, at any depth; ``from a import b`` yields a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = parts[: len(parts) - node.level] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def slugs(root: Path) -> list[str]:
    """Return every paper that shows anywhere: a module of flows/, a package of steps/, a params.yaml there."""
    found = {path.stem for path in (root / "flows").glob("[a-z]*.py")}
    found |= {path.parent.name for path in (root / "steps").glob("*/__init__.py")} - set(ROOMS)
    found |= {path.parent.name for path in (root / "steps").glob("*/params.yaml")}
    return sorted(found)


def may_import(parts: tuple[str, ...], target: tuple[str, ...], papers: list[str]) -> bool:
    """Say whether one of our modules may import another."""
    layer, own = parts[0], parts[1]
    other_paper = target[0] in ("tenfold", "steps") and target[1:2] != (own,) and set(target[1:2]) & set(papers)
    match layer:
        case "tenfold":
            return target[0] == "tenfold" and not other_paper
        case "steps":
            rooms = (
                ("step", "runtime", "tracking") if own in {*ROOMS, "__main__"} else ("step",)
            )  # a step sees no runtime
            below = target[0] == "tenfold" or target[:2] in (("steps",), ("steps", own), *(("steps", r) for r in rooms))
            return below and not other_paper
        case "flows" if len(parts) == 2 and own in papers:
            declares = (("flows", "graph", "paper"), ("flows", "execution", "paper_flow"))
            return target in (("flows", "graph"), ("flows", "execution"), ("flows",)) or target[:3] in declares
        case "flows":
            return target[0] == "flows" or target[:2] in (
                ("steps",),
                *(("steps", room) for room in ROOMS),
                ("steps", "data"),
                ("tenfold",),
                ("tenfold", "lazy"),
                ("tenfold", "metrics"),
            )
        case _:
            return target[0] in ("tenfold", "benchmarks")


HOMES = {  # the rooms and modules that may import a program's Python interface
    "prefect": ("flows.",),
    "mlflow": ("steps.tracking.",),
    "dvc": ("flows.execution.dvc_recovery.", "flows.execution.sharing."),
}


def wrong_arrows(root: Path) -> list[str]:
    """Return the imports that point the wrong way."""
    wrong, papers = [], slugs(root)
    for path, parts, tree in modules(root):
        for name in imported(parts, tree):
            target = tuple(name.split("."))
            if target[0] in LAYERS:
                if not may_import(parts, target, papers):
                    wrong.append(f"{path} imports {name}")
            elif target[0] in HOMES and not f"{'.'.join(parts)}.".startswith(HOMES[target[0]]):
                wrong.append(f"{path} imports {name}")
    return sorted(set(wrong))


def missing_parts(root: Path) -> list[str]:
    """Return what a paper lacks."""
    missing = []
    for slug in slugs(root):
        files = (
            f"flows/{slug}.py",
            f"steps/{slug}/__init__.py",
            f"steps/{slug}/claims.yaml",
            f"steps/{slug}/dvc.yaml",
            f"steps/{slug}/params.yaml",
            f"tenfold/{slug}/__init__.py",
        )
        missing += [f"{slug}: {name}" for name in files if not (root / name).is_file()]
        parameters = root / f"steps/{slug}/params.yaml"
        if parameters.is_file() and not isinstance(YAML(typ="safe").load(parameters), dict):
            missing.append(f"{slug}: a block a step in steps/{slug}/params.yaml")
        missing += [f"{slug}: {folder}" for folder in TEST_FOLDERS if not any((root / folder / slug).glob("test_*.py"))]
    return missing


def overlong(root: Path) -> list[str]:
    counts = {path: len((root / path).read_text(encoding="utf-8").splitlines()) for path, _, _ in modules(root)}
    return [f"{path} has {count} lines" for path, count in counts.items() if count >= LONGER.get(str(path), LONGEST)]


def nameless(root: Path) -> list[str]:
    return [str(path) for path, parts, _ in modules(root) if NAMELESS & set(parts)]


def pickles(root: Path) -> list[str]:
    """Return where something could load or write a pickle."""
    found = []
    for path, parts, tree in modules(root):
        if {name.split(".")[0] for name in imported(parts, tree)} & PICKLES:
            found.append(f"{path} imports a pickle module")
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            options = {option.arg: ast.unparse(option.value) for option in node.keywords}
            if options.get("allow_pickle") == "True" or called.endswith(("read_pickle", "to_pickle")):
                found.append(f"{path}:{node.lineno} {called}")
            if called == "torch.save" or (called == "torch.load" and options.get("weights_only") != "True"):
                found.append(f"{path}:{node.lineno} {called}")
    return found


def wide_parameters(root: Path) -> list[str]:
    """Return the lines of parameters' files that no screen shows whole."""
    files = [path for folder in ("steps", "examples") for path in (root / folder).rglob("params.yaml")]
    return [
        f"{path.relative_to(root)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120
    ]


CHECKS = [wrong_arrows, missing_parts, overlong, nameless, pickles, wide_parameters]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_project_keeps_the_rules(check):
    assert check(ROOT) == []


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's code, to plant violations in."""
    root = tmp_path_factory.mktemp("planted")
    ignored = shutil.ignore_patterns("__pycache__", "results")
    for folder in (*LAYERS, *TEST_FOLDERS):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    (root / "tenfold/second").mkdir()
    (root / "tenfold/second/__init__.py").write_text("")
    (root / "flows/second.py").write_text("")
    return root


@contextmanager
def planted(path: Path, source: str) -> Iterator[None]:
    """Write a file for a while, then put things back."""
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)


ARROWS = [
    ("tenfold/planted.py", "import steps.step.run"),
    ("tenfold/planted.py", "def f():\n    from flows.graph import paper"),
    ("tenfold/privacy/planted.py", "import mlflow"),
    ("tenfold/dp_john/planted.py", "from prefect import flow"),
    ("tenfold/dp_john/planted.py", "from tenfold.second import thing"),
    ("tenfold/dp_john/planted.py", "from ..second import thing"),
    ("tenfold/dp_john/planted.py", "from tenfold import second"),
    ("tenfold/planted.py", "from tenfold.dp_john.certificate import certify"),
    ("steps/dp_john/planted.py", "import flows.graph.paper"),
    ("steps/dp_john/planted.py", "from tenfold.second import thing"),
    ("steps/dp_john/planted.py", "from steps.second import thing"),
    ("steps/dp_john/planted.py", "import mlflow"),
    ("steps/dp_john/planted.py", "from dvc.api import params_show"),
    ("steps/runtime/planted.py", "from steps.dp_john import rate"),
    ("steps/runtime/planted.py", "import prefect"),
    ("flows/dp_john.py", "from steps.dp_john.rate import rate"),
    ("flows/dp_john.py", "import tenfold.dp_john"),
    ("flows/dp_john.py", "from flows.execution.flow import run"),
    ("flows/execution/planted.py", "from steps.dp_john.rate import rate"),
    ("flows/execution/planted.py", "import tenfold.dp_john.certificate"),
    ("flows/execution/planted.py", "import mlflow.tracking"),
    ("flows/execution/planted.py", "import dvc.repo"),
    ("benchmarks/planted.py", "import steps.dp_john"),
]


@pytest.mark.parametrize(("path", "source"), ARROWS)
def test_a_planted_arrow_is_found(copy: Path, path, source):
    before = wrong_arrows(copy)
    with planted(copy / path, source):
        found = sorted(set(wrong_arrows(copy)) - set(before))
    assert found and all(item.startswith(f"{path} imports") for item in found)


PLANTS = [
    (overlong, "tenfold/planted.py", "\n" * LONGEST),
    (nameless, "tenfold/dp_john/utils.py", ""),
    (nameless, "steps/helpers/planted.py", ""),
    (pickles, "tenfold/planted.py", "import pickle"),
    (pickles, "tenfold/planted.py", "from joblib import load"),
    (pickles, "steps/dp_john/planted.py", "import numpy\nnumpy.load(path, allow_pickle=True)"),
    (pickles, "steps/dp_john/planted.py", "import torch\ntorch.load(path)"),
    (pickles, "steps/dp_john/planted.py", "import torch\ntorch.save(model, path)"),
    (missing_parts, "flows/third.py", ""),
    (missing_parts, "steps/third/__init__.py", ""),
    (missing_parts, "steps/dp_john/params.yaml", ""),
]


@pytest.mark.parametrize(("check", "path", "source"), PLANTS)
def test_other_plants_are_found(copy: Path, check, path, source):
    before = set(check(copy))
    with planted(copy / path, source):
        found = set(check(copy)) - before
    assert found


PARTS = [
    "flows/{}.py",
    "steps/{}/__init__.py",
    "steps/{}/claims.yaml",
    "steps/{}/dvc.yaml",
    "tenfold/{}/__init__.py",
    "steps/{}/params.yaml",
    "tests/tenfold",
    "tests/steps",
]


@pytest.mark.parametrize("part", PARTS)
def test_a_paper_that_lacks_a_part_is_found(copy: Path, part):
    path = copy / part.format("dp_john")
    expected = f"dp_john: {part.format('dp_john')}"
    assert expected not in missing_parts(copy)
    if path.is_dir():
        (path / "dp_john").rename(path / "aside")
        found = missing_parts(copy)
        (path / "aside").rename(path / "dp_john")
    else:
        path.rename(path.with_suffix(".aside"))
        found = missing_parts(copy)
        path.with_suffix(".aside").rename(path)
    assert expected in found
