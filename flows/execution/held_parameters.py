"""Parameters of a checkout, held still while flows run, or changed for one run and put back after it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import ReadWriteLock, Timeout

from flows.execution.dvc_recovery import ASIDE, LOCKS
from steps.runtime.outputs import write_atomically
from steps.runtime.provenance import SET_ASIDE, UNCLEAN, commit
from steps.step.params import ParameterError

LOCK = Path(".tenfold/flows.lock")
PARAMETERS = ("params.yaml", "steps/*/params.yaml")


@contextmanager
def held_still(
    root: Path, change: Callable[[], None] | None = None, *, keep: bool = False, say: Callable[[str], None] = print
) -> Iterator[None]:
    """Hold parameters still while the block runs, changed for it; put them and the lock files back unless ``keep``.

    What a killed run could not put back is put back first.
    Raises ParameterError if another flow runs in this checkout and one of the two changes parameters.
    """
    (root / LOCK).parent.mkdir(exist_ok=True)
    running = ReadWriteLock(root / LOCK, is_singleton=False)
    alone, ours = change is not None, dict[Path, str]()
    try:
        _acquire(running, root, alone, say)
        try:
            if change is not None:
                if not keep:
                    _set_aside(root)
                change()
                ours = _texts(root)
            yield
        finally:
            if alone and not keep:
                _put_back(root, ours, say)
    finally:
        running.release(force=True)
        running.close()


def in_use(root: Path) -> bool:
    """Return whether a flow runs in the checkout at ``root``."""
    if not (root / LOCK).is_file():
        return False
    running = ReadWriteLock(root / LOCK, is_singleton=False)
    try:
        running.acquire_write(blocking=False)
        return False
    except Timeout:
        return True
    finally:
        running.release(force=True)
        running.close()


def _acquire(running: ReadWriteLock, root: Path, alone: bool, say: Callable[[str], None]) -> None:
    try:
        if alone or (root / SET_ASIDE).is_dir():
            running.acquire_write(blocking=False)
            _put_back(root, {}, say)
        if not alone:
            running.release(force=True)
            running.acquire_read(blocking=False)
    except Timeout:
        raise ParameterError(
            "another flow is running in this checkout, and --profile or --set of one would change parameters under "
            "the other; wait for it, or use a second checkout"
        ) from None


def _set_aside(root: Path) -> None:
    """Copy the files of parameters and the lock files, all or none."""
    half = root / f"{SET_ASIDE}.half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for path in _files(root, PARAMETERS + LOCKS):
        (half / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, half / path)
    if commit(root)[1]:
        (half / UNCLEAN).touch()
    half.rename(root / SET_ASIDE)


def _put_back(root: Path, ours: Mapping[Path, str], say: Callable[[str], None]) -> None:
    """Put back what was set aside, if anything was; a lock file that was not there then is removed.

    A file of parameters that somebody edited since, so that it is neither as then nor as in ``ours``, is kept in ASIDE.
    """
    aside, half = root / SET_ASIDE, root / f"{SET_ASIDE}.half"
    if not aside.is_dir():
        return
    before = _texts(aside)
    for path, text in _texts(root).items():
        if text not in (before.get(path), ours.get(path)):
            edited = ASIDE / f"{time.time_ns()}-{path.as_posix().replace('/', '-')}"
            write_atomically(root / edited, text)
            say(f"{path} is put back as it was before the run that changed it; as it was last, it is in {edited}")
    for path in _files(root, LOCKS):
        if not (aside / path).is_file():
            (root / path).unlink()
    for path in _files(aside, PARAMETERS + LOCKS):
        shutil.rmtree(half, ignore_errors=True)
        shutil.copy2(aside / path, half)
        os.replace(half, root / path)
    aside.rename(half)
    shutil.rmtree(half)


def _texts(root: Path) -> dict[Path, str]:
    return {path: (root / path).read_text(encoding="utf-8") for path in _files(root, PARAMETERS)}


def _files(root: Path, patterns: Sequence[str]) -> list[Path]:
    return [path.relative_to(root) for pattern in patterns for path in sorted(root.glob(pattern))]
