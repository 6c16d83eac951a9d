"""CTranslate2's model files, read without CTranslate2: names and arrays, nothing that runs.

The layout (binary version 6, little endian): version, name of the specification, its revision, number of variables;
per variable its name, rank, shape, type and bytes; then names that stand for others. A text is its length with a
final zero, and its bytes.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from tenfold.nn.errors import UnknownWeights

VERSION = 6
TYPES = ("<f4", "<i1", "<i2", "<i4", "<f2")  # by the number that stands in the file


def read_ctranslate2(file: Path, *, specification: str) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name.

    Raises UnknownWeights for a file of another format, version or specification, or one that is cut short.
    """
    reader = _Reader(file.read_bytes())
    try:
        version = reader.number("I")
        found = reader.text() if version == VERSION else None
        if found != specification:
            raise UnknownWeights(f"{file} is no CTranslate2 file of a {specification} in version {VERSION}")
        reader.number("I")  # the specification's revision
        arrays = {}
        for _ in range(reader.number("I")):
            name = reader.text()
            shape = tuple(reader.number("I") for _ in range(reader.number("B")))
            kind = TYPES[reader.number("B")]
            arrays[name] = np.frombuffer(reader.bytes(reader.number("I")), kind).reshape(shape)
    except (struct.error, IndexError, ValueError, UnicodeDecodeError) as error:
        if isinstance(error, UnknownWeights):
            raise
        raise UnknownWeights(f"{file} is no whole CTranslate2 file: {error}") from None
    return arrays


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def bytes(self, count: int) -> bytes:
        found = self.content[self.place : self.place + count]
        if len(found) < count:
            raise ValueError(f"it ends after {len(self.content):,} bytes")
        self.place += count
        return found

    def number(self, kind: str) -> int:
        return int(struct.unpack(f"<{kind}", self.bytes(struct.calcsize(f"<{kind}")))[0])

    def text(self) -> str:
        return self.bytes(self.number("H")).rstrip(b"\0").decode("utf-8")
