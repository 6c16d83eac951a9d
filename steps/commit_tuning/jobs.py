"""Trainings side by side, one thread each, kept as they end: a step that was killed goes on with the others.

Each has a folder of its own among the step's checkpoints, so that nothing depends on how many run at once.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Any

from steps.step.resumable_files import kept_folder
from steps.step.run import Run

JOBS, DONE = "jobs", "done"
PR_SET_PDEATHSIG = 1
Job = tuple[Callable[[Any, Path], None], Any]  # called with what comes second, and a folder


class TrainingFailed(RuntimeError):
    """A training that ran beside others ended with an error."""


def side_by_side(run: Run, jobs: Mapping[str, Job]) -> list[Path]:
    """Do the jobs that are not done yet, as many at once as the step has threads; return their folders, in order.

    What a job leaves in its folder is kept until the step has succeeded. Raises TrainingFailed, naming the job.
    """
    root = kept_folder(run) / JOBS
    folders = {name: root / name for name in jobs}
    waiting = [name for name, folder in folders.items() if not (folder / DONE).exists()]
    with _one_thread():
        if _threads() < 2:
            for name in waiting:
                _do(*jobs[name], folders[name])
        else:  # a single one, too: after a backward pass here, torch refuses those of forks where there is a GPU
            _in_processes(jobs, folders, waiting, _threads())
    return list(folders.values())


def clear_jobs(run: Run) -> None:
    """Take the jobs' folders away, at the end of a step: a run without checkpoints has them in its output."""
    rmtree(kept_folder(run) / JOBS, ignore_errors=True)


def child_run(run: Run, folder: Path) -> Run:
    """Return a run for one job, whose updates have a checkpoint in the job's own folder."""
    return Run(
        run.paper, run.step, out=run.out, variant=run.variant, profile=run.profile, seed=run.seed, checkpoints=folder
    )


def _in_processes(jobs: Mapping[str, Job], folders: Mapping[str, Path], waiting: list[str], workers: int) -> None:
    context = multiprocessing.get_context("fork")
    left = list(reversed(waiting))
    running: dict[str, Any] = {}
    try:
        while left or running:
            while left and len(running) < workers:
                name = left.pop()
                process = context.Process(target=_child, args=(os.getpid(), *jobs[name], folders[name]), daemon=True)
                process.start()
                running[name] = process
            multiprocessing.connection.wait([one.sentinel for one in running.values()])
            for name in [name for name, one in running.items() if not one.is_alive()]:
                if code := running.pop(name).exitcode:
                    raise TrainingFailed(f"{name} ended with exit status {code}; its error stands above")
    finally:
        for process in running.values():
            process.terminate()
            process.join()


def _child(parent: int, function: Callable[[Any, Path], None], what: Any, folder: Path) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # it dies with the step
    if os.getppid() == parent:
        _do(function, what, folder)


def _do(function: Callable[[Any, Path], None], what: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    function(what, folder)
    (folder / DONE).touch()


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch compute with one thread: the same numbers however many jobs run at once, and faster at these sizes."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
