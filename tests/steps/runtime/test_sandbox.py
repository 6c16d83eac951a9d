"""A step reads what its stage declares, writes its output, and is told the file's name otherwise."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from steps.runtime.sandbox import Sandbox, UndeclaredAccess, enforced


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    for path in (
        "inputs/table.csv",
        "inputs/deep/x.csv",
        "code.py",
        "other/secret.csv",
        "params.yaml",
        "out/old",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    np.save(root / "other" / "array.npy", np.zeros(3))
    (root / "out" / "way_out").symlink_to(root / "other")
    (root / "inputs" / "way_out.csv").symlink_to(root / "other" / "secret.csv")
    return root


@pytest.fixture
def sandbox(repository: Path, monkeypatch) -> Sandbox:
    monkeypatch.chdir(repository)
    return Sandbox(repository, "toy-train", [repository / "inputs", repository / "code.py"], [repository / "out"])


def temporary_folders() -> None:
    with tempfile.TemporaryDirectory() as folder:
        deep = Path(folder) / "flows" / "deep"
        deep.mkdir(parents=True)
        (deep / "params.yaml").write_text("x")
        (deep / "secret.csv").write_text("x")


def tidy_output() -> None:
    Path("out/deep/deeper").mkdir(parents=True)
    Path("out/deep/deeper/x").write_text("x")
    Path("out/deep/deeper/x").rename("out/y")
    Path("out/here").symlink_to("y")
    Path("out/here").unlink()
    Path("out/way_out").unlink()
    shutil.rmtree("out/deep")


def save_figure() -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.suptitle("A title")
    figure.savefig("out/figure.svg")


ALLOWED = {
    "declared file": lambda: Path("code.py").read_text(),
    "below a declared folder": lambda: Path("inputs/deep/x.csv").read_text(),
    "by descriptor": lambda: os.close(os.open("inputs/table.csv", os.O_RDONLY)),
    "own output": lambda: (Path("out/new").write_text("x"), Path("out/new").read_text()),
    "tidying the output": tidy_output,
    "temporary folders": temporary_folders,
    "listing": lambda: (os.listdir("other"), list(os.scandir("other")), list(Path().glob("**/*"))),
    "asking whether it is there": lambda: Path("other/secret.csv").stat(),
    "outside the repository": lambda: Path("/proc/self/stat").read_text(),
    "discarding": lambda: Path("/dev/null").write_text("x"),
    "a library's files": lambda: Path(np.__file__).read_text(),
    "a database in memory": lambda: sqlite3.connect(":memory:").close(),
    "a subprocess": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "a figure": save_figure,
}
REFUSED = {
    "read": ("other/secret.csv", lambda: Path("other/secret.csv").read_text()),
    "read in full": ("other/secret.csv", lambda: Path("other/secret.csv").resolve().read_text()),
    "read by way of a declared folder": (
        "other/secret.csv",
        lambda: Path("inputs/../other/secret.csv").read_text(),
    ),
    "read through a link": ("other/secret.csv", lambda: Path("inputs/way_out.csv").read_text()),
    "read bytes": ("other/secret.csv", lambda: open(b"other/secret.csv").close()),
    "os.open": ("other/secret.csv", lambda: os.open("other/secret.csv", os.O_RDONLY)),
    "numpy": ("other/array.npy", lambda: np.load("other/array.npy")),
    "numpy, mapped": ("other/array.npy", lambda: np.load("other/array.npy", mmap_mode="r")),
    "the general parameters": ("params.yaml", lambda: Path("params.yaml").read_text()),
    "write": ("other/new", lambda: Path("other/new").write_text("x")),
    "write at the root": ("new", lambda: Path("new").write_text("x")),
    "write to an input": ("inputs/table.csv", lambda: Path("inputs/table.csv").write_text("x")),
    "append to an input": ("inputs/table.csv", lambda: open("inputs/table.csv", "a").close()),
    "update an input": ("inputs/table.csv", lambda: open("inputs/table.csv", "r+").close()),
    "update an input, mapped": ("inputs/new.npy", lambda: np.memmap("inputs/new.npy", mode="w+", shape=(2,))),
    "write through a link": ("other/new", lambda: Path("out/way_out/new").write_text("x")),
    "os.open to write": ("inputs/table.csv", lambda: os.open("inputs/table.csv", os.O_WRONLY)),
    "create": ("inputs/new", lambda: os.open("inputs/new", os.O_CREAT | os.O_WRONLY)),
    "remove": ("inputs/table.csv", lambda: Path("inputs/table.csv").unlink()),
    "remove a tree": ("inputs", lambda: shutil.rmtree("inputs")),
    "rename away": ("inputs/table.csv", lambda: Path("inputs/table.csv").rename("out/table.csv")),
    "rename over": ("inputs/table.csv", lambda: Path("out/old").replace("inputs/table.csv")),
    "truncate": ("inputs/table.csv", lambda: os.truncate("inputs/table.csv", 0)),
    "make a folder": ("other/folder", lambda: Path("other/folder").mkdir()),
    "make a link": ("other/link", lambda: Path("other/link").symlink_to("secret.csv")),
    "a database": ("other/data.db", lambda: sqlite3.connect("other/data.db")),
    "outside, not temporary": ("/etc/tenfold", lambda: Path("/etc/tenfold").write_text("x")),
}


@pytest.mark.parametrize("act", ALLOWED.values(), ids=ALLOWED)
def test_what_a_step_needs_is_allowed(sandbox: Sandbox, act):
    with enforced(sandbox):
        act()


@pytest.mark.parametrize(("name", "act"), REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused_by_name(sandbox: Sandbox, repository: Path, name, act):
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    with pytest.raises(UndeclaredAccess, match=rf"stage toy-train .*{name}") as caught, enforced(sandbox):
        act()
    assert ("which it does not declare" in str(caught.value)) != ("outside its output folder" in str(caught.value))
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before


def test_outside_the_block_nothing_is_watched(sandbox: Sandbox):
    with pytest.raises(UndeclaredAccess), enforced(sandbox):
        Path("other/secret.csv").read_text()
    assert Path("other/secret.csv").read_text() == "other/secret.csv"


LATE = "    from steps.toy.figures import TITLE\n    walk = Walk("
EARLY = "from tenfold.toy.walk import Walk\nfrom steps.toy.figures import TITLE"


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("    walk = Walk(", LATE, "steps/toy/figures.py"),
        ("from tenfold.toy.walk import Walk", EARLY, "steps/toy/figures.py"),
        ("    walk = Walk(", '    Path("params.yaml").read_text()\n    walk = Walk(', "params.yaml"),
        (
            "    walk = Walk(",
            '    Path("steps/toy/params.yaml").read_text()\n    walk = Walk(',
            "steps/toy/params.yaml",
        ),
        (
            "    walk = Walk(",
            '    (drawn / "extra").write_text("x")\n    walk = Walk(',
            "artifacts/default/toy/draw/extra",
        ),
        (
            "    walk = Walk(",
            '    list((drawn.parent / "combine").glob("*"))[0].read_bytes()\n    walk = Walk(',
            "combine",
        ),
    ],
    ids=["late import", "import at the top", "parameters", "its own parameters", "write", "another stage's output"],
)
def test_a_stage_is_held_to_its_declaration(project, before, after, name):
    """The dvc.yaml is left as it was, as when one forgets to generate it again."""
    outputs = project.digests()
    project.edit("steps/toy/train.py", before, after)
    printed = project.run(sys.executable, "-m", "steps", "toy", "train", "left", fails=True)
    assert "Traceback" not in printed
    assert "UndeclaredAccess: stage toy-train-left" in printed and name in printed
    assert project.digests() == outputs


def test_compiled_code_is_no_way_round(project):
    """The bytecode of an undeclared module is held to the same rule as its source."""
    project.edit("steps/toy/train.py", "    walk = Walk(", LATE)
    project.run(sys.executable, "-m", "compileall", "-q", "steps/toy", PYTHONDONTWRITEBYTECODE="")
    assert (project.root / "steps/toy/__pycache__").is_dir()
    printed = project.run(sys.executable, "-m", "steps", "toy", "train", "left", fails=True)
    assert "opened steps/toy/figures.py" in printed


def test_declaring_it_makes_it_right(project):
    project.edit("steps/toy/train.py", "    walk = Walk(", LATE)
    project.flows("generate")
    before = project.digests()
    assert project.repro("toy-train-left") == ["toy-train-left"]
    assert project.digests() == before
