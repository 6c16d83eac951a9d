"""What a step tells MLflow, written to files first, so that an outage cannot fail or change the step.

A step appends to its own folder under .tenfold/tracking/; ``steps.tracking.delivery`` carries the folders into
MLflow, in a process of its own. TENFOLD_TRACKING=off turns both off.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from steps.runtime.outputs import owner_lock, write_atomically
from steps.runtime.processes import command, peak_memory, start

DELIVERY = [sys.executable, "-m", "steps.tracking.delivery"]
LIVE_AFTER = 15.0  # seconds a step lives before its curves are carried over while it runs
PATIENCE = 120.0  # seconds that carrying may take at most; what is left waits for the next time
LARGEST_ARTIFACT = 5_000_000  # bytes
SAMPLE_EVERY = 10.0  # seconds between two looks at the machine, as MLflow has it


def folder(root: Path) -> Path:
    """Return where the spools of a checkout are."""
    return root / ".tenfold" / "tracking"


def spools(root: Path) -> list[Path]:
    """Return the spools that wait, oldest first."""
    return sorted(path.parent for path in folder(root).glob("*/run.json"))


def summaries(root: Path) -> list[Path]:
    """Return what waits to be said of papers as a whole."""
    return sorted(folder(root).glob("*.summary.json"))


def summarise(root: Path, paper: str, profile: str, facts: Mapping[str, Any]) -> None:
    """Keep what the run above a paper's steps is to carry.

    ``facts`` are ``commits`` (whose parents it is for), ``ended``, ``verdicts`` and ``metrics`` by name, and ``note``.
    """
    if wanted():
        content = json.dumps({"paper": paper, "profile": profile, **facts})
        write_atomically(folder(root) / f"{paper}-{profile}.summary.json", content)


def wanted() -> bool:
    """Return whether tracking is on."""
    return os.environ.get("TENFOLD_TRACKING") != "off"


def carry(root: Path, environment: Mapping[str, str] | None = None) -> None:
    """Carry what waits into MLflow, in a process of its own whose failure is not ours; ``environment`` is added."""
    own = {**os.environ, **(environment or {})}
    try:
        if wanted() and (spools(root) or summaries(root)):
            subprocess.run(command(DELIVERY), cwd=root, env=own, stdin=subprocess.DEVNULL, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"tracking: {error}; what waits is carried next time", file=sys.stderr)


def _system_metrics() -> dict[str, float]:
    """Return how busy the machine is and what this process holds, under the names that MLflow has for such metrics."""
    import psutil

    memory, own, megabyte = psutil.virtual_memory(), psutil.Process().memory_info().rss, 1e6
    return {
        "system/cpu_utilization_percentage": psutil.cpu_percent(),
        "system/system_memory_usage_percentage": memory.percent,
        "system/system_memory_usage_megabytes": memory.used / megabyte,
        "system/process_memory_usage_megabytes": own / megabyte,
    } | _gpu_metrics(sys.modules.get("torch"))


def _gpu_metrics(torch: Any) -> dict[str, float]:
    if torch is None or not torch.cuda.is_initialized():
        return {}
    free = [torch.cuda.mem_get_info(number) for number in range(torch.cuda.device_count())]
    return {
        f"system/gpu_{number}_memory_usage_percentage": 100 * (1 - left / total)
        for number, (left, total) in enumerate(free)
    }


class Spool:
    """The record of one executed step; no method raises, and none waits for MLflow.

    Files: ``run.json`` (the facts known at the start), ``log.jsonl`` (a line for each logged set of metrics), at the
    end ``artifacts/``, ``models/`` and ``end.json``. A lock beside the folder shows that the step lives: without it
    and without ``end.json`` the process was killed. The first failure to write is told once on stderr, and then
    nothing more is recorded.
    """

    def __init__(self, root: Path, facts: Mapping[str, Any]) -> None:
        self.root, self.facts = root, dict(facts)
        began = datetime.fromtimestamp(facts["started"], UTC).strftime("%Y%m%dT%H%M%S.%f")  # sorts by time
        self.path = folder(root) / f"{began}-{facts['stage']}-{facts['digest'][:12]}"
        self._lock = owner_lock(self.path)
        self._log: TextIO | None = None
        self._recording, self._calls = False, 0
        self._ended = threading.Event()
        self._follower = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        if wanted():
            self._recording = True
            self._guarded(self._open)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._follower.ident is not None:
            self._follower.join()
        if self._log is not None:
            self._recording = True  # the end is worth another try
            self._guarded(self._close, kind, error)
            with suppress(OSError):
                self._log.close()
        self._recording = False
        self._lock.release()

    def log(self, metrics: Mapping[str, float], update: int | None) -> None:
        """Append metrics of one update, or of the whole step."""
        self._calls += 1
        self._guarded(self._append, {"update": update, "time": time.time(), "metrics": dict(metrics)})

    def resumed(self, update: int, history: Sequence[Mapping[str, float]]) -> None:
        """Take over the curve up to the checkpoint of ``update`` from ``history``, as ``Run.history`` has it.

        What this process logged already, in an earlier loop, is the beginning of the history: it is left out.
        """
        for entry in history[self._calls :]:
            metrics = {name: value for name, value in entry.items() if name != "update"}
            number = entry.get("update")
            self.log(metrics, None if number is None else int(number))
        self._guarded(self._append, {"resumed_from_update": update})

    def keep(self, out: Path) -> None:
        """Keep what the output shows: its metrics, figures, tables and pages of up to 5 MB each, models, its source."""
        self._guarded(self._keep, out)

    def _open(self) -> None:
        folder(self.root).mkdir(parents=True, exist_ok=True)
        self._lock.acquire()
        self.path.mkdir()
        self._log = open(self.path / "log.jsonl", "a", buffering=1, encoding="utf-8")  # noqa: SIM115 - line by line
        self.facts["prefect_run_id"] = os.environ.get("TENFOLD_PREFECT_RUN") or None
        write_atomically(self.path / "run.json", json.dumps(self.facts, default=str))
        self._follower.start()

    def _close(self, kind: type[BaseException] | None, error: BaseException | None) -> None:
        now = time.time()
        end = {
            "status": "FINISHED" if kind is None else "FAILED" if issubclass(kind, Exception) else "KILLED",
            "error": None if error is None else f"{type(error).__name__}: {error}",
            "sources": self.facts["sources"],
            "ended": now,
            "seconds": now - self.facts["started"],
            "peak_memory_bytes": peak_memory(),
        }
        write_atomically(self.path / "end.json", json.dumps(end, default=str))

    def _keep(self, out: Path) -> None:
        if (out / "source.json").is_file():
            self.facts["sources"] = [json.loads((out / "source.json").read_text(encoding="utf-8"))]
        if (out / "metrics.json").is_file():
            self.log(json.loads((out / "metrics.json").read_text(encoding="utf-8")), None)
        for path in (path for name in ("figures", "tables", "pages") for path in out.glob(f"{name}/*")):
            if path.is_file() and path.stat().st_size <= LARGEST_ARTIFACT:
                target = self.path / "artifacts" / path.relative_to(out)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        if (out / "models").is_dir():
            shutil.copytree(out / "models", self.path / "models")

    def _follow(self) -> None:
        """Run a process that carries the curves over while a long step runs; its parent is this thread."""
        if not self._ended.wait(LIVE_AFTER):
            words, nowhere = [*DELIVERY, "--follow", str(os.getpid())], subprocess.DEVNULL
            with suppress(OSError), start(words, cwd=self.root, stdout=nowhere, stderr=nowhere) as follower:
                for sample in count():
                    self._guarded(self._append, {"update": sample, "time": time.time(), "metrics": _system_metrics()})
                    if self._ended.wait(SAMPLE_EVERY):
                        break
                follower.kill()  # what it delivered half is delivered again without doubles

    def _append(self, line: Mapping[str, Any]) -> None:
        assert self._log is not None
        self._log.write(json.dumps(line, default=float) + "\n")

    def _guarded(self, action: Callable[..., object], *arguments: Any) -> None:
        if not self._recording:
            return
        try:
            action(*arguments)
        except (OSError, TypeError, ValueError) as error:
            print(f"tracking: {error}; this step goes on without it", file=sys.stderr)
            self._recording = False
