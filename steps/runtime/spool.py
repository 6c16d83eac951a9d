"""What a step tells the tracking server, written to files first, so that an outage cannot fail or change a step.

A step appends to its own folder under .tenfold/tracking/; ``steps.runtime.tracking`` carries the folders into
MLflow, in a process of its own. TENFOLD_TRACKING=off turns both off.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from steps.runtime.outputs import write_atomically

LIVE_AFTER = 15.0  # seconds a step lives before its curves are carried over while it runs
LARGEST_ARTIFACT = 5_000_000  # bytes


def folder(root: Path) -> Path:
    """Return where the spools of a checkout are."""
    return root / ".tenfold" / "tracking"


def wanted() -> bool:
    """Whether tracking is on."""
    return os.environ.get("TENFOLD_TRACKING") != "off"


def carry(root: Path) -> None:
    """Carry what waits into MLflow, in a process of its own; its warnings are shown, its failure is not ours."""
    if wanted() and folder(root).is_dir() and any(folder(root).iterdir()):
        subprocess.run([sys.executable, "-m", "steps.runtime.tracking"], cwd=root, check=False)


class Spool:
    """The record of one executed step: ``run.json``, ``log.jsonl``, ``artifacts/`` and, at its end, ``end.json``.

    A held lock on the folder shows that the step lives. No method raises: the first OSError is told once on
    stderr, and nothing more is recorded.
    """

    def __init__(self, root: Path, facts: Mapping[str, Any]) -> None:
        self.root, self.facts = root, dict(facts)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(facts["started"]))
        self.path = folder(root) / f"{stamp}-{facts['stage']}-{facts['digest'][:12]}-{os.getpid()}"
        self._log: IO[str] | None = None
        self._lock: int | None = None
        self._follower: subprocess.Popen[bytes] | None = None
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        if wanted():
            self._guarded(self._open)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._follower is not None:
            self._follower.terminate()
            self._follower.wait()
        if self._log is None:
            return
        end = {"status": "FINISHED" if kind is None else "FAILED", "ended": time.time(), "error": repr(error) if error else None}
        self._guarded(lambda: write_atomically(self.path / "end.json", json.dumps(end)))
        self._log.close()
        if self._lock is not None:
            os.close(self._lock)

    def log(self, metrics: Mapping[str, float], update: int | None) -> None:
        """Append metrics of one update, or of the whole step."""
        line = json.dumps({"update": update, "time": time.time(), "metrics": dict(metrics)})
        self._guarded(lambda: self._append(line))

    def figure(self, path: Path) -> None:
        """Keep a copy of a figure."""
        self.artifact(path, "figures")

    def artifact(self, path: Path, kind: str) -> None:
        """Keep a copy of a small file, to be shown under ``kind``."""
        if self._log is not None and path.is_file() and path.stat().st_size <= LARGEST_ARTIFACT:
            self._guarded(lambda: self._copy(path, kind))

    def _open(self) -> None:
        self.path.mkdir(parents=True)
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._log = open(self.path / "log.jsonl", "a", encoding="utf-8", buffering=1)
        facts = self.facts | {"prefect_run_id": os.environ.get("TENFOLD_PREFECT_RUN") or None}
        write_atomically(self.path / "run.json", json.dumps(facts))
        self._timer = threading.Timer(LIVE_AFTER, self._follow)
        self._timer.daemon = True
        self._timer.start()

    def _follow(self) -> None:
        """Start a process that carries the curves over while this step runs, and dies with it."""
        leash = Path(__file__).with_name("leash.py")
        command = [sys.executable, "-S", str(leash), str(os.getpid()), sys.executable, "-m", "steps.runtime.tracking"]
        self._follower = subprocess.Popen(
            [*command, "--follow"], cwd=self.root, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _append(self, line: str) -> None:
        if self._log is not None:
            self._log.write(line + "\n")

    def _copy(self, path: Path, kind: str) -> None:
        (self.path / "artifacts" / kind).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self.path / "artifacts" / kind / path.name)

    def _guarded(self, action: Any) -> None:
        try:
            action()
        except OSError as error:
            print(f"tracking: {error}; this step goes on without it", file=sys.stderr)
            self._log = None
