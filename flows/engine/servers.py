"""A Prefect server and the MLflow UI on loopback, started together and stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from flows.engine.dvc import LEASH, environment

HOST = "127.0.0.1"
PATIENCE = 120.0  # seconds until a server must answer


class ServerError(RuntimeError):
    """A server cannot be started, or ended by itself."""


@dataclass(frozen=True)
class Server:
    """One server: what to start, and where it answers when it is ready."""

    name: str
    port: int
    health: str
    command: tuple[str, ...]
    page: str = ""  # where its start page is

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"


def servers(root: Path, prefect_port: int, mlflow_port: int) -> list[Server]:
    """Return the servers for the checkout at ``root``; their state is in .tenfold/ and mlflow.db."""
    python = sys.executable
    return [
        Server(
            "Prefect", prefect_port, "/api/health",
            (python, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(prefect_port)),
        ),
        Server(
            "MLflow", mlflow_port, "/health",
            (python, "-m", "mlflow", "server", "--host", HOST, "--port", str(mlflow_port), "--workers", "1",
             "--backend-store-uri", f"sqlite:///{root / 'mlflow.db'}",
             "--default-artifact-root", str(root / "mlartifacts")),
            "/#/experiments?workflowType=machine_learning",
        ),
    ]  # fmt: skip


def serve(root: Path, prefect_port: int, mlflow_port: int) -> None:
    """Start the servers, print their addresses once they answer, and stop them on Ctrl-C or SIGTERM.

    Raises ServerError if a port is taken, or a server does not answer or ends by itself.
    """
    chosen = servers(root, prefect_port, mlflow_port)
    for server in chosen:
        _refuse_taken(server)
    home = root / ".tenfold" / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "steps.runtime.tracking", "--create"], cwd=root, check=True)
    more = {"PREFECT_HOME": str(home), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    leash = [sys.executable, "-S", str(LEASH), str(os.getpid())]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    processes: list[tuple[Server, subprocess.Popen[bytes]]] = []
    try:
        for server in chosen:
            with open(home.parent / f"{server.name.lower()}.log", "ab") as log:
                process = subprocess.Popen(
                    [*leash, *server.command], cwd=root, env=environment() | more,
                    stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip
            processes.append((server, process))
        for server, process in processes:
            _await(server, process, home.parent)
            print(f"{server.name:8} {server.address}{server.page}", flush=True)
        print(f"For flows in another terminal: export PREFECT_API_URL={chosen[0].address}/api", flush=True)
        while all(process.poll() is None for _, process in processes):
            time.sleep(0.5)
        ended = next(server.name for server, process in processes if process.poll() is not None)
        raise ServerError(f"{ended} ended by itself; see {home.parent}/{ended.lower()}.log")
    finally:
        _stop([process for _, process in processes])


def _refuse_taken(server: Server) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, server.port))
        except OSError:
            raise ServerError(
                f"port {server.port} is taken, so {server.name} cannot start; is it running already? "
                f"Look at {server.address}, or stop what holds the port"
            ) from None


def _await(server: Server, process: subprocess.Popen[bytes], logs: Path) -> None:
    if not answers(process, server.address + server.health):
        what = "did not start" if process.poll() is not None else f"did not answer within {PATIENCE:.0f} s"
        raise ServerError(f"{server.name} {what}; see {logs}/{server.name.lower()}.log")


def answers(process: subprocess.Popen[bytes], health: str) -> bool:
    """Wait until the server answers at the address ``health``; return False if it ends first or takes too long."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=2):
                return True
        except OSError:  # URLError among them
            time.sleep(0.1)
    return False


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    for process in processes:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
