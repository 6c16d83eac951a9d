"""Which GPU a stage has: one each, however many flows of this user run on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

LIST_PATIENCE = 30.0  # seconds that the driver may take to list the GPUs


@cache
def visible_gpus() -> tuple[str, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES names, else all that the driver lists."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(filter(None, (gpu.strip() for gpu in named.split(","))))
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=LIST_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(listed.stdout.split()) if listed.returncode == 0 else ()


@contextmanager
def held_gpu(gpu: bool, wait: Callable[[float], None]) -> Iterator[dict[str, str]]:
    """Yield the environment of a stage: one free GPU, held while the block runs; ``wait`` sleeps between looks.

    Empty for a stage without GPU, on a machine without GPUs, and where TENFOLD_PROCESSES asks for several
    processes, which share all GPUs.
    """
    if not gpu or not visible_gpus() or os.environ.get("TENFOLD_PROCESSES", "1") != "1":
        yield {}
        return
    while (held := _take()) is None:
        wait(1.0)
    lock, name = held
    try:
        yield {"CUDA_VISIBLE_DEVICES": name}
    finally:
        lock.release()


def _take() -> tuple[BaseFileLock, str] | None:
    """Return the held lock of a GPU that was free, and the GPU; None if none is."""
    folder = Path(tempfile.gettempdir()) / f"tenfold-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for gpu in visible_gpus():
        lock = FileLock(folder / gpu.replace("/", "_"), thread_local=False)
        try:
            lock.acquire(blocking=False)
            return lock, gpu
        except Timeout:
            continue
    return None
