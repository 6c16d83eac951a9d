"""A change that is taken back before a step ends is a change: the step may have imported or read what stood there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from steps.runtime.stage import declared
from steps.runtime.unchanged import ChangedWhileRunning, Seen

FILES = {
    "params.yaml": "profile: default\nseed: 0\nother: 1\n",
    "code.py": "SCALE = 1.0\n",
    "artifacts/default/draw/target.npy": "target",
    "steps/toy/dvc.yaml": """
stages:
  train:
    cmd: exec python -m steps toy train drawn=draw
    deps: ['artifacts/${profile}/draw', code.py]
    params: [profile, seed]
    meta: {out: 'artifacts/${profile}/train', provenance: 'artifacts/${profile}/train.provenance.json'}
""",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (1.0, 1.0))
    return tmp_path


@pytest.fixture
def seen(root: Path) -> Seen:
    return Seen.now(declared(root, ["toy", "train"]))


def test_what_stays_is_not_refused(root: Path, seen: Seen):
    (root / "artifacts/default/draw/target.npy").read_bytes()
    (root / "artifacts/default/draw/__pycache__").mkdir()
    (root / "artifacts/default/draw/__pycache__/code.pyc").touch()
    seen.require_called()
    seen.require_unchanged()


def rewrite(path: Path) -> None:
    path.write_text(path.read_text().upper())
    path.write_text(FILES["code.py" if path.suffix == ".py" else "artifacts/default/draw/target.npy"])


def replace(path: Path) -> None:
    """As editors and git write: another file in its place."""
    path.with_suffix(".new").write_bytes(path.read_bytes())
    os.utime(path.with_suffix(".new"), (1.0, 1.0))
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize("file", ["code.py", "artifacts/default/draw/target.npy"])
@pytest.mark.parametrize("act", [rewrite, replace])
def test_code_and_inputs_that_change_and_change_back_are_refused_to_the_end(root: Path, seen: Seen, file: str, act):
    act(root / file)
    for look in (seen.require_called, seen.require_unchanged):
        with pytest.raises(ChangedWhileRunning, match=f"stage toy-train: {file} changed while the step ran"):
            look()


def change(name: str, before: str, after: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text((root / name).read_text().replace(before, after))


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (change("code.py", "1.0", "2.0"), "code.py"),
        (change("params.yaml", "seed: 0", "seed: 1"), "params.yaml: seed"),
        (change("steps/toy/dvc.yaml", "drawn=draw", "drawn=other"), "command"),
        (lambda root: (root / "artifacts/default/draw/target.npy").unlink(), "artifacts/default/draw"),
        (lambda root: (root / "artifacts/default/draw/added").touch(), "artifacts/default/draw"),
    ],
)
def test_a_change_is_refused_at_the_end_by_name(root: Path, seen: Seen, act, named: str):
    act(root)
    with pytest.raises(ChangedWhileRunning, match=f"stage toy-train: {named} changed while"):
        seen.require_unchanged()


def test_parameters_may_not_be_written_until_the_step_has_them(root: Path, seen: Seen):
    """Afterwards only their values count: a file of parameters holds those of other steps, too."""
    change("params.yaml", "seed: 0", "seed: 1")(root)
    change("params.yaml", "seed: 1", "seed: 0")(root)
    with pytest.raises(ChangedWhileRunning, match=r"params\.yaml changed while the step ran"):
        seen.require_called()
    seen.require_unchanged()
    change("params.yaml", "other: 1", "other: 2")(root)
    seen.require_unchanged()
