"""A step's output: written into a temporary directory beside it, put in place in one rename."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SUFFIX = ".unfinished"
ADVICE = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EROFS: "the file system is read-only: make it writable or move the checkout",
    errno.EACCES: "the folder is not writable for this user: change its permissions",
    errno.EPERM: "the folder is not writable for this user: change its permissions",
}
# Libraries that hide the number of the error: safetensors, NumPy
FULL = re.compile(r"No space left on device|Not enough free space|\d+ requested and \d+ written")


class OutputError(OSError):
    """The output could not be written; what was there before is untouched."""


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Yield a fresh directory that becomes ``out`` when the block ends without an error.

    On an error the directory is removed and ``out`` stays as it was. A directory left by a killed
    process is removed first; one that a living process still writes is left alone.

    Raises OutputError on a full disk, a read-only folder or any other failure to write.
    """
    with unfinished(out) as folder, _named_errors(out):
        yield folder
        put_in_place(folder, out)


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """Yield a fresh directory beside ``out`` for as long as the block runs, locked against removal by others.

    Raises OutputError if it cannot be made.
    """
    folder = out.with_name(f".{out.name}.{os.getpid()}{SUFFIX}")
    with _named_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(out)
        folder.mkdir()
        lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def put_in_place(new: Path, out: Path) -> None:
    """Rename ``new`` to ``out``; an output that stands there already is set aside first, then removed."""
    old = new.with_name(new.name + ".old")
    with suppress(FileNotFoundError):
        os.rename(out, old)
    try:
        os.rename(new, out)
    except OSError:
        with suppress(FileNotFoundError):
            os.rename(old, out)
        raise
    shutil.rmtree(old, ignore_errors=True)


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


def remove_abandoned(out: Path) -> None:
    """Remove what killed processes left beside ``out``; what a living one writes is left alone."""
    for path in out.parent.glob(f".{out.name}.*{SUFFIX}*"):
        if not path.is_dir():
            path.unlink(missing_ok=True)
            continue
        try:
            lock = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            pass  # its owner lives
        finally:
            os.close(lock)


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
        raise OutputError(
            cause,
            f"cannot write {out}: {ADVICE[cause]} and run the same command again (nothing half-written was kept)",
        ) from error


def _cause(error: Exception, folder: Path) -> int | None:
    """Return the system's number of an error about ``folder``, also where a library hides it in words."""
    if isinstance(error, OSError) and error.errno is not None:
        refused = error.errno in (errno.EACCES, errno.EPERM)
        return None if refused and _elsewhere(error.filename, folder) else error.errno
    return errno.ENOSPC if FULL.search(str(error)) else None


def _elsewhere(name: object, folder: Path) -> bool:
    if not isinstance(name, str | bytes):
        return False
    return not Path(os.path.abspath(os.fsdecode(name))).is_relative_to(folder.absolute())
