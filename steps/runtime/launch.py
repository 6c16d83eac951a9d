"""Start the processes of one step on this machine, watch them, and leave none behind.

torchrun would do it, too, but its rendezvous listens on every interface; these meet through a file and talk
over loopback.
"""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from steps.runtime.outputs import remove_abandoned, unfinished, write_atomically
from steps.runtime.stage import Stage
from steps.step.distributed import FOLDER, World

VARIABLE = "TENFOLD_PROCESSES"
PAUSE = 0.05  # seconds between two looks
GRACE = 10.0  # seconds that the others have to clean up after one failed


class WrongProcesses(ValueError):
    """The environment asks for a number of processes that is none."""


class StepFailed(RuntimeError):
    """One of a step's processes failed."""


def wanted(stage: Stage) -> int:
    """Return how many processes to start for a stage; 1 means that this one runs it.

    TENFOLD_PROCESSES says it for every step that trains through ``run.accelerator``; without it, such a step
    that is declared ``gpu`` gets one process for each visible GPU.
    Raises WrongProcesses.
    """
    text = os.environ.get(VARIABLE, "")
    if text and not (text.isdecimal() and int(text) > 0):
        raise WrongProcesses(f"{VARIABLE}={text}: must be a whole number, 1 or larger")
    if World.current().size > 1 or text == "1" or not (text or stage.meta.get("gpu")) or not accelerates(stage):
        return 1
    return int(text) if text else _cards()


def accelerates(stage: Stage) -> bool:
    """Whether the step calls ``run.accelerator``, found by reading the code that its stage declares."""
    own = [path for path in stage.code if path.parts[:2] not in (("steps", "runtime"), ("steps", "step"))]
    return any(_calls_accelerator(ast.parse((stage.root / path).read_text(encoding="utf-8"))) for path in own)


def launch(stage: Stage, words: Sequence[str], count: int) -> None:
    """Run ``python -m steps WORDS`` in ``count`` processes that die with this one.

    Raises StepFailed with the first error, after the others have ended.
    """
    with unfinished(stage.aside("launch")) as folder:
        processes: list[subprocess.Popen[bytes]] = []
        how = signal.SIGTERM
        try:
            for rank in range(count):
                processes.append(_start(stage.root, words, rank, count, folder))
            _watch(processes, folder)
        except KeyboardInterrupt:
            how = signal.SIGINT
            raise
        finally:
            if _stop(processes, how):
                for out in (stage.root / stage.out, *(stage.aside(rank) for rank in range(1, count))):
                    remove_abandoned(out)
        error = _first_error(count, folder)
    if error is not None:
        raise StepFailed(error)


def _start(root: Path, words: Sequence[str], rank: int, count: int, folder: Path) -> subprocess.Popen[bytes]:
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    environment = {
        "OMP_NUM_THREADS": str(max(1, cores // count)),
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "GLOO_SOCKET_IFNAME": loopback,
        "NCCL_SOCKET_IFNAME": loopback,
        FOLDER: str(folder),
    }
    leash = [sys.executable, "-S", str(Path(__file__).with_name("processes.py")), str(os.getpid())]
    return subprocess.Popen(
        [*leash, sys.executable, "-m", "steps", *words],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=None if rank == 0 else subprocess.DEVNULL,
        process_group=0,  # Ctrl-C comes to the launcher alone, which passes it on
    )


def _watch(processes: Sequence[subprocess.Popen[bytes]], folder: Path) -> None:
    """Return when all have ended well, or one has not; report for one that died without a word."""
    while True:
        codes = [process.poll() for process in processes]
        for rank, code in enumerate(codes):
            if code and not (folder / f"{rank}.error").exists():
                end = f"it was killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
                write_atomically(folder / f"{rank}.error", end)
        if any(codes) or None not in codes:
            return
        time.sleep(PAUSE)


def _stop(processes: Sequence[subprocess.Popen[bytes]], how: signal.Signals) -> bool:
    """End those that still run; return whether one was killed before it could clean up."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(how)
    until = time.monotonic() + GRACE
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return any((process.returncode or 0) < 0 for process in processes)


def _first_error(count: int, folder: Path) -> str | None:
    """Return the error that was reported first."""
    reported = sorted(folder.glob("*.error"), key=lambda path: path.stat().st_mtime_ns)
    if not reported:
        return None
    return f"process {reported[0].stem} of {count} stopped: {reported[0].read_text(encoding='utf-8').strip()}"


def _calls_accelerator(tree: ast.AST) -> bool:
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Attribute) and called.attr == "accelerator" for called in calls)


def _cards() -> int:
    import torch

    return max(1, torch.cuda.device_count())
