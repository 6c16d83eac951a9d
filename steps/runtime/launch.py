"""Start the processes of one step on this machine, watch them, and leave none behind.

torchrun would do it, too, but its rendezvous listens on every interface; these meet through a file and talk
over loopback.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from steps.runtime.outputs import remove_abandoned, unfinished, write_atomically
from steps.runtime.processes import start, stop
from steps.runtime.stage import Stage
from steps.step.distributed import FOLDER, World, first_error

VARIABLE = "TENFOLD_PROCESSES"
PAUSE = 0.05  # seconds between two looks
GRACE = 10.0  # seconds that the others have to clean up after one failed


class WrongProcesses(ValueError):
    """The environment asks for a number of processes that is none."""


class StepFailed(RuntimeError):
    """One of a step's processes failed."""


def wanted(stage: Stage) -> int:
    """Return how many processes to start for a stage; 1 means that this one runs it.

    TENFOLD_PROCESSES says it for every step declared ``distributed``, which trains through ``run.accelerator``;
    without it, such a step that is also declared ``gpu`` gets one process for each visible GPU.
    Raises WrongProcesses.
    """
    text = os.environ.get(VARIABLE, "")
    if text and not (text.isdecimal() and int(text) > 0):
        raise WrongProcesses(f"{VARIABLE}={text}: must be a whole number, 1 or larger")
    if World.current().size > 1 or not stage.has("distributed"):
        return 1
    if text or not stage.has("gpu"):
        return int(text or "1")
    import torch

    return max(1, torch.cuda.device_count())


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
            stop(processes, GRACE, how)
            if any(process.returncode < 0 for process in processes):  # it was killed before it could clean up
                for out in (stage.out, *(stage.aside(rank) for rank in range(1, count))):
                    remove_abandoned(out)
        error = first_error(folder, count)
    if error is not None:
        raise StepFailed(error)


def _start(root: Path, words: Sequence[str], rank: int, count: int, folder: Path) -> subprocess.Popen[bytes]:
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    environment = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "GLOO_SOCKET_IFNAME": loopback,
        "NCCL_SOCKET_IFNAME": loopback,
        FOLDER: str(folder),
    }
    stdout = None if rank == 0 else subprocess.DEVNULL
    return start([sys.executable, "-m", "steps", *words], cwd=root, env=environment, stdout=stdout)


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
