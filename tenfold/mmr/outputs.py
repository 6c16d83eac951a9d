"""Folders that a command writes and may replace: known by a list of their files, which holds each one's digest.

A folder with anything in it that the command did not write, or that was changed since, is never replaced: nothing of a
person's is deleted, whatever its name. Nor is anything written over what the command reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tenfold.command_line import InvalidOutput, new_output

WRITTEN = ".tenfold_written.json"


@contextmanager
def new_folder(out: Path, *, force: bool = False, inputs: Iterable[Path] = ()) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``out`` once all went well, with a list of its files in it.

    By ``force`` it replaces a folder that such a command wrote, as it was written.
    Raises InvalidOutput if ``out`` is one of the ``inputs`` or holds one, if it has files that no such command wrote or
    that were changed since, and as ``new_output`` does; then nothing is changed.
    """
    for path in inputs:
        if _same(out, path) or out.resolve() in path.resolve().parents:
            raise InvalidOutput(f"{out} is, or holds, what is read from {path}; give another --out")
    _check_as_written(out)
    with new_output(out, force=force, mark=WRITTEN) as folder:
        folder.mkdir()
        yield folder
        digests = {name: _digest(folder / name) for name in _files(folder)}
        (folder / WRITTEN).write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")
        _check_as_written(out)  # again, just before it is replaced


def check_no_input(given: str, out: Path, inputs: Iterable[Path]) -> None:
    """Raise InvalidOutput if the file ``out``, which the option ``given`` names, is one of the files that are read."""
    for path in inputs:
        if _same(out, path):
            raise InvalidOutput(f"{given} {out} is what is read from {path}; give another file")


def _check_as_written(folder: Path) -> None:
    """Raise InvalidOutput if a folder that such a command wrote is not as it was written."""
    if not (folder / WRITTEN).is_file():
        return
    try:
        known = dict(json.loads((folder / WRITTEN).read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InvalidOutput(f"{folder / WRITTEN} cannot be read ({error}); give another --out") from None
    for name in _files(folder):
        if name != WRITTEN and known.get(name) != _digest(folder / name):
            said = "was changed since it was written" if name in known else "was not written by this command"
            raise InvalidOutput(f"{folder / name} {said} and would be lost; move it away, or give another --out")


def _files(folder: Path) -> list[str]:
    """Return the names of all that a folder holds but folders with something in them, sorted."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _digest(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return "none"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))
