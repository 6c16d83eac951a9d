"""DVC's command line: it alone decides what must run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from flows.execution.dvc_recovery import others_run, recover
from steps.runtime import processes
from steps.runtime.invocation import VARIABLE, take_sign
from steps.runtime.stage import address, name_at

HINTS = (
    "Updating lock file",
    "To track the changes",
    "git add",
    "To enable auto staging",
    "dvc config core",
    "Use `dvc push`",
    "If there are no processes with such PIDs",
)
GRACE = 10.0  # seconds that a DVC may take to end when it is stopped
ROUNDED = 1.0  # seconds to which a record tells when a step began
TRIES = 3  # of a DVC that ends without having started the step, for a reason that is not ours to know


class Outcome(StrEnum):
    """What bringing a stage up to date came to; also the name of the Prefect state."""

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
        self.running: list[subprocess.Popen[str]] = []

    def all(self) -> None:
        """End what runs and let nothing more start."""
        self._event.set()
        processes.stop([*self.running], GRACE)

    @property
    def stopped(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float = 0.0) -> None:
        """Sleep, unless stopped.

        Raises DvcError when stopped.
        """
        if self._event.wait(seconds):
            raise DvcError("stopped")


def programs(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a program that we start: this Python's first on PATH, analytics off."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])
    return os.environ | {"DVC_NO_ANALYTICS": "true", "DO_NOT_TRACK": "true", "PATH": path} | dict(more or {})


def status(root: Path, stages: list[str]) -> dict[str, list[Any]]:
    """Ask once which stages are out of date, and why: ``{stage: [reason, …]}`` without the current ones.

    Raises Busy while another DVC runs one of them, DvcError if DVC cannot tell for another reason.
    """
    tries = 0
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
        mended = recover(root)
        if not mended and others_run(root):
            raise Busy("another command is running a stage in this checkout; ask again when it is done")
        tries += not mended  # the other DVC may just have ended
        in_git = any((folder / ".git").exists() for folder in (root, *root.parents))
        if not mended and not in_git and not _configured(root, "no_scm"):
            raise DvcError(
                f"{root} is no git checkout, as DVC wants: run `git init` here, or "
                "`dvc config --local core.no_scm true` to go without"
            )
        if tries == TRIES:
            raise DvcError(f"dvc status failed:\n{answer.stderr.strip() or answer.stdout.strip()}")
        for line in mended:
            print(line, file=sys.stderr, flush=True)


def checkout(root: Path, stages: list[str]) -> None:
    """Bring the outputs that the lock files name and the cache holds; others are for their stages to make."""
    words = ["checkout", "--allow-missing", "--quiet", *map(address, stages)]
    subprocess.run([*_command("--wait-for-lock"), *words], cwd=root, env=programs(), capture_output=True)


def reproduce(
    root: Path,
    stage: str,
    record: Path,
    *,
    force: bool = False,
    say: Callable[[str], None] = print,
    stop: Stop | None = None,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Bring one stage up to date and nothing else, after whoever holds DVC's lock or runs the same stage.

    ``record`` is the stage's provenance, which tells the outcome. ``environment`` is added to the step's.

    Raises DvcError with the step's last lines if it fails.
    """
    stop = stop or Stop()
    with _in_turn(root, stage, say, stop):
        return _reproduce(root, stage, record, force, say, stop, environment)


@contextmanager
def _in_turn(root: Path, stage: str, say: Callable[[str], None], stop: Stop) -> Iterator[None]:
    """Let no other flow run the stage for the block: DVC reads its lock files before it waits for another DVC.

    It would then run a stage again that the other has just run, unless the run cache has its outputs, which those in
    git never are. Raises DvcError when stopped.
    """
    folder = root / ".tenfold" / "stages"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{stage}.lock", thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        say(f"{stage} waits for another command that runs it")
        while not lock.is_locked:
            with suppress(Timeout):
                lock.acquire(timeout=1.0, poll_interval=0.1)
            stop.wait()
    try:
        yield
    finally:
        lock.release()


def _reproduce(
    root: Path,
    stage: str,
    record: Path,
    force: bool,
    say: Callable[[str], None],
    stop: Stop,
    environment: Mapping[str, str] | None,
) -> Outcome:
    command = [*_command("--wait-for-lock"), "repro", "--pull", "-s", address(stage), *(["-f"] if force else [])]
    if not has_remote(root):
        command.remove("--pull")
    waited, tries, invocation = 0, 1, uuid.uuid4().hex
    before, began = _content(root / record), time.time()
    while True:
        lines: list[str] = []
        done = _stream(command, root, lines, say, stop, {**(environment or {}), VARIABLE: invocation}) == 0
        started = take_sign(root, invocation)
        if done:
            return _outcome(before, _content(root / record), invocation, began)
        if started:
            break
        mended = recover(root)
        if mended:
            say("; ".join(mended))
        elif others_run(root):
            if waited == 0:
                say(f"{stage} waits for another command that runs it, or one of its neighbours")
            waited += 1
        elif tries < TRIES:
            tries += 1
        else:
            break
        stop.wait(min(5.0, 0.25 * (waited + tries)))
    raise DvcError(f"stage {stage} failed:\n" + "\n".join(lines[-25:]))


def has_remote(root: Path) -> bool:
    """Return whether the checkout has a place that DVC pushes to and pulls from."""
    return _configured(root, 'remote "')


def _configured(root: Path, word: str) -> bool:
    files = (root / ".dvc" / "config", root / ".dvc" / "config.local")
    return any(file.is_file() and word in file.read_text(encoding="utf-8") for file in files)


def _command(*flags: str) -> list[str]:
    return [sys.executable, "-m", "dvc", *flags]


def _stream(
    command: list[str],
    root: Path,
    lines: list[str],
    say: Callable[[str], None],
    stop: Stop,
    environment: Mapping[str, str],
) -> int:
    """Run DVC, hand on what it and the step print but for DVC's advice, and return its status."""

    stop.wait()
    process = processes.start(
        command,
        cwd=root,
        env=programs(environment),
        text=True,
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    stop.running.append(process)
    try:
        stop.wait()  # it may have been stopped just before
        for line in filter(None, map(str.rstrip, process.stdout or ())):
            lines.append(line)
            if not line.strip().startswith(HINTS):
                say(line)
        return process.wait()
    finally:
        processes.stop([process], GRACE)
        stop.running.remove(process)


def _content(record: Path) -> bytes:
    return record.read_bytes() if record.is_file() else b""


def _outcome(before: bytes, after: bytes, invocation: str, began: float) -> Outcome:
    """Return what it came to, from the record before and after: whose run it tells of, ours, an earlier or none.

    A run of another command that ended since ``began``, in seconds, leaves nothing to do for this one.
    """
    record = json.loads(after or b"{}")
    if record.get("invocation") == invocation:
        return Outcome.COMPLETED
    ended = datetime.fromisoformat(record["started"]).timestamp() + record["seconds"] if "started" in record else 0.0
    return Outcome.CACHED if before == after or ended + ROUNDED > began else Outcome.RESTORED
