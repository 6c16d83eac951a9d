"""DVC's command line: it alone decides what must run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

LEASH = Path(__file__).parents[2] / "steps" / "runtime" / "leash.py"
BUSY = ("is busy", "Unable to acquire lock", "Unable to acquire rwlock")
PATIENCE = 3  # tries, while what blocks a stage does not look like a living DVC
BLOCKER = re.compile(r"^\s*\(PID (\d+)\):")
HINTS = (
    "Updating lock file",
    "To track the changes",
    "git add",
    "To enable auto staging",
    "dvc config core",
    "Use `dvc push`",
)


class Outcome(StrEnum):
    """What reproducing one stage came to; also the name of the Prefect state."""

    CACHED = "Cached"
    RESTORED = "Restored"
    COMPLETED = "Completed"


class DvcError(RuntimeError):
    """DVC failed; the message holds its last lines."""


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
                process.terminate()

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
                process.terminate()
                process.wait()


def environment() -> dict[str, str]:
    """Return the environment for DVC: this Python's programs first, analytics off."""
    programs = os.path.dirname(sys.executable)
    quiet = {"DVC_NO_ANALYTICS": "true", "DO_NOT_TRACK": "true"}
    return os.environ | quiet | {"PATH": os.pathsep.join([programs, os.environ.get("PATH", "")])}


def status(root: Path, stages: list[str]) -> dict[str, list[Any]]:
    """Ask once which stages are out of date, and why: ``{stage: [reason, …]}`` without the current ones.

    Raises DvcError if DVC cannot tell, for example because dvc.yaml is broken.
    """
    answer = subprocess.run(
        [*_command("--wait-for-lock"), "status", "--json", *stages],
        cwd=root, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    if answer.returncode != 0:
        raise DvcError(f"dvc status failed:\n{answer.stderr.strip() or answer.stdout.strip()}")
    return json.loads(answer.stdout or "{}")


def reproduce(
    root: Path,
    stage: str,
    *,
    force: bool = False,
    say: Callable[[str], None] = print,
    stop: Stop | None = None,
) -> Outcome:
    """Bring one stage up to date and nothing else, after whoever holds DVC's lock or runs the same stage.

    Raises DvcError with the step's last lines if it fails.
    """
    stop = stop or Stop()
    command = [*_command(), "--wait-for-lock", "repro", "--pull", "-s", stage, *(["-f"] if force else [])]
    if not _has_remote(root):
        command.remove("--pull")
    doubtful = waits = 0
    while True:
        lines: list[str] = []
        if _stream(command, root, lines, say, stop) == 0:
            return _outcome(stage, lines)
        error = _last_error(lines)
        if _cut_off(error):
            (root / ".dvc" / "tmp" / "rwlock").unlink(missing_ok=True)
            say("DVC's list of running stages was cut off when a DVC was killed; it was removed")
        elif not _busy(error):
            break
        elif not _blocked_by_dvc(lines):
            doubtful += 1
        if doubtful > PATIENCE:
            break
        waits += 1
        stop.wait(min(5.0, 0.25 * waits))
    raise DvcError(f"stage {stage} failed:\n" + "\n".join(lines[-25:]))


def _command(*flags: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *flags]


def _has_remote(root: Path) -> bool:
    files = (root / ".dvc" / "config", root / ".dvc" / "config.local")
    return any(file.is_file() and 'remote "' in file.read_text(encoding="utf-8") for file in files)


def _stream(command: list[str], root: Path, lines: list[str], say: Callable[[str], None], stop: Stop) -> int:
    leash = [sys.executable, "-S", str(LEASH), str(os.getpid())]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*leash, *command], cwd=root, env=environment(), text=True, encoding="utf-8", errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    with stop.holding(start) as process:
        assert process.stdout is not None
        for line in process.stdout:
            line = line.rstrip()
            if line:
                lines.append(line)
                if not line.strip().startswith(HINTS):
                    say(line)
        return process.wait()


def _outcome(stage: str, lines: list[str]) -> Outcome:
    if f"Running stage '{stage}':" in lines:
        return Outcome.COMPLETED
    if any(line.startswith(f"Stage '{stage}' is cached - skipping run") for line in lines):
        return Outcome.RESTORED
    return Outcome.CACHED


def _last_error(lines: list[str]) -> str:
    """Return DVC's own error, which comes last, not what a step printed before."""
    return next((line for line in reversed(lines) if line.startswith("ERROR: ")), "")


def _busy(error: str) -> bool:
    return "failed to run:" not in error and any(words in error for words in BUSY)


def _cut_off(error: str) -> bool:
    return "failed to run:" not in error and "RWLock-file" in error


def _blocked_by_dvc(lines: list[str]) -> bool:
    """Tell whether the processes that DVC names as blocking are DVC; a number may have been given anew."""
    found = [match.group(1) for match in map(BLOCKER.match, lines) if match]
    for process in found:
        try:
            if b"dvc" in Path(f"/proc/{process}/cmdline").read_bytes():
                return True
        except OSError:
            continue
    return not found
