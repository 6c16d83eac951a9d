"""A Prefect server for one flow, where none is configured; it dies with the flow, however that ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.engine.dvc import LEASH, environment
from flows.engine.servers import HOST, ServerError

PATIENCE = 120.0  # seconds until the server must answer
QUIET = {"PREFECT_UI_ENABLED": "false", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


@contextmanager
def prefect_api() -> Iterator[None]:
    """Use the Prefect server that PREFECT_API_URL names, or else one of our own while the block runs.

    Prefect would start one by itself, but that one outlives a killed flow.
    Raises ServerError if our own does not start.
    """
    if PREFECT_API_URL.value():
        yield
        return
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-S", str(LEASH), str(os.getpid()), sys.executable, "-m", "uvicorn", "--factory",
         "prefect.server.api.server:create_app", "--host", HOST, "--port", str(port), "--log-level", "error"],
        env=environment() | QUIET, stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        _await(process, f"http://{HOST}:{port}/api/health")
        with temporary_settings({PREFECT_API_URL: f"http://{HOST}:{port}/api"}):
            yield
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _await(process: subprocess.Popen[bytes], health: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ServerError(
        f"a Prefect server of our own did not start (exit status {process.poll()}); see the lines above, or "
        f"start one with `python -m flows up` and set PREFECT_API_URL"
    )
