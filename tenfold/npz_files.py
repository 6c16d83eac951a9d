"""npz files of unknown origin, opened: whatever is wrong with one is a named error, and no pickle is read."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

WRONG = (OSError, ValueError, KeyError, EOFError, MemoryError, NotImplementedError, BadZipFile, zlib.error)


@contextmanager
def opened(path: Path, error: type[Exception], what: str = "arrays") -> Iterator[Any]:
    """Yield an npz file, whose arrays are read by their names within.

    Raises ``error`` if it is none, is cut short, or lacks a name that is asked for; ``what`` says what was looked for.
    """
    try:
        content = np.load(path, allow_pickle=False)
        if not hasattr(content, "files"):
            raise ValueError("it is a single array, .npy")
        with content:
            yield content
    except WRONG as cause:
        raise error(f"{path} holds no {what}, or is no npz file: {cause}") from None
