"""What the audit hook cannot see (compiled libraries, other programs), held to the same rules by the kernel.

Landlock lets a thread give up rights for good, for itself and all that it starts. The thread that calls the step does;
another one, which began before, puts the output in place (``Outside``). It tells nothing but "Permission denied": what
Python opens itself is told in words by the hook, which comes first.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from steps.runtime.sandbox import Sandbox

T = TypeVar("T")
CREATE, ADD, RESTRICT = 444, 445, 446  # system calls, the same numbers on every processor
VERSION, PATH_BENEATH, NO_NEW_PRIVILEGES = 1, 1, 38
WRITE_FILE, READ_FILE, TRUNCATE = 1 << 1, 1 << 2, 1 << 14
REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
MOVE = 1 << 13  # to another folder
NEEDED = 3  # version that knows of truncating, from Linux 6.2
CHANGE = WRITE_FILE | REMOVE_AND_MAKE | MOVE | TRUNCATE
ON_FILES = WRITE_FILE | READ_FILE | TRUNCATE  # of these alone can a rule about a file be


class Outside:
    """A thread that the kernel does not hold to a step's rules, because it begins before they are."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self.call(lambda: None)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what ``function`` returns there."""
        return self._thread.submit(function, *arguments).result()

    @contextmanager
    def within(self, manager: AbstractContextManager[T, bool | None]) -> Iterator[T]:
        """Enter and leave ``manager`` there, while the block runs here."""
        value = self.call(manager.__enter__)
        try:
            yield value
        except BaseException as error:
            if not self.call(manager.__exit__, type(error), error, error.__traceback__):
                raise
        else:
            self.call(manager.__exit__, None, None, None)


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def offered() -> bool:
    """Return whether this kernel has what is needed of Landlock."""
    return sys.platform == "linux" and ctypes.CDLL(None).syscall(CREATE, None, 0, VERSION) >= NEEDED


def confine(sandbox: Sandbox) -> None:
    """Hold this thread, and whatever it starts, to ``sandbox`` for good; do nothing where the kernel cannot.

    Read: everything but the repository, and of that what is declared. Written: the sandbox's folders. Raises OSError.
    """
    if not offered():
        return
    library = ctypes.CDLL(None, use_errno=True)
    ruleset = _Ruleset(READ_FILE | CHANGE)
    number = _checked(library.syscall(CREATE, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0))
    try:
        for path in [*_besides("/", sandbox.root), *sandbox.readable, *sandbox.ignored]:
            _allow(library, number, path, READ_FILE)
        for place in [*sandbox.scratch, *sandbox.writable]:
            with suppress(OSError):
                os.makedirs(place, exist_ok=True)  # a rule needs it to be there
            for path in [place] if place in sandbox.writable else _besides(place, sandbox.root):
                _allow(library, number, path, READ_FILE | CHANGE)
        _checked(library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(library.syscall(RESTRICT, number, 0))
    finally:
        os.close(number)


@contextmanager
def temporary_folder(root: Path) -> Iterator[None]:
    """Have a temporary folder of one's own where that of all holds the repository and cannot be allowed whole."""
    whole = os.path.realpath(tempfile.gettempdir())
    if not os.path.realpath(root).startswith(whole + os.sep):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="tenfold-", ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = folder  # for the rest of this process, and all that it starts
        yield


def _besides(folder: str, root: str) -> list[str]:
    """Return ``folder``, or, where it holds ``root``, whatever stands in it and on the way down but ``root``."""
    if root != folder and not root.startswith(folder.rstrip("/") + "/"):
        return [folder]
    found, place = [], folder
    while place != root:
        below = os.path.join(place, os.path.relpath(root, place).split(os.sep)[0])
        with suppress(OSError):  # nothing can be told of a folder that this user cannot list
            found += [entry.path for entry in os.scandir(place) if entry.path != below and not entry.is_symlink()]
        place = below
    return found


def _allow(library: Any, ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # there is no such place, or not for this user
    try:
        rule = _PathBeneath(rights if os.path.isdir(path) else rights & ON_FILES, place)
        _checked(library.syscall(ADD, ruleset, PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(place)


def _checked(status: int) -> int:
    if status < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return status
