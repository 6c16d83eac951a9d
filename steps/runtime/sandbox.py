"""An audit hook that stops a step from reading what it did not declare or writing outside its output.

An undeclared input is a wrong cache waiting to happen: the file changes and nothing reruns. The hook sees what Python
opens, renames and removes; what compiled libraries and other programs open by themselves, ``landlock`` refuses.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import source_from_cache
from pathlib import Path
from typing import Any

HOME = (".cache", ".config", ".nv", ".triton")  # where libraries keep what they can make anew


class UndeclaredAccess(PermissionError):
    """A step touched a file that its stage does not declare."""


class Sandbox:
    """Which files one step may read and write; paths are absolute and resolved."""

    def __init__(self, root: Path, stage: str, readable: list[Path], writable: list[Path]) -> None:
        named = [os.environ[name] for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "HF_HOME") if name in os.environ]
        home = Path.home()
        scratch: list[str | Path] = [tempfile.gettempdir(), "/dev", "/proc", *(home / name for name in HOME), *named]
        self.root, self.stage = os.path.realpath(root), stage
        self.readable = [os.path.realpath(path) for path in (*readable, *writable)]
        self.writable = [os.path.realpath(path) for path in writable]
        self.scratch = [os.path.realpath(path) for path in scratch]
        self.ignored = [os.path.realpath(sys.prefix), os.path.join(self.root, ".venv")]

    def check(self, path: str, writes: bool) -> None:
        """Raise UndeclaredAccess if the step may not read, or write, ``path``, absolute and resolved."""
        own = _inside(path, self.root)
        if writes:
            allowed = self.writable if own else [*self.writable, *self.scratch]
            if not _below(path, allowed) and "__pycache__" not in path:
                raise UndeclaredAccess(
                    f"stage {self.stage} tried to write {self._shown(path)}, outside its output folder; "
                    f"write to `out` instead"
                )
        elif own and not _below(path, self.ignored):
            path = source_from_cache(path) if path.endswith(".pyc") else path
            if not os.path.isdir(path) and not _below(path, self.readable):
                raise UndeclaredAccess(
                    f"stage {self.stage} opened {self._shown(path)}, which it does not declare; make it an input of "
                    f"the step in flows/, or, if it is code imported in a new place, run: python -m flows generate"
                )

    def _shown(self, path: str) -> str:
        return os.path.relpath(path, self.root) if _inside(path, self.root) else path


_active: Sandbox | None = None
_installed = False


@contextmanager
def enforced(sandbox: Sandbox) -> Iterator[None]:
    """Apply ``sandbox`` to everything this process does while the block runs."""
    global _active, _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    _active, outer = sandbox, _active
    try:
        yield
    finally:
        _active = outer


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _active is None:
        return
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, str | bytes | os.PathLike):
            name = os.fsdecode(path)
            if mode is None and not (flags & os.O_CREAT or os.path.isabs(name) or os.path.lexists(name)):
                return  # os.open below a folder that the event does not tell, as in shutil.rmtree
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)) or (
                isinstance(mode, str) and any(letter in mode for letter in "wax+")
            )
            _active.check(os.path.realpath(name), writes)
    elif event in ("os.truncate", "sqlite3.connect"):
        _check_written(arguments[0], -1)
    elif event in ("os.remove", "os.rmdir", "os.mkdir"):
        _check_written(arguments[0], arguments[-1])
    elif event in ("os.rename", "os.link"):
        _check_written(arguments[0], arguments[2])
        _check_written(arguments[1], arguments[3])
    elif event == "os.symlink":
        _check_written(arguments[1], arguments[2])


def _check_written(path: Any, folder: int) -> None:
    """Check a path that is changed; ``folder`` is the open directory that it is relative to, or -1."""
    if _active is None or not isinstance(path, str | bytes | os.PathLike):
        return
    name = os.fsdecode(path)
    if name == ":memory:":
        return
    if folder >= 0 and not os.path.isabs(name):
        try:
            name = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
        except OSError:
            return  # only Linux can tell
    # the entry itself is changed, not what a link points to
    parent, entry = os.path.split(os.path.abspath(name))
    _active.check(os.path.join(os.path.realpath(parent), entry), writes=True)


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


def _below(path: str, folders: list[str]) -> bool:
    return any(_inside(path, folder) for folder in folders)
