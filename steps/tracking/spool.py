"""What a step tells MLflow, written to files first, so that an outage cannot fail or change the step.

A step appends to its own folder under .tenfold/tracking/; ``steps.tracking.delivery`` carries the folders into
MLflow, in a process of its own. TENFOLD_TRACKING=off turns both off.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from steps.runtime.outputs import write_atomically

LIVE_AFTER = 15.0  # seconds a step lives before its curves are carried over while it runs
PATIENCE = 120.0  # seconds that carrying may take at most; what is left waits for the next time
LARGEST_ARTIFACT = 5_000_000  # bytes
LEASH = Path(__file__).parents[1] / "runtime" / "processes.py"


def folder(root: Path) -> Path:
    """Return where the spools of a checkout are."""
    return root / ".tenfold" / "tracking"


def wanted() -> bool:
    """Whether tracking is on."""
    return os.environ.get("TENFOLD_TRACKING") != "off"


def carry(root: Path) -> None:
    """Carry what waits into MLflow, in a process of its own whose failure is not ours."""
    try:
        if wanted() and folder(root).is_dir() and any(folder(root).iterdir()):
            leash = [sys.executable, "-S", str(LEASH), str(os.getpid())]
            command = [*leash, sys.executable, "-m", "steps.tracking.delivery"]
            subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, check=False, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"tracking: {error}; what waits is carried next time", file=sys.stderr)


class Spool:
    """The record of one executed step; no method raises, and none waits for MLflow.

    Files: ``run.json`` (the facts known at the start), ``log.jsonl`` (a line for each logged set of metrics),
    ``artifacts/``, ``models/`` and, at the end, ``end.json``. A lock held on the folder shows that the step
    lives: without it and without ``end.json`` the process was killed. The first failure to write is told once
    on stderr, and then nothing more is recorded.
    """

    def __init__(self, root: Path, facts: Mapping[str, Any]) -> None:
        self.root, self.facts = root, dict(facts)
        began = datetime.fromtimestamp(facts["started"], UTC).strftime("%Y%m%dT%H%M%S.%f")  # sorts by time
        self.path = folder(root) / f"{began}-{facts['stage']}-{facts['digest'][:12]}"
        self.sources: Sequence[Mapping[str, Any]] | None = None  # set it where they are known only at the end
        self._recording = False
        self._log = self._lock = -1  # file descriptors
        self._calls = 0
        self._ended = threading.Event()
        self._follower: threading.Thread | None = None

    def __enter__(self) -> Self:
        if wanted():
            self._recording = True
            self._guarded(self._open)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._follower is not None:
            self._follower.join()
        if self._lock >= 0:
            self._recording = True  # the end is worth another try
            self._guarded(lambda: self._close(kind, error))
        for descriptor in (self._log, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._recording, self._log, self._lock = False, -1, -1

    def log(self, metrics: Mapping[str, float], update: int | None) -> None:
        """Append metrics of one update, or of the whole step."""
        self._calls += 1
        self._guarded(lambda: self._append({"update": update, "time": time.time(), "metrics": dict(metrics)}))

    def resumed(self, update: int, history: Sequence[Mapping[str, float]]) -> None:
        """Take over the curve up to the checkpoint of ``update`` from ``history``, as ``Run.history`` has it.

        What this process logged already, in an earlier loop, is the beginning of the history: it is left out.
        """
        for entry in history[self._calls :]:
            metrics = {name: value for name, value in entry.items() if name != "update"}
            number = entry.get("update")
            self.log(metrics, None if number is None else int(number))
        self._guarded(lambda: self._append({"resumed_from_update": update}))

    def figure(self, path: Path) -> None:
        """Keep a copy of a figure."""
        self.artifact(path, "figures")

    def artifact(self, path: Path, kind: str) -> None:
        """Keep a copy of a small file, to be shown under ``kind``; larger ones than 5 MB are left out."""
        self._guarded(lambda: self._copy(path, kind))

    def model(self, path: Path, name: str) -> None:
        """Keep a copy of a model's folder, to be registered as ``name`` if the step succeeds.

        The folder is as ``tenfold.models`` writes it: weights, card, MLmodel.
        """
        self._guarded(lambda: shutil.copytree(path, self.path / "models" / name))

    def _open(self) -> None:
        self.path.mkdir(parents=True)
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._log = os.open(self.path / "log.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        facts = self.facts | {"prefect_run_id": os.environ.get("TENFOLD_PREFECT_RUN") or None}
        write_atomically(self.path / "run.json", json.dumps(facts, default=str))
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()

    def _close(self, kind: type[BaseException] | None, error: BaseException | None) -> None:
        status = "FINISHED" if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        end = {
            "status": status,
            "ended": time.time(),
            "seconds": time.time() - self.facts["started"],
            "peak_memory_bytes": peak,
            "error": None if error is None else f"{type(error).__name__}: {error}",
            "sources": self.sources,
        }
        write_atomically(self.path / "end.json", json.dumps(end, default=str))

    def _follow(self) -> None:
        """Start a process that carries the curves over while a long step runs, and stop it at the end.

        The kernel kills that process when the thread that started it ends, so this thread waits beside it.
        """
        if self._ended.wait(LIVE_AFTER):
            return
        parent = str(os.getpid())
        try:
            follower = subprocess.Popen(
                [
                    sys.executable,
                    "-S",
                    str(LEASH),
                    parent,
                    sys.executable,
                    "-m",
                    "steps.tracking.delivery",
                    "--follow",
                    parent,
                ],
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return  # the curves come at the end
        self._ended.wait()
        follower.kill()  # what it delivered half is delivered again without doubles
        follower.wait()

    def _append(self, line: Mapping[str, Any]) -> None:
        text = (json.dumps(line, default=float) + "\n").encode()
        if os.write(self._log, text) < len(text):
            raise OSError("the disk is full")

    def _copy(self, path: Path, kind: str) -> None:
        if path.is_file() and path.stat().st_size <= LARGEST_ARTIFACT:
            (self.path / "artifacts" / kind).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self.path / "artifacts" / kind / path.name)

    def _guarded(self, action: Callable[[], object]) -> None:
        if not self._recording:
            return
        try:
            action()
        except (OSError, TypeError, ValueError) as error:
            print(f"tracking: {error}; this step goes on without it", file=sys.stderr)
            self._recording = False
