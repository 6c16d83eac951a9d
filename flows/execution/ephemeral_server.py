"""A Prefect server for one flow, where none is configured; it dies with the flow, however that ends."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys

from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.execution.dvc_cli import LEASH, programs
from flows.serving.servers import HOST, ServerError, answered, patiently

QUIET = {"PREFECT_UI_ENABLED": "false", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


def ensure_prefect_api() -> None:
    """Use the Prefect server that PREFECT_API_URL names, or else one of our own until this process ends.

    Prefect would start one by itself, but that one outlives a killed flow.
    Raises ServerError if our own does not start.
    """
    if PREFECT_API_URL.value():
        return
    port = _free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-S",
            str(LEASH),
            str(os.getpid()),
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            "prefect.server.api.server:create_app",
            "--host",
            HOST,
            "--port",
            str(port),
            "--log-level",
            "error",
            "--timeout-graceful-shutdown",
            "1",
        ],
        env=programs(QUIET),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(_end, process)  # later than what Prefect still has to send, which threads wait for
    if not patiently(process, lambda: answered(f"http://{HOST}:{port}/api/health")):
        raise ServerError(
            f"a Prefect server of our own did not start (exit status {process.poll()}); see the lines above, or "
            f"start one with `python -m flows up` and set PREFECT_API_URL"
        )
    settings = temporary_settings({PREFECT_API_URL: f"http://{HOST}:{port}/api"})
    settings.__enter__()
    atexit.register(settings.__exit__, None, None, None)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]
