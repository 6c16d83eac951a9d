"""MD5s of files, kept between commands: each file is read once for each time that it was written.

Unlike DVC's own table of digests, nothing is entered that was not read, and what the file system said is asked before
the reading, with the time of the last change of any kind, which no program can set back.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from steps.runtime.outputs import write_atomically

FILE = Path(".tenfold/digests.json")
SETTLED = 2_000_000_000  # ns since a file's last change; a later one within the clock's tick would look the same


class Digests:
    """The digests of one checkout's files, by path below its root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._held: dict[str, list[int | str]] = {}
        with suppress(OSError, ValueError, TypeError):  # it is absent or cut off: everything is read anew
            self._held = dict(json.loads((root / FILE).read_text(encoding="utf-8")))
        self._new = False

    def md5(self, path: Path) -> str:
        """Return the MD5 of a file's content; raises OSError."""
        place = os.path.relpath(path, self.root)
        with open(path, "rb") as stream:
            now, said = time.time_ns(), os.fstat(stream.fileno())
            key: list[int | str] = [said.st_ino, said.st_size, said.st_mtime_ns, said.st_ctime_ns]
            held = self._held.get(place)
            if held is not None and held[:-1] == key:
                return str(held[-1])
            value = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if said.st_ctime_ns + SETTLED < now:
            self._held[place] = [*key, value]
            self._new = True
        return value

    def keep(self) -> None:
        """Write what was read to the checkout, without what is no more; raises OutputError."""
        if self._new:
            there = {place: held for place, held in self._held.items() if (self.root / place).is_file()}
            write_atomically(self.root / FILE, json.dumps(there))
