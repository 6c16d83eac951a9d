"""Commands die with whoever started them, and with all that they started, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from steps.runtime import processes
from steps.runtime.processes import command, lives, start, stop

ROOT = Path(__file__).parents[3]
SLEEP = (sys.executable, "-c", "import time; time.sleep(100)")
STUBBORN = (sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(100)")
TREE = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"]).pid, flush=True)
time.sleep(100)
"""
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
if (between := os.fork()) == 0:
    if os.fork() == 0:  # an orphan in the same process group
        time.sleep(100)
    os._exit(0)
os.waitpid(between, 0)
print(child.pid, flush=True)
time.sleep(float(sys.argv[1]))
sys.exit(3)
"""
PARENT = """
import sys, time
from steps.runtime.processes import start
alone = start([sys.executable, "-c", "import time; time.sleep(100)"])
guard = start([sys.executable, "-c", sys.argv[1], "100"], group=True, stdout=-1)
guard.stdout.readline()
print(alone.pid, guard.pid, flush=True)
time.sleep(100)
"""


@pytest.fixture
def family() -> Iterator[list[psutil.Process]]:
    """Processes to be killed after the test, should it fail."""
    found: list[psutil.Process] = []
    yield found
    for process in found:
        if process.is_running():
            process.kill()


def gone(process: psutil.Process, patience: float = 5.0) -> bool:
    until = time.monotonic() + patience
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_command_and_its_whole_group_die_with_a_killed_parent(family):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, FAMILY], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    alone, guard = (psutil.Process(int(number)) for number in parent.stdout.readline().split())
    group = guard.children(recursive=True)
    family += [alone, guard, *group]
    parent.kill()
    parent.wait()
    assert len(group) == 3 and all(map(gone, family))


@pytest.mark.parametrize("how", ["by itself", "asked", "killed"])
def test_a_group_ends_with_its_command(family, how):
    process = start([sys.executable, "-c", FAMILY, "0" if how == "by itself" else "100"], group=True, stdout=-1)
    process.stdout.readline()
    family += psutil.Process(process.pid).children(recursive=True)
    if how == "by itself":
        assert process.wait(20) == 3, "the command's own status"
    elif how == "asked":
        assert stop([process], 20.0) == [] and process.returncode == 128 + signal.SIGTERM
    else:
        psutil.Process(process.pid).children()[0].kill()
        assert process.wait(20) == 128 + signal.SIGKILL
    assert all(map(gone, family))


def test_a_group_that_does_not_end_when_asked_is_killed(family, monkeypatch, tmp_path):
    quick = tmp_path / "processes.py"
    quick.write_text(Path(processes.__file__).read_text().replace("GROUP_GRACE = 10.0", "GROUP_GRACE = 0.3"))
    monkeypatch.setattr(processes, "__file__", str(quick))
    process = start(STUBBORN, group=True, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "1\n"
    family += psutil.Process(process.pid).children()
    assert stop([process], 20.0) == [] and all(map(gone, family)) and len(family) == 1


def test_stop_asks_first_and_then_kills_the_whole_tree(family):
    polite, stubborn = start(SLEEP), start(STUBBORN, stdout=subprocess.PIPE, text=True)
    assert stubborn.stdout.readline() == "1\n"
    tree = start([sys.executable, "-c", TREE], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(tree.stdout.readline()))
    family.append(child)
    began = time.monotonic()
    assert stop([polite, stubborn, tree], 0.5) == [stubborn]
    assert time.monotonic() - began < 5
    assert [process.returncode for process in (polite, stubborn, tree)] == [-15, -9, -15]
    assert gone(child), "what an ended command left behind is killed, too"
    assert stop([polite, stubborn, tree], 0.5) == [], "nothing is left to stop"


def test_stop_passes_on_the_signal_that_it_is_told(family):
    process = start([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(100)"], stdout=-1, stderr=-1)
    process.stdout.readline()
    assert stop([process], 10.0, signal.SIGINT) == []
    assert b"KeyboardInterrupt" in process.stderr.read()


def test_a_command_does_not_begin_for_a_parent_that_is_gone(tmp_path):
    words = [sys.executable, "-c", f"open({str(tmp_path / 'mark')!r}, 'w')"]
    for group in (False, True):
        prefixed = command(words, group=group)
        own = prefixed.index(str(os.getpid()))
        assert subprocess.run([*prefixed[:own], "1", *prefixed[own + 1 :]]).returncode != 0
        assert not (tmp_path / "mark").exists()
        assert subprocess.run(prefixed).returncode == 0
        (tmp_path / "mark").unlink()


def test_lives_tells_a_living_process_by_number_and_command():
    process = start([sys.executable, "-c", "print(1, flush=True); import time; time.sleep(100)"], stdout=-1)
    process.stdout.readline()
    assert lives(process.pid, "time.sleep(100)") and not lives(process.pid, "dvc")
    process.kill()
    assert gone(psutil.Process(process.pid)) and not lives(process.pid, "time"), "a zombie does not live"
    process.wait()
    assert not lives(process.pid, "time")


def test_the_prefix_starts_fast():
    """It imports nothing that is not in the standard library, and little of that."""
    listed = subprocess.run(
        [sys.executable, "-X", "importtime", *command(["true"])[1:]], capture_output=True, text=True, check=True
    )
    imported = {line.rpartition("|")[2].strip() for line in listed.stderr.splitlines()}
    assert "ctypes" in imported and not imported & {"psutil", "asyncio", "typing_extensions", "logging", "site"}
