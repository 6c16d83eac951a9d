"""A real Prefect server on loopback, and a look at which processes live in a checkout."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.serving.servers import LOCKED

PATIENCE = 300.0  # seconds until what a test waits for must be there, on a machine however busy


@dataclass
class PrefectServer:
    """Where the server answers, as environment variables, and what it knows."""

    api: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PREFECT_API_URL": self.api, "PREFECT_HOME": str(self.home)}

    def ask(self, path: str, question: Any = None, method: str | None = None) -> Any:
        """Post a question, or get what is at ``path``; a server that is busy with its database says so with 503."""
        body = None if question is None else json.dumps(question).encode()
        request = urllib.request.Request(
            f"{self.api}/{path}", body, {"Content-Type": "application/json"}, method=method
        )
        for _ in range(30):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(1)
        raise AssertionError(f"{path}: the server stayed busy")

    def last_run(self) -> tuple[str, dict[str, dict[str, Any]]]:
        """Return the last flow run's state and its task runs by stage."""
        (run,) = self.ask("flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})
        tasks = self.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
        return run["state_name"], {task["name"].rpartition("-")[0]: task for task in tasks}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A Prefect server for all tests, on a free port of the loopback device."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(home / "server.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
            env=os.environ | LOCKED | {"PREFECT_HOME": str(home), "DO_NOT_TRACK": "true"},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=home,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + 120
        while not answers(f"http://127.0.0.1:{port}/api/health"):
            assert process.poll() is None and time.monotonic() < until, (home / "server.log").read_text()
            time.sleep(0.1)
        yield PrefectServer(f"http://127.0.0.1:{port}/api", home)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def living() -> Callable[[Path], list[str]]:
    """Return the command lines of the processes that work in a checkout."""

    def look(root: Path) -> list[str]:
        found = []
        for process in psutil.process_iter():
            try:
                command = " ".join(process.cmdline())
                if process.status() != psutil.STATUS_ZOMBIE and (process.cwd() == str(root) or str(root) in command):
                    found.append(f"{process.pid} {command}")
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    return look


@pytest.fixture
def no_orphans(living) -> Callable[[Path], None]:
    """Fail unless every process in a checkout is gone; the kernel takes a moment to end them."""

    def check(root: Path) -> None:
        until = time.monotonic() + 5
        while left := living(root):
            assert time.monotonic() < until, f"still alive: {left}"
            time.sleep(0.02)

    return check


class Started:
    """A command that runs in a checkout, its output in a file."""

    def __init__(self, project, log: Path, command: tuple[str, ...], **environment: str) -> None:
        self.log = log
        with open(log, "wb") as stream:
            self.process = subprocess.Popen(
                command,
                cwd=project.root,
                env=project.environment(**environment),
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until the command has printed ``text``."""
        until = time.monotonic() + PATIENCE
        while text not in self.printed():
            assert self.process.poll() is None, f"ended before it printed {text!r}:\n{self.printed()}"
            assert time.monotonic() < until, self.printed()
            time.sleep(0.01)

    def status(self) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(PATIENCE)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start a command in a checkout; what still runs after the test is ended."""
    running: list[Started] = []

    def begin(project, *command: str, **environment: str) -> Started:
        running.append(Started(project, tmp_path / f"{len(running)}.log", command, **environment))
        return running[-1]

    yield begin
    for started in running:
        with suppress(ProcessLookupError):
            os.killpg(started.process.pid, signal.SIGKILL)
        started.process.wait()
