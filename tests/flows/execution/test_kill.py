"""kill -9 at any moment: nothing half-written is taken as good, nothing runs on, a rerun ends the same.

Kills of `dvc repro` and of steps are many and cheap; kills of the flow are few. TENFOLD_KILL_SEED varies the
moments.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from flows.graph.dvc_yaml import files
from steps.runtime.stage import address

SEED = int(os.environ.get("TENFOLD_KILL_SEED", "0"))
STEP = (sys.executable, "-m", "steps", "toy", "train", "left")
FLOW = (sys.executable, "-m", "flows", "run", "toy")
REPRO = ("dvc", "repro")


def assert_whole(project, undisturbed: dict[str, str]) -> None:
    """Each output is absent or complete, with the undisturbed content; the unfinished has another name."""
    present = {name: value for name, value in project.digests().items() if ".unfinished" not in name}
    for name, value in present.items():
        assert undisturbed[name] == value, f"{name} differs"
    outputs = {name.rsplit("/", 1)[0] for name in present if name.startswith("artifacts/")}
    for folder in outputs:
        expected = {name for name in undisturbed if name.startswith(folder + "/")}
        assert expected <= present.keys(), f"{folder} is half-written"


def resume(project) -> str:
    """Run ``dvc repro`` to the end; where the kill hit DVC's own files, `python -m flows refresh` mends them."""
    done = subprocess.run(
        REPRO, cwd=project.root, env=project.environment(), text=True, capture_output=True, timeout=120
    )
    if done.returncode == 0:
        return done.stdout
    return mended(project, done.stdout + done.stderr)


def mended(project, complaint: str) -> str:
    """Check that it was DVC's own files that the kill hit, mend them, and run ``dvc repro`` to the end."""
    assert "failed to run" not in complaint and "Traceback" not in complaint, complaint
    project.flows("refresh")
    return project.dvc("repro")


def start_over(project) -> None:
    for name in ("artifacts", "results", "data/default", "reports", ".dvc/cache", ".tenfold"):
        shutil.rmtree(project.root / name, ignore_errors=True)
    for lock in (project.root / file.with_suffix(".lock") for file in files(project.root)):
        lock.unlink(missing_ok=True)


def steps_of(project) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.cwd() == str(project.root) and "steps" in process.cmdline()[1:3]:
                found.append(process)
    return found


def kill_some(project, pid: int, chance: random.Random) -> str:
    """Kill the command, or else one of its steps."""
    steps = steps_of(project) if chance.random() < 0.4 else []
    victim = chance.choice(steps) if steps else psutil.Process(pid)
    with suppress(psutil.NoSuchProcess):
        victim.kill()
        return "step" if steps else "command"
    return "nobody"


def test_kills_of_dvc_and_of_its_steps(fresh, finished, start, no_orphans):
    chance = random.Random(SEED)
    fresh.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 0.02")
    undisturbed = finished.digests()
    kills, latest = {"command": 0, "step": 0}, 2.2  # seconds
    while sum(kills.values()) < 22:
        running = start(fresh, *REPRO)
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(chance.uniform(0.4, latest))
        if kills["step"] < 3 and "Running stage" not in running.printed():
            latest *= 1.15  # on a busy machine DVC takes longer to begin
        victim = kill_some(fresh, running.process.pid, chance) if running.process.poll() is None else "nobody"
        status = running.status()
        no_orphans(fresh.root)
        assert_whole(fresh, undisturbed)
        if status != 0 and victim == "nobody":
            mended(fresh, running.printed())
        if status != 0 and victim != "nobody":
            kills[victim] += 1
        else:  # the kill came too late, or not at all
            assert fresh.digests() == undisturbed
            start_over(fresh)
    assert min(kills["command"], kills["step"]) > 2
    resume(fresh)
    assert fresh.digests() == undisturbed
    assert "up to date" in resume(fresh)
    assert not list(fresh.root.rglob("*.unfinished*"))


def test_what_a_killed_step_left_goes_when_its_stage_is_restored(project, start):
    """Nothing but the step itself would look for it, and a restored stage has no step."""
    project.edit("params.yaml", "seed: 0", "seed: 1")
    project.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 60.0")
    running = start(project, *STEP)
    folder = project.root / "artifacts/default/toy"
    until = time.monotonic() + 60
    while not list(folder.glob(".train-left.*.unfinished")):
        assert running.process.poll() is None and time.monotonic() < until, running.printed()
        time.sleep(0.02)
    project.flows("refresh")
    assert list(folder.glob(".train-left.*.unfinished")), "a living step's is left alone"
    running.process.kill()
    running.status()
    project.run("git", "checkout", "-q", "params.yaml", "steps/toy/params.yaml")
    assert "up to date" in project.dvc("repro")
    assert f".train-left.{running.process.pid}.unfinished was left by a killed step" in project.flows("refresh")
    assert not list(project.root.rglob("*.unfinished*"))


@pytest.mark.parametrize("shell", [path for path in map(shutil.which, ("sh", "bash", "zsh", "fish")) if path])
def test_a_step_dies_with_dvc_whatever_shell_dvc_starts_it_in(project, start, no_orphans, shell):
    """A shell that waits for its command would be left between the two, and outlives DVC."""
    project.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 60.0")
    running = start(project, "dvc", "repro", address("toy-train-left"), SHELL=shell)
    until = time.monotonic() + 60
    while not steps_of(project):
        assert running.process.poll() is None and time.monotonic() < until, running.printed()
        time.sleep(0.02)
    running.process.kill()
    running.status()
    no_orphans(project.root)


def test_kills_of_a_step_resume_from_its_checkpoint(project, start, no_orphans):
    """Not merely the same numbers: the updates that were done are not done again."""
    chance = random.Random(SEED + 1)
    undisturbed = project.digests()
    project.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 0.15")
    checkpoints = project.root / ".tenfold/checkpoints"
    kills = 0
    while kills < 6 or not list(checkpoints.rglob("*.safetensors")):
        running = start(project, *STEP)
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(chance.uniform(0.3, 1.2))
        if running.process.poll() is None:
            running.process.kill()
            kills += 1
        else:
            assert running.status() == 0, running.printed()
            assert not list(checkpoints.glob("*")), "a finished step leaves no checkpoint"
        running.status()
        no_orphans(project.root)
        assert_whole(project, undisturbed)
    assert "goes on from the checkpoint of update" in project.run(*STEP)
    assert project.digests() == undisturbed
    history = json.loads((project.root / "artifacts/default/toy/train-left/history.json").read_text())
    assert [row["update"] for row in history] == list(range(1, 13))


@pytest.mark.parametrize("number", range(3))
def test_kills_of_the_flow(fresh, finished, server, start, no_orphans, number):
    chance = random.Random(SEED * 10 + number)
    fresh.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 0.1")
    running = start(fresh, *FLOW, **server.environment)
    running.wait_for(("Beginning flow run", "steps toy draw", "steps toy train")[number])
    with suppress(subprocess.TimeoutExpired):
        running.process.wait(chance.uniform(0.0, 1.5))
    running.process.kill()
    running.status()
    no_orphans(fresh.root)
    assert_whole(fresh, finished.digests())
    if number % 2:
        resume(fresh)
    else:
        fresh.flows("run", "toy", **server.environment)
    assert fresh.digests() == finished.digests() | {
        name: value for name, value in fresh.digests().items() if name.startswith("reports/")
    }
