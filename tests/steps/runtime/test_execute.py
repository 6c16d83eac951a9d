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

from steps.runtime.stage import UnknownStage, content_digest, declared, digest

LEFT = ("toy", "train", "left")
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


def test_the_digest_follows_seed_parameters_code_inputs_and_words(project):
    def now(*words: str) -> str:
        return digest(declared(project.root, words or LEFT).parts())

    base = now()
    record = json.loads((project.root / BESIDE).read_text())
    assert record["digest"] == base != now("toy", "train", "right")
    for path, before, after in (
        ("params.yaml", "seed: 0", "seed: 1"),
        ("steps/toy/params.yaml", "default: 12}", "default: 13}"),
        ("tenfold/toy/scale.py", "1.0", "2.0"),
        ("steps/toy/dvc.yaml", "train left drawn=draw", "train left drawn=combine"),
    ):
        project.edit(path, before, after)
        assert now() != base, path
        project.edit(path, after, before)
    target = project.root / "artifacts/default/toy/draw/target.npy"
    content, stat = target.read_bytes(), target.stat()
    target.write_bytes(content[:-1] + b"\x01")
    os.utime(target, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert now() != base
    target.write_bytes(content)
    assert now() == base


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
        declared(pristine.root, ["toy", "fly"])


def test_a_wrong_parameter_stops_a_step_before_it_runs(project):
    before = project.digests()
    project.edit("steps/toy/params.yaml", "default: 12}", "default: -1}")
    printed = project.run(*STEP, "toy", "train", "left", fails=True)
    assert "ParameterError: steps/toy/params.yaml: train.updates = -1: input should be greater than 0" in printed
    assert "Traceback" not in printed and project.digests() == before


def test_what_runs_a_step_cannot_change_its_numbers(project):
    """What it knows of seed and parameters is a copy, and the words are checked against the declaration."""
    before = project.digests()
    project.edit(
        "steps/runtime/execute.py",
        "    facts = call.facts | {",
        """    call.facts["seed"] += 1
    call.facts["params"]["updates"] = 1
    facts = call.facts | {""",
    )
    project.run(*STEP, *LEFT)
    assert project.digests() == before
    said = project.run(*STEP, *LEFT, "drawn=combine", fails=True)
    assert "OtherWords: steps/toy/dvc.yaml declares train-left as: python -m steps toy train left drawn=draw" in said


HOSTILE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "OPENBLAS_CORETYPE": "Prescott",
    "ATEN_CPU_CAPABILITY": "default",
    "PYTHONHASHSEED": "77",
    "PYTHONOPTIMIZE": "2",
    "LC_ALL": "tr_TR.ISO-8859-9",
    "ACCELERATE_MIXED_PRECISION": "bf16",
    "TZ": "Asia/Kathmandu",
}


def test_a_hostile_environment_gives_the_same_bytes(project, tmp_path: Path):
    """Threads, another core's instructions, hashing, and a style of one's own for figures."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/matplotlibrc").write_text("lines.linewidth: 9\nsvg.fonttype: none\n")
    (tmp_path / "mine/matplotlib.py").write_text("raise SystemExit('not this one')")
    hostile = HOSTILE | dict.fromkeys(("MPLCONFIGDIR", "MATPLOTLIBRC", "PYTHONPATH"), str(tmp_path / "mine"))
    project.edit(
        "steps/toy/train.py",
        "    walk = Walk(",
        """    product = np.random.default_rng(0).random((300, 300))
    print(sorted({"one", "two", "three"}, key=hash), float((product @ product).sum()).hex())
    walk = Walk(""",
    )
    said = [project.run(*STEP, *LEFT, **more) for more in ({}, hostile)]
    assert said[0] == said[1] and "0x" in said[0]
    record = json.loads((project.root / BESIDE).read_text())
    assert [text for name, text in record["arithmetic"].items() if "openblas" in name and "2 threads" in text]
    before = project.digests()
    project.run(*STEP, "toy", "evaluate", **hostile)
    assert project.digests() == before


def test_a_step_runs_in_no_other_environment(project):
    code = "from steps.__main__ import main; raise SystemExit(main(['toy', 'train', 'left']))"
    said = project.run(sys.executable, "-c", code, fails=True, OMP_NUM_THREADS="7")
    assert "UnpinnedEnvironment" in said


def test_bytecode_of_an_earlier_source_is_not_run(project):
    """Python takes it for current where the source was changed within a second and kept its size."""
    project.run(sys.executable, "-m", "compileall", "-q", "tenfold/toy", PYTHONDONTWRITEBYTECODE="")
    scale, before = project.root / "tenfold/toy/scale.py", project.digests()
    old = scale.stat()
    scale.write_text(scale.read_text().replace("SCALE = 1.0", "SCALE = 3.0"))
    os.utime(scale, ns=(old.st_atime_ns, old.st_mtime_ns))
    project.run(*STEP, *LEFT)
    assert project.digests() != before


def test_inputs_that_change_places_are_another_stage(project):
    """They are words of its command, which DVC compares."""
    project.edit("flows/toy.py", "arms=arms)", "arms=arms[::-1])")
    project.flows("generate")
    assert "toy-combine" in project.repro("toy-combine")


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
