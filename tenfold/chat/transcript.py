"""Replies as a file of JSON lines: the transcript of a run, and the cache by which the next one asks nothing twice.

A line is one reply with what was asked, under the digest of all that it may depend on. Lines are only ever added, each
in one write that reaches the disk before the reply counts: after a kill at any moment at most the last line is cut off,
and that one is taken off when the file is opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tenfold.chat.errors import DamagedTranscript, TranscriptInUse
from tenfold.chat.messages import Conversation, Reply, Sampling


class Transcript:
    """The replies in a file, which one process at a time may add to.

    Raises TranscriptInUse if another process has the file open, DamagedTranscript if a line of it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        from filelock import FileLock, Timeout

        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise TranscriptInUse(f"{path}: another process is adding to it; wait or name another file") from None
        try:
            self._replies = self._read()
        except BaseException:
            self._lock.release()
            raise
        self._stream = path.open("ab")  # closed by close()

    def __enter__(self) -> Transcript:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others add to the file."""
        self._stream.close()
        self._lock.release()

    def __len__(self) -> int:
        return len(self._replies)

    def get(self, key: str) -> Reply | None:
        """Return the reply that is known to a call, by its ``call_key``."""
        return self._replies.get(key)

    def add(
        self, key: str, backend: Mapping[str, Any], conversation: Conversation, sampling: Sampling, reply: Reply
    ) -> None:
        """Add a reply; when this returns, it is on the disk."""
        line = {
            "key": key,
            "backend": dict(backend),
            "messages": [message.described() for message in conversation],
            "sampling": asdict(sampling),
            "reply": reply.described(),
        }
        words = json.dumps(line, ensure_ascii=False)
        self._stream.write(words.encode(errors="backslashreplace") + b"\n")  # half a surrogate pair as JSON's escape
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._replies[key] = reply

    def _read(self) -> dict[str, Reply]:
        found: dict[str, Reply] = {}
        if not self.path.exists():
            return found
        whole = 0
        with open(self.path, "rb") as stream:
            for number, line in enumerate(stream, 1):
                if not line.endswith(b"\n"):
                    break  # cut off while it was written
                try:
                    entry = json.loads(line)
                    found[entry["key"]] = Reply(**entry["reply"])
                except (ValueError, KeyError, TypeError) as error:
                    raise DamagedTranscript(
                        f"{self.path}:{number}: no reply can be read here ({error}); mend the line or move the file"
                    ) from None
                whole += len(line)
        os.truncate(self.path, whole)
        return found
