"""Carry spools into MLflow: ``python -m steps.tracking.delivery [--create | --follow PARENT_PID]``.

metrics.json is the truth and MLflow the view. What cannot be delivered stays in the spool for the next time.
``--create`` makes the store and returns; ``--follow`` carries over every 5 s for as long as its parent lives.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steps.tracking.spool import folder

PAUSE = 5.0  # seconds between two rounds of following
ABANDONED = 60.0  # seconds after which a folder without run.json will not get one


def sync(root: Path) -> int:
    """Deliver every spool and return how many could not be.

    Spools of steps that ended are removed once delivered; those of living steps are delivered up to now.
    One process delivers at a time: a second caller leaves a note that there is more, and returns at once.
    """
    left = 0
    try:
        if not _spools(root):
            return 0
        note = root / ".tenfold" / "tracking.more"
        note.touch()
        while note.exists():
            with _only_one(root, wait=False) as first:
                if not first:
                    return 0
                note.unlink(missing_ok=True)
                left = _round(root)
    except OSError as error:
        return _warn(len(_spools(root)), error)
    return left


def create(root: Path) -> int:
    """Make the store if there is none, before anything else opens it; return 1 if that failed, else 0.

    Several processes that meet no store at the same time would each begin to make one and all fail.
    """
    from steps.tracking.store import Store

    try:
        with _only_one(root, wait=True):
            Store(root).check()
    except Exception as error:
        print(f"tracking: MLflow's store cannot be made: {redacted(str(error))}", file=sys.stderr)
        return 1
    return 0


def follow(root: Path, parent: int) -> None:
    """Deliver again and again until the process ``parent`` ends."""
    while os.getppid() == parent:
        sync(root)
        time.sleep(PAUSE)


def redacted(text: str) -> str:
    """Return the first line of ``text`` with the user and password of every address blanked."""
    first = text.strip().split("\n")[0]
    return re.sub(r"://[^/\s]*@", "://***@", first)[:300]


def lives(spool: Path) -> bool:
    """Whether the step that writes this spool still runs: it holds a lock on the folder."""
    lock = os.open(spool, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(lock)


def _round(root: Path) -> int:
    """Deliver what there is now. A spool that MLflow refuses does not hold up the others; an outage does."""
    from steps.tracking.store import Store

    _remove_abandoned(root)
    spools, refused, reason = _spools(root), 0, None
    try:
        store = Store(root)
        store.check()
    except Exception as error:
        return _warn(len(spools), error)
    for position, spool in enumerate(spools):
        try:
            if store.deliver(spool, living=lives(spool)):
                shutil.rmtree(spool)
        except Exception as error:
            refused, reason = refused + 1, error
            try:
                store.check()
            except Exception:
                refused += len(spools) - position - 1
                break
    return _warn(refused, reason) if reason is not None else 0


def _spools(root: Path) -> list[Path]:
    """Return the spools, oldest first."""
    return sorted(path.parent for path in folder(root).glob("*/run.json"))


def _remove_abandoned(root: Path) -> None:
    """Remove folders whose step was killed before it wrote anything."""
    for path in folder(root).glob("*/"):
        written = (path / "run.json").is_file()
        if not written and time.time() - path.stat().st_mtime > ABANDONED and not lives(path):
            shutil.rmtree(path)


@contextmanager
def _only_one(root: Path, *, wait: bool) -> Iterator[bool]:
    (root / ".tenfold").mkdir(exist_ok=True)
    lock = os.open(root / ".tenfold" / "tracking.lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        first = True
    except BlockingIOError:
        first = False
    try:
        yield first
    finally:
        os.close(lock)


def _warn(count: int, error: Exception) -> int:
    print(
        f"tracking: {count} runs wait in .tenfold/tracking, MLflow did not take them: {redacted(str(error))}",
        file=sys.stderr,
    )
    return count


def main(arguments: list[str]) -> int:
    """Return 0 if everything was delivered, 1 if something waits, 2 for wrong usage."""
    root = Path.cwd()
    match arguments:
        case []:
            return 1 if sync(root) else 0
        case ["--create"]:
            return create(root)
        case ["--follow", parent] if parent.isdecimal():
            follow(root, int(parent))
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
