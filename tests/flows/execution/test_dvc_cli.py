"""How a flow talks to DVC: what it waits for, what it mends, and what it reports as it is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from flows.execution import dvc_cli as dvc
from flows.execution.dvc_cli import Busy, DvcError, Outcome, Stop
from flows.execution.dvc_recovery import ASIDE, MergeConflict, recover

SIGN = "mkdir -p .tenfold/started && touch .tenfold/started/$TENFOLD_INVOCATION"
COMMANDS = {
    "first": "echo x > one && sleep 0.5",
    "second": "cat one > two",
    "grumpy": f"{SIGN}; echo \"ERROR: 'one' is busy, it is blocked\"; exit 3",
    "binary": "printf 'caf\\351\\n' && echo x > four",
}
OUTS = dict(zip(COMMANDS, ("one", "two", "three", "four"), strict=True))


def stages(**changed: str) -> str:
    """Return a dvc.yaml whose stages leave a record, as ours do."""
    return json.dumps(
        {
            "stages": {
                name: {
                    "cmd": f"{command} && echo '{{\"invocation\": \"'$TENFOLD_INVOCATION'\"}}' > {name}.json",
                    "deps": [] if name == "first" else ["one"],
                    "outs": [OUTS[name], f"{name}.json"],
                    "meta": {"provenance": f"{name}.json"},
                }
                for name, command in {**COMMANDS, **changed}.items()
            }
        }
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("dvc")
    dvc_run(root, "init", "-q", "--no-scm")
    (root / "dvc.yaml").write_text(stages())
    assert dvc.reproduce(root, "first", Path("first.json")) is Outcome.COMPLETED
    return root


def dvc_run(root: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *words], cwd=root, env=dvc.programs(), check=True)


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A small checkout whose first stage is up to date."""
    subprocess.run(["cp", "-a", f"{made}/.", str(tmp_path)], check=True)
    return tmp_path


def reproduce(root: Path, stage: str, **more) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    return dvc.reproduce(root, stage, Path(f"{stage}.json"), say=said.append, **more), said


def test_outcomes(root):
    assert reproduce(root, "first")[0] is Outcome.CACHED
    assert reproduce(root, "second")[0] is Outcome.COMPLETED
    (root / "two").write_text("damaged")
    (root / "second.json").unlink()
    assert set(dvc.status(root, ["first", "second"])) == {"second"}
    assert reproduce(root, "second")[0] is Outcome.RESTORED
    assert dvc.status(root, ["first", "second"]) == {}
    assert reproduce(root, "second", force=True)[0] is Outcome.COMPLETED


def test_a_step_that_says_busy_has_failed(root):
    began = time.monotonic()
    with pytest.raises(DvcError, match=r"stage grumpy failed:[\s\S]*is busy[\s\S]*exited with 3"):
        reproduce(root, "grumpy")
    assert time.monotonic() - began < 30


def test_text_that_is_not_utf8_does_no_harm(root):
    outcome, said = reproduce(root, "binary")
    assert outcome is Outcome.COMPLETED and any(line.startswith("caf") for line in said)


@pytest.mark.parametrize("content", [b"", b'{"write": {"/x"', b"\0" * 60, b"\xff\xfe{", b'{"write": {"/x": 5}}', b"[]"])
def test_a_broken_list_of_locks_is_moved_aside(root, content):
    (root / ".dvc/tmp/rwlock").write_bytes(content)
    outcome, said = reproduce(root, "second")
    assert outcome is Outcome.COMPLETED
    assert any(f".dvc/tmp/rwlock named no living DVC and is now in {ASIDE}" in line for line in said)
    (kept,) = (root / ASIDE).iterdir()
    assert kept.read_bytes() == content


def test_a_cut_off_lock_file_is_mended(root, capsys):
    for length in (7, 30):
        lock = (root / "dvc.lock").read_bytes()
        (root / "dvc.lock").write_bytes(lock[:length])
        assert dvc.status(root, ["first"]).keys() <= {"first"}
        assert f"dvc.lock could not be read by DVC and is now in {ASIDE}" in capsys.readouterr().err
        (root / "dvc.lock").write_bytes(lock[:length])
        outcome, said = reproduce(root, "first")
        assert outcome in (Outcome.CACHED, Outcome.COMPLETED, Outcome.RESTORED)
        assert any("dvc.lock could not be read by DVC" in line for line in said)


def test_a_paper_s_cut_off_lock_file_is_mended(project):
    """The file that was cut off is moved aside and no other; what it held is restored."""
    lock, others = project.root / "steps/toy/dvc.lock", project.root / "data/dvc.lock"
    before, whole = project.digests(), lock.read_bytes()
    for length in (0, 9):
        lock.write_bytes(whole[:length])
        assert recover(project.root) == [f"steps/toy/dvc.lock could not be read by DVC and is now in {ASIDE}"]
        lock.write_bytes(whole[:length])
        outcome, _ = reproduce(project.root, "toy-train-left")
        assert outcome is not Outcome.COMPLETED and others.is_file()
    assert project.digests() == before


def test_an_empty_entry_of_the_run_cache_is_mended(root):
    """DVC makes the folder, then the entry; killed in between, it cannot restore or run the stage any more."""
    reproduce(root, "second")
    (root / "two").write_text("damaged")
    (root / "dvc.lock").unlink()
    (entry,) = (path for path in (root / ".dvc/cache/runs").glob("*/*/*") if "cat one" in path.read_text())
    entry.unlink()
    with pytest.raises(subprocess.CalledProcessError):
        dvc_run(root, "repro", "-s", "second")
    outcome, said = reproduce(root, "second")
    assert outcome is Outcome.COMPLETED
    assert any(".dvc/cache/runs had an entry without content" in line for line in said)
    assert recover(root) == []
    assert (root / "two").read_text() == "x\n"


def held_by(root: Path, number: int) -> None:
    item = {"pid": number, "cmd": "dvc repro second"}
    content = {"write": {str(root / "two"): item}, "read": {str(root / "one"): [item]}}
    (root / ".dvc/tmp/rwlock").write_text(json.dumps(content))


def test_a_number_that_went_to_another_program_blocks_nothing(root):
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        held_by(root, other.pid)
        assert dvc.status(root, ["second"])
        held_by(root, other.pid)
        outcome, said = reproduce(root, "second")
    finally:
        other.kill()
        other.wait()
    assert outcome is Outcome.COMPLETED
    assert any("named no living DVC" in line for line in said)


def test_an_unburied_process_blocks_nothing(root):
    """A killed process keeps its number until its parent has asked for its status."""
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.DEVNULL)
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    held_by(root, child.pid)
    assert reproduce(root, "second")[0] is Outcome.COMPLETED
    child.wait()


def test_a_living_dvc_is_waited_for(root):
    """As long as it takes; and meanwhile nobody claims to know what is up to date."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)  # dvc"])
    held_by(root, other.pid)
    with pytest.raises(Busy, match="ask again when it is done"):
        dvc.status(root, ["second"])
    said: list[str] = []

    def waits(line: str) -> None:
        said.append(line)
        if "waits for another command" in line:
            other.kill()
            other.wait()

    assert dvc.reproduce(root, "second", Path("second.json"), say=waits) is Outcome.COMPLETED
    assert any("waits for another command" in line for line in said)


def test_stopping_ends_what_runs_and_starts_nothing_more(root):
    import threading

    stop = Stop()
    (root / "dvc.yaml").write_text(stages(first="sleep 60"))
    timer = threading.Timer(2.0, stop.all)
    timer.start()
    began = time.monotonic()
    with pytest.raises(DvcError):
        reproduce(root, "first", stop=stop)
    with pytest.raises(DvcError, match="stopped"):
        reproduce(root, "second", stop=stop)
    assert time.monotonic() - began < 20
    timer.join()


def test_a_broken_pipeline_is_told(root):
    (root / "dvc.yaml").write_text("stages: {first: {cmd: 3")
    with pytest.raises(DvcError, match=r"dvc\.yaml"):
        dvc.status(root, [])
    with pytest.raises(DvcError, match=r"dvc\.yaml"):
        reproduce(root, "first")


def test_a_lock_file_of_two_branches_is_refused_and_left(root):
    lock = (root / "dvc.lock").read_text()
    both = f"<<<<<<< HEAD\n{lock}=======\n{lock}>>>>>>> other\n"
    (root / "dvc.lock").write_text(both)
    (root / "data").mkdir()
    (root / "data/dvc.lock").write_bytes(b"\0")  # nothing else is touched either
    with pytest.raises(MergeConflict, match=r"dvc\.lock has merge conflict markers; take one side"):
        reproduce(root, "second")
    assert (root / "dvc.lock").read_text() == both and (root / "data/dvc.lock").read_bytes() == b"\0"


@pytest.mark.parametrize("content", [b"\0" * 400, "stages: {é: 1}".encode("latin-1"), b"stages: [1]\nschema: '2.0'\n"])
def test_a_lock_file_that_a_power_loss_leaves_is_moved_aside(root, content):
    (root / "dvc.lock").write_bytes(content)
    outcome, said = reproduce(root, "first")
    assert outcome is not None and any("dvc.lock could not be read" in line for line in said)
    (kept,) = (root / ASIDE).iterdir()
    assert kept.read_bytes() == content
