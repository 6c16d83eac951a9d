"""Start commands that die with their parent, stop them with all that they started, and tell whether one lives.

As a command, ``python steps/runtime/processes.py [--group] PARENT_PID COMMAND …``, this file becomes COMMAND, which
the kernel kills when its parent ends. With ``--group`` it stays, and ends COMMAND with all that it started when COMMAND
ends, this process is asked to end, or its parent ends. Only Linux can tell a process that its parent ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GROUP = "--group"
GROUP_GRACE = 10.0  # seconds that a process group has to end by itself before it is killed
PAUSE = 0.05  # seconds between two looks


def die_with_parent(expected_parent: int | None = None) -> None:
    """Ask the kernel to kill this process when its parent ends: to be exact, when the thread that started it ends.

    A parent that died before that is noticed, because this process then has another one: by ``expected_parent``, or,
    in a stage's command, by what the parent's command is.
    """
    if sys.platform != "linux":
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = os.getppid()
    if expected_parent is not None:
        orphan = parent != expected_parent
    else:
        orphan = "DVC_STAGE" in os.environ and not _runs_stages(parent)
    if orphan:
        os.kill(os.getpid(), signal.SIGKILL)


def command(words: Sequence[str], *, group: bool = False) -> list[str]:
    """Return the command ``words`` such that it dies with this process; with ``group``, all that it started does, too.

    A group is worth its guardian process where the command starts processes that do not die with it.
    """
    python = [sys.executable, "-P", __file__, GROUP] if group else [sys.executable, "-S", __file__]
    return [*python, str(os.getpid()), *words]


def start(words: Sequence[str], *, group: bool = False, **options: Any) -> subprocess.Popen[Any]:
    """Start ``command(words)`` in a process group of its own, which Ctrl-C does not reach; options go to Popen."""
    return subprocess.Popen(command(words, group=group), stdin=subprocess.DEVNULL, process_group=0, **options)


def stop(
    processes: Sequence[subprocess.Popen[Any]], grace: float, first: signal.Signals = signal.SIGTERM
) -> list[subprocess.Popen[Any]]:
    """Ask processes to end by a first signal, and after ``grace`` seconds kill them and all that they started.

    Return those of the processes that had to be killed.
    """
    asked = [process for process in processes if process.poll() is None]
    started = [below for process in asked for below in _below(process.pid)]
    for process in asked:
        process.send_signal(first)
    until = time.monotonic() + grace
    while (left := [process for process in asked if process.poll() is None]) or any(map(_runs, started)):
        if time.monotonic() > until:
            break
        time.sleep(PAUSE)
    _send(signal.SIGKILL, [*started, *(below for process in left for below in _below(process.pid))])
    for process in left:
        process.kill()
        process.wait()
    return left


def lives(number: int, word: str) -> bool:
    """Return whether the process ``number`` lives, a zombie not counted, and its command line contains ``word``."""
    import psutil

    try:
        process = psutil.Process(number)
        return _runs(process) and word in " ".join(process.cmdline())
    except psutil.Error:
        return False


def peak_memory() -> int:
    """Return the most memory that this process has held so far, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _below(number: int) -> list[Any]:
    """Return all that the process ``number`` started and that still has a living parent."""
    import psutil

    try:
        return psutil.Process(number).children(recursive=True)
    except psutil.Error:
        return []


def _runs(process: Any) -> bool:
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _send(number: signal.Signals, processes: Sequence[Any]) -> None:
    import psutil

    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)


def _runs_stages(process: int) -> bool:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ")
    except OSError:
        return False
    return any(word in words for word in (b"dvc", b"-m steps", b"-m flows"))  # DVC, its shell, or a launcher


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _guard(parent: int, words: Sequence[str]) -> int:
    """Run a command in a process group of its own and return its status after all that it started has ended.

    What is left is asked to end when the command ends, on SIGTERM, and when the parent ends. Orphans become children
    of this process, so that none is missed.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if sys.platform == "linux":
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        return 1
    try:
        status = subprocess.Popen(words, process_group=0).wait()
        return status if status >= 0 else 128 - status
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _send(signal.SIGTERM, _below(os.getpid()))
        until = time.monotonic() + GROUP_GRACE
        while any(map(_runs, _below(os.getpid()))) and time.monotonic() < until:
            time.sleep(PAUSE)
        _send(signal.SIGKILL, _below(os.getpid()))


if __name__ == "__main__":
    if sys.argv[1] == GROUP:
        sys.exit(_guard(int(sys.argv[2]), sys.argv[3:]))
    die_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
