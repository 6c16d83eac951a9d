"""Which GPU a stage has: a card each, however many flows of this user run on the machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

LIST_PATIENCE = 30.0  # seconds that the driver may take to list the cards


@cache
def cards() -> tuple[str, ...]:
    """Return the visible cards: those that CUDA_VISIBLE_DEVICES names, else all that the driver lists."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(filter(None, (card.strip() for card in named.split(","))))
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
def held_card(gpu: bool, wait: Callable[[float], None]) -> Iterator[dict[str, str]]:
    """Yield the environment of a stage: one free card, held while the block runs; ``wait`` sleeps between looks.

    Empty for a stage without GPU, on a machine without cards, and where TENFOLD_PROCESSES asks for several
    processes, which share all cards.
    """
    if not gpu or not cards() or os.environ.get("TENFOLD_PROCESSES", "1") != "1":
        yield {}
        return
    lock = _take()
    while lock is None:
        wait(1.0)
        lock = _take()
    try:
        yield {"CUDA_VISIBLE_DEVICES": lock[1]}
    finally:
        os.close(lock[0])


def _take() -> tuple[int, str] | None:
    """Return the open lock of a card that was free, and the card; None if none is."""
    folder = Path(tempfile.gettempdir()) / f"tenfold-cards-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for card in cards():
        lock = os.open(folder / card.replace("/", "_"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock, card
        except BlockingIOError:
            os.close(lock)
    return None
