"""DVC's command line: it alone decides what must run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

LEASH = Path(__file__).parents[2] / "steps" / "runtime" / "leash.py"
BUSY = ("is busy", "Unable to acquire lock")
BUSY_ATTEMPTS = 120
HINTS = ("Updating lock file", "To track the changes", "git add", "To enable auto staging", "dvc config core", "Use `dvc push`")


class Outcome(StrEnum):
    """What reproducing one stage came to; also the name of the Prefect state."""

    CACHED = "Cached"
    RESTORED = "Restored"
    COMPLETED = "Completed"


class DvcError(RuntimeError):
    """DVC failed; the message holds its last lines."""


_living: set[subprocess.Popen[str]] = set()
_registry = threading.Lock()


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
        [*_command("--quiet"), "status", "--json", *stages],
        cwd=root, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    if answer.returncode != 0:
        raise DvcError(f"dvc status failed:\n{answer.stderr.strip() or answer.stdout.strip()}")
    return json.loads(answer.stdout or "{}")


def reproduce(root: Path, stage: str, *, force: bool = False, say: Callable[[str], None] = print) -> Outcome:
    """Bring one stage up to date and nothing else, waiting for DVC's lock and for whoever runs the same stage.

    Raises DvcError with the step's last lines if it fails.
    """
    command = [*_command(), "--wait-for-lock", "repro", "--pull", "-s", stage, *(["-f"] if force else [])]
    if not _has_remote(root):
        command.remove("--pull")
    for attempt in range(BUSY_ATTEMPTS):
        lines: list[str] = []
        status_code = _stream(command, root, lines, say)
        text = "\n".join(lines)
        if status_code == 0:
            return _outcome(text)
        if not any(word in text for word in BUSY):
            break
        time.sleep(min(5.0, 0.25 * (attempt + 1)))
    raise DvcError(f"stage {stage} failed:\n" + "\n".join(lines[-25:]))


def stop_all() -> None:
    """End every DVC this process started; the steps die with them."""
    with _registry:
        for process in list(_living):
            process.terminate()


def _command(*flags: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *flags]


def _has_remote(root: Path) -> bool:
    files = (root / ".dvc" / "config", root / ".dvc" / "config.local")
    return any(file.is_file() and "remote \"" in file.read_text(encoding="utf-8") for file in files)


def _stream(command: list[str], root: Path, lines: list[str], say: Callable[[str], None]) -> int:
    leash = [sys.executable, "-S", str(LEASH), str(os.getpid())]
    process = subprocess.Popen(
        [*leash, *command], cwd=root, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    with _registry:
        _living.add(process)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            line = line.rstrip()
            if line:
                lines.append(line)
                if not line.strip().startswith(HINTS):
                    say(line)
        return process.wait()
    finally:
        with _registry:
            _living.discard(process)


def _outcome(text: str) -> Outcome:
    if "Running stage" in text:
        return Outcome.COMPLETED
    if "is cached - skipping run" in text:
        return Outcome.RESTORED
    return Outcome.CACHED
