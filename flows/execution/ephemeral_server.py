"""A Prefect server for one process, where none is configured; it dies with the process, however that ends."""

from __future__ import annotations

import atexit
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.execution.dvc_cli import programs
from flows.execution.prefect_server import require_server
from steps.runtime import processes

HOST = "127.0.0.1"
PATIENCE = 120.0  # seconds until a server must answer
QUIET = {"PREFECT_UI_ENABLED": "false", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}

AGAIN = "see the lines above, or start one with `python -m flows up` and set PREFECT_API_URL"
LOST = signal.SIGUSR1  # not SIGINT, which a shell's background jobs do not hear
OWN: list[subprocess.Popen[bytes]] = []


class ServerError(RuntimeError):
    """A server or a worker cannot be started, or ended by itself."""


@contextmanager
def prefect_api() -> Iterator[None]:
    """Use the Prefect server that PREFECT_API_URL names, or else one of our own until this process ends.

    Prefect would start one by itself, but that one outlives a killed flow.
    Raises NoServer if none answers where it is said to be, ServerError if our own does not start, or ends while the
    block runs.
    """
    if api := PREFECT_API_URL.value():
        require_server(api)
    else:
        _start()
    done, here = threading.Event(), threading.current_thread() is threading.main_thread()
    before = signal.signal(LOST, signal.default_int_handler) if OWN and here else None
    for process in OWN if here else ():
        threading.Thread(target=_watch, args=(process, done), daemon=True).start()
    try:
        yield
    except BaseException:
        if any(process.poll() is not None for process in OWN):
            raise ServerError(f"the Prefect server of our own ended by itself; {AGAIN}") from None
        raise
    finally:
        done.set()
        if before is not None:
            signal.signal(LOST, before)


def _watch(process: subprocess.Popen[bytes], done: threading.Event) -> None:
    """Interrupt the main thread if the server ends while it is needed: it would ask for ever."""
    process.wait()
    if not done.is_set():
        signal.pthread_kill(threading.main_thread().ident or 0, LOST)


def _start() -> None:
    port = _free_port()
    app = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
    options = ["--host", HOST, "--port", str(port), "--log-level", "error", "--timeout-graceful-shutdown", "1"]
    process = processes.start([*app, *options], env=programs(QUIET))
    atexit.register(processes.stop, [process], 5.0)  # later than what Prefect still has to send, which threads wait for
    if not patiently(process, lambda: answered(f"http://{HOST}:{port}/api/health")):
        raise ServerError(f"a Prefect server of our own did not start (exit status {process.poll()}); {AGAIN}")
    OWN.append(process)
    settings = temporary_settings({PREFECT_API_URL: f"http://{HOST}:{port}/api"})
    settings.__enter__()
    atexit.register(settings.__exit__, None, None, None)


def patiently(process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> bool:
    """Wait until ``ready``; return False if the process ends first or takes too long."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if ready():
            return True
        time.sleep(0.1)
    return False


def answered(address: str) -> bool:
    """Return whether a server answers at ``address``."""
    try:
        with urllib.request.urlopen(address, timeout=2):
            return True
    except OSError:  # URLError among them
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
