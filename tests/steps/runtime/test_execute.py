"""One stage as DVC runs it: provenance beside the output, errors by name, no process left behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from steps.runtime.stage import UnknownStage, content_digest, declared

STEP = (sys.executable, "-m", "steps")
BESIDE = "artifacts/default/toy/train-left.provenance.json"


def test_provenance(project):
    record = json.loads((project.root / BESIDE).read_text())
    head = project.run("git", "rev-parse", "HEAD~1").strip()
    assert record["stage"] == "toy-train-left" and record["profile"] == "default"
    assert record["command"] == "python -m steps toy train left"
    assert (record["commit"], record["dirty"]) == (head, False)
    assert record["seconds"] > 0 and record["peak_memory_bytes"] > 10**7
    assert record["versions"]["python"].startswith("3.")
    (source,) = record["sources"]
    assert source["name"] == "wine" and {"origin", "sha256", "licence"} <= source.keys()
    project.edit("steps/toy/figures.py", "The walk", "A walk")
    project.run(*STEP, "toy", "train", "left")
    again = json.loads((project.root / BESIDE).read_text())
    assert again["dirty"] is True
    assert again["digest"] == record["digest"], "what the step does not depend on leaves its digest"


def test_the_digest_follows_seed_parameters_code_and_inputs(project):
    stage = declared(project.root, "toy-train-left", "default")
    base = stage.digest(0, {"updates": 12})
    digests = [base, stage.digest(1, {"updates": 12}), stage.digest(0, {"updates": 13})]
    digests.append(declared(project.root, "toy-train-right", "default").digest(0, {"updates": 12}))
    project.edit("tenfold/toy/scale.py", "1.0", "2.0")
    digests.append(stage.digest(0, {"updates": 12}))
    project.edit("tenfold/toy/scale.py", "2.0", "1.0")
    assert stage.digest(0, {"updates": 12}) == base
    target = project.root / "artifacts/default/toy/draw/target.npy"
    target.write_bytes(target.read_bytes()[:-1] + b"\x01")
    digests.append(stage.digest(0, {"updates": 12}))
    assert len(set(digests)) == len(digests)


def test_content_digests_tell_names_and_contents_apart(tmp_path: Path):
    def digest(**files: str) -> str:
        shutil.rmtree(tmp_path / "x", ignore_errors=True)
        (tmp_path / "x").mkdir()
        for name, text in files.items():
            (tmp_path / "x" / name).write_text(text)
        return content_digest(tmp_path / "x")

    digests = [
        digest(),
        digest(a="b"),
        digest(b="a"),
        digest(a="", b=""),
        digest(ab=""),
        digest(a="b", c="d"),
    ]
    assert len(set(digests)) == len(digests)
    assert digest(a="b", c="d") == digests[-1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["toy", "trian"],
            "UnknownStage: steps/toy/dvc.yaml has no stage 'trian'; it has draw, train-left",
        ),
        (["toy", "train", "middle"], "no stage 'train-middle'"),
        (["data", "absent"], "data/dvc.yaml has no stage 'absent'; it has wine"),
        (["nobody", "train"], "steps/nobody/dvc.yaml has no stage 'train'; there is no such file"),
    ],
)
def test_unknown_stages_are_named(pristine, words, message):
    printed = pristine.run(*STEP, *words, fails=True)
    assert message in printed and "Traceback" not in printed


def test_wrong_usage_and_unknown_stage_by_name(pristine):
    assert "python -m steps <paper> <step> [variant]" in pristine.run(*STEP, "toy", fails=True)
    with pytest.raises(UnknownStage, match="After a change to flows/, run: python -m flows generate"):
        declared(pristine.root, "toy-fly", "default")


def test_a_wrong_parameter_stops_a_step_before_it_runs(project):
    before = project.digests()
    project.edit("steps/toy/params.yaml", "default: 12}", "default: -1}")
    printed = project.run(*STEP, "toy", "train", "left", fails=True)
    assert "ParameterError: steps/toy/params.yaml: train.updates = -1: input should be greater than 0" in printed
    assert "Traceback" not in printed and project.digests() == before


def test_divergence_is_named_and_leaves_the_old_output(project):
    before = project.digests()
    project.edit("tenfold/toy/scale.py", "SCALE = 1.0", 'SCALE = float("nan")')
    printed = project.run(*STEP, "toy", "train", "left", fails=True)
    assert "Diverged: toy train: train/distance = nan at update 1" in printed and "Traceback" not in printed
    assert project.digests() == before


def test_a_surprise_keeps_its_traceback(project):
    project.edit("steps/toy/train.py", "    walk = Walk(", "    walk = Wlak(")
    printed = project.run(*STEP, "toy", "train", "left", fails=True)
    assert "Traceback" in printed and "NameError" in printed
    assert not list(project.root.rglob("*.unfinished*"))


def test_an_older_digest_s_checkpoints_are_dropped(project):
    folder = project.root / ".tenfold/checkpoints"
    for name in (f"toy-train-left-{'0' * 16}", f"toy-train-right-{'0' * 16}"):
        (folder / name).mkdir(parents=True)
        (folder / name / "updates-1.safetensors").write_text("x")
    project.run(*STEP, "toy", "train", "left")
    assert [path.name for path in folder.iterdir()] == [f"toy-train-right-{'0' * 16}"]


def test_a_step_dies_with_the_command_that_started_it(project):
    """Even if that command is killed before the step has asked for it."""
    project.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 30.0")
    shell = subprocess.Popen(
        ["sh", "-c", f"{sys.executable} -m steps toy train left; true"],
        cwd=project.root,
        env=project.environment(DVC_STAGE="toy-train-left"),
        start_new_session=True,
    )
    children: list[psutil.Process] = []
    while not children:
        children = psutil.Process(shell.pid).children()
    shell.kill()
    shell.wait()
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert gone and not alive


ORPHAN = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.getcwd())
if os.fork():
    os._exit(0)
while os.getppid() == int(sys.argv[1]):
    pass
from steps.runtime.processes import die_with_parent
die_with_parent({})
Path(sys.argv[2]).write_text("alive")
"""


@pytest.mark.parametrize("argument", ["int(sys.argv[1])", ""], ids=["by number", "by DVC's mark"])
def test_a_step_whose_parent_is_gone_already_does_not_begin(tmp_path: Path, argument):
    mark = tmp_path / "mark"
    code = ORPHAN.format(argument).replace("if os.fork()", "import time\nparent = os.getpid()\nif os.fork()")
    code = code.replace("int(sys.argv[1])", "parent")
    child = subprocess.run(
        [sys.executable, "-c", code, "0", str(mark)],
        cwd=Path(__file__).parents[3],
        check=True,
        env=os.environ | {"DVC_STAGE": "toy-train-left"},
    )
    assert child.returncode == 0
    until = time.monotonic() + 1.0
    while time.monotonic() < until and not mark.exists():
        time.sleep(0.02)
    assert not mark.exists()
