"""A step's output: written into a temporary directory beside it, put in place in one rename."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

SUFFIX = ".unfinished"
FULL = 1_000_000  # bytes: with less free space than that, an error without a number is put down to the full disk
NOT_WRITABLE = "the folder is not writable for this user: change its permissions"
ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EROFS: "the file system is read-only: make it writable or move the checkout",
    errno.EACCES: NOT_WRITABLE,
    errno.EPERM: NOT_WRITABLE,
}


class OutputError(OSError):
    """The output could not be written; what was there before is untouched."""


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Yield a fresh directory that becomes ``out`` when the block ends without an error.

    On an error the directory is removed and ``out`` stays as it was. A directory left by a killed process is removed
    first; one that a living process still writes is left alone.
    Raises OutputError on a full disk, a read-only folder or any other failure to write.
    """
    with unfinished(out) as folder, _named_errors(out):
        yield folder
        older = folder.with_name(folder.name + ".old")
        with suppress(FileNotFoundError):
            os.rename(out, older)
        try:
            os.rename(folder, out)
        except OSError:
            with suppress(FileNotFoundError):
                os.rename(older, out)
            raise
        shutil.rmtree(older, ignore_errors=True)


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """Yield a fresh directory beside ``out``, locked against removal by others, for as long as the block runs.

    Raises OutputError if it cannot be made.
    """
    folder = out.with_name(f".{out.name}.{os.getpid()}{SUFFIX}")
    lock = owner_lock(folder)
    try:
        with _named_errors(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(out)
            lock.acquire()
            folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            os.unlink(lock.lock_file)
        lock.release()


def owner_lock(folder: Path) -> FileLock:
    """Return the lock, a file beside ``folder``, that the process which writes ``folder`` holds; it dies with it."""
    return FileLock(f"{folder}.lock")


def has_owner(folder: Path) -> bool:
    """Return whether the process that writes ``folder`` lives."""
    if not os.path.exists(f"{folder}.lock"):
        return False
    try:
        with owner_lock(folder).acquire(blocking=False):
            return False
    except Timeout:
        return True


def remove_abandoned(out: Path) -> list[Path]:
    """Remove and return what killed processes left beside ``out``; what a living one writes is left alone."""
    removed = []
    for path in out.parent.glob(f".{out.name}.*{SUFFIX}*"):
        if has_owner(path.with_name(path.name.partition(SUFFIX)[0] + SUFFIX)):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        removed.append(path)
    return removed


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` through a temporary file and one rename.

    Raises OutputError if it cannot be written.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}{SUFFIX}")
    with _named_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            new.write_text(text, encoding="utf-8")
            os.replace(new, path)
        finally:
            new.unlink(missing_ok=True)


@contextmanager
def _named_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except Exception as error:
        cause = _cause(error, out.parent)
        if cause not in ADVICE:
            raise
        again = f"{ADVICE[cause]} and run the same command again (nothing half-written was kept)"
        raise OutputError(cause, f"cannot write {out}: {again}") from error


def _cause(error: Exception, folder: Path) -> int | None:
    """Return the number of an error about ``folder``; libraries such as NumPy give none where the disk is full."""
    number = getattr(error, "errno", None)
    if number is None:
        return errno.ENOSPC if folder.is_dir() and shutil.disk_usage(folder).free < FULL else None
    named = getattr(error, "filename", None)
    if ADVICE.get(number) != NOT_WRITABLE or not isinstance(named, str | bytes):
        return number
    return number if Path(os.path.abspath(os.fsdecode(named))).is_relative_to(folder.absolute()) else None
