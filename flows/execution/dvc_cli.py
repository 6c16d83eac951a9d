"""DVC's command line: it alone decides what must run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from flows.execution import dvc_recovery as mending
from steps.runtime.stage import address, name_at

LEASH = Path(__file__).parents[2] / "steps" / "runtime" / "processes.py"
HINTS = (
    "Updating lock file",
    "To track the changes",
    "git add",
    "To enable auto staging",
    "dvc config core",
    "Use `dvc push`",
    "If there are no processes with such PIDs",
)


class Outcome(StrEnum):
    """What reproducing one stage came to; also the name of the Prefect state."""

    CACHED = "Cached"
    RESTORED = "Restored"
    COMPLETED = "Completed"


class DvcError(RuntimeError):
    """DVC failed; the message holds its last lines."""


class Busy(DvcError):
    """DVC cannot tell what is up to date while another DVC runs a stage."""


class Stop:
    """Ends the DVC processes that were started with it; their steps die with them, and no new one starts."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._living: set[subprocess.Popen[str]] = set()
        self._guard = threading.Lock()

    def all(self) -> None:
        """End what runs and let nothing more start."""
        self._event.set()
        with self._guard:
            for process in self._living:
                _end(process)

    @property
    def stopped(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep, unless stopped.

        Raises DvcError when stopped.
        """
        if self._event.wait(seconds):
            raise DvcError("stopped")

    @contextmanager
    def holding(self, start: Callable[[], subprocess.Popen[str]]) -> Iterator[subprocess.Popen[str]]:
        """Start a process and end it when the block is left early."""
        with self._guard:
            self.wait(0)
            process = start()
            self._living.add(process)
        try:
            yield process
        finally:
            with self._guard:
                self._living.discard(process)
            if process.poll() is None:
                _end(process)
                process.wait()


def programs(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a program that we start: this Python's first on PATH, analytics off."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    return os.environ | {"DVC_NO_ANALYTICS": "true", "DO_NOT_TRACK": "true", "PATH": path} | dict(more or {})


def status(root: Path, stages: list[str]) -> dict[str, list[Any]]:
    """Ask once which stages are out of date, and why: ``{stage: [reason, …]}`` without the current ones.

    Raises Busy while another DVC runs one of them, DvcError if DVC cannot tell for another reason.
    """
    while True:
        answer = subprocess.run(
            [*_command("--wait-for-lock"), "status", "--json", *map(address, stages)],
            cwd=root,
            env=programs(),
            capture_output=True,
            text=True,
        )
        if answer.returncode == 0:
            return {name_at(item): reasons for item, reasons in json.loads(answer.stdout or "{}").items()}
        lines = answer.stderr.splitlines()
        mended = mending.mend(root, lines)
        if mended is None and mending.busy(lines):
            raise Busy("another command is running a stage in this checkout; ask again when it is done")
        if mended is None:
            raise DvcError(f"dvc status failed:\n{answer.stderr.strip() or answer.stdout.strip()}")
        print(mended, file=sys.stderr, flush=True)


def mend(root: Path) -> None:
    """Remove what a killed DVC left half-written of its own files, and say so on stderr; nothing is lost."""
    try:
        status(root, [])
    except Busy:
        return
    mending.remove_empty_entries(root)


def reproduce(
    root: Path,
    stage: str,
    *,
    force: bool = False,
    say: Callable[[str], None] = print,
    stop: Stop | None = None,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Bring one stage up to date and nothing else, after whoever holds DVC's lock or runs the same stage.

    ``environment`` is added to the step's.

    Raises DvcError with the step's last lines if it fails.
    """
    stop = stop or Stop()
    command = [*_command(), "--wait-for-lock", "repro", "--pull", "-s", address(stage), *(["-f"] if force else [])]
    if not _has_remote(root):
        command.remove("--pull")
    waits = 0

    def say_unless_hint(line: str) -> None:
        if not _is_hint(line):
            say(line)

    while True:
        lines: list[str] = []
        if _stream(command, root, lines, say_unless_hint, stop, environment) == 0:
            return _outcome(stage, lines)
        mended = mending.mend(root, lines)
        if mended is not None:
            say(mended)
        elif not mending.busy(lines):
            break
        elif waits == 0:
            say(f"{stage} waits for another command that runs it, or one of its neighbours")
        waits += 1
        stop.wait(min(5.0, 0.25 * waits))
    raise DvcError(f"stage {stage} failed:\n" + "\n".join(lines[-25:]))


def _command(*flags: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *flags]


def _has_remote(root: Path) -> bool:
    files = (root / ".dvc" / "config", root / ".dvc" / "config.local")
    return any(file.is_file() and 'remote "' in file.read_text(encoding="utf-8") for file in files)


def _stream(
    command: list[str],
    root: Path,
    lines: list[str],
    say: Callable[[str], None],
    stop: Stop,
    environment: Mapping[str, str] | None,
) -> int:
    leash = [sys.executable, "-S", str(LEASH), str(os.getpid())]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*leash, *command],
            cwd=root,
            env=programs(environment),
            text=True,
            encoding="utf-8",
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )

    with stop.holding(start) as process:
        assert process.stdout is not None
        for line in process.stdout:
            line = line.rstrip()
            if line:
                lines.append(line)
                say(line)
        return process.wait()


def _end(process: subprocess.Popen[str]) -> None:
    """End a DVC with the shell and the step below it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def _outcome(stage: str, lines: list[str]) -> Outcome:
    if f"Running stage '{address(stage)}':" in lines:
        return Outcome.COMPLETED
    if any(line.startswith(f"Stage '{address(stage)}' is cached - skipping run") for line in lines):
        return Outcome.RESTORED
    return Outcome.CACHED


def _is_hint(line: str) -> bool:
    """Tell DVC's advice, and its words on whom it waits for, from what a step prints."""
    waits = line.startswith("ERROR: failed to reproduce") and "is busy" in line
    return waits or bool(mending.BLOCKER.match(line)) or line.strip().startswith(HINTS)
