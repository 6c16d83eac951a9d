"""A Prefect server with workers, and the MLflow UI, on loopback: started together and stopped together."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from flows.execution.dvc_cli import programs
from flows.execution.ephemeral_server import HOST, PATIENCE, ServerError, answered, patiently
from flows.graph.prefect_yaml import CPU, GPU
from flows.serving.work_pools import prepare
from flows.serving.workers import RUNS_AT_ONCE, command, environment, without_gpu
from steps.runtime import processes

GRACE = 15.0  # seconds that a server may take to stop before it is killed
HOUR, RESTARTS = 3600.0, 5  # how often in an hour a process is started again that ends by itself
LOCKED = {"PREFECT_SERVER_DATABASE_TIMEOUT": "60", "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "60"}  # seconds
ORDER = {"PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "flows.serving.causal_ordering"}
WORKER_GRACE = 3.0  # a worker would wait for its runs, and without any it takes half a minute, too
DATABASES = ("PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL", "MLFLOW_TRACKING_URI")


@dataclass(frozen=True)
class Server:
    """One process: what to start, and where it answers when it is ready; a worker has no port."""

    name: str
    command: tuple[str, ...]
    port: int = 0
    health: str = ""
    page: str = ""  # where its start page is
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"


def servers(root: Path, prefect_port: int, mlflow_port: int) -> tuple[Server, Server]:
    """Return the servers for the checkout at ``root``; their state is in .tenfold/ and mlflow.db."""
    store = os.environ.get("MLFLOW_TRACKING_URI", "")
    backend = f"sqlite:///{root / 'mlflow.db'}" if not store or store.startswith("http") else store
    prefect = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(prefect_port)]
    mlflow = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(mlflow_port), "--workers", "1"]
    mlflow += ["--backend-store-uri", backend, "--default-artifact-root", str(root / "mlartifacts")]
    pages = {"PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{prefect_port}/api"}  # where Prefect's pages ask
    settings = _home(root) | pages | LOCKED | ORDER
    return (
        Server("Prefect", tuple(prefect), prefect_port, "/api/health", environment=settings),
        Server(
            "MLflow",
            tuple(mlflow),
            mlflow_port,
            "/health",
            "/#/experiments?workflowType=machine_learning",
            {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        ),
    )


def serve(root: Path, prefect_port: int, mlflow_port: int, *, workers: bool = True) -> None:
    """Start servers, deployments and a worker per pool; print the addresses; stop all on Ctrl-C or SIGTERM.

    Raises ServerError if this checkout's servers run already, a port is taken, a database's folder is missing, or
    a process does not answer or ends by itself too often.
    """
    prefect, mlflow = chosen = servers(root, prefect_port, mlflow_port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _only_here(root), Family(root) as family:
        _refuse_missing_folders()
        if prefect_port == mlflow_port:
            raise ServerError(f"Prefect and MLflow cannot share port {prefect_port}; give one of them another")
        for server in chosen:
            _refuse_taken(server)
        subprocess.run([sys.executable, "-m", "steps.tracking.delivery", "--create"], cwd=root, check=True)
        for server in chosen:
            family.start(server)
        for server in chosen:
            family.wait(server, partial(answered, server.address + server.health))
            print(f"{server.name:8} {server.address}{server.page}", flush=True)
        if workers:
            _start_workers(root, family, f"{prefect.address}/api", mlflow.address)
        print(f"Ready. In another terminal: export PREFECT_API_URL={prefect.address}/api", flush=True)
        family.watch()


def _start_workers(root: Path, family: Family, api: str, mlflow: str) -> None:
    """Prepare pools and deployments, then start a worker per pool and wait until the server knows it."""
    prepare(root, api)
    workers = {}
    for pool in (CPU, GPU):
        words = command(pool, f"{socket.gethostname()}-{pool}", RUNS_AT_ONCE)
        own = environment(root, api, mlflow) | _home(root)
        workers[pool] = Server(f"worker-{pool}", tuple(words), environment=own)
        family.start(workers[pool])
    for pool, worker in workers.items():
        family.wait(worker, partial(_online, api, pool))
        print(f"worker   pool {pool}{without_gpu(pool)}", flush=True)


def _home(root: Path) -> dict[str, str]:
    return {"PREFECT_HOME": str(root / ".tenfold" / "prefect")}


class Family:
    """Processes that are started together, watched together and stopped together, each with a log in .tenfold/."""

    def __init__(self, root: Path) -> None:
        self.root, self.logs = root, root / ".tenfold"
        self.members: dict[str, tuple[Server, subprocess.Popen[bytes]]] = {}

    def __enter__(self) -> Family:
        (self.logs / "prefect").mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop workers, and with them what they run, while their server still answers; then the servers."""
        processes.stop([process for server, process in self.members.values() if not server.port], WORKER_GRACE)
        processes.stop([process for server, process in self.members.values() if server.port], GRACE)

    def start(self, server: Server) -> None:
        """Start a member; servers start processes of their own, which end with its group."""
        with open(self._log(server), "ab") as log:
            process = processes.start(
                server.command,
                group=True,
                cwd=self.root,
                env=programs(server.environment),
                stdout=log,
                stderr=log,
            )
        self.members[server.name] = server, process

    def wait(self, server: Server, ready: Callable[[], bool]) -> None:
        """Wait until a member is ready.

        Raises ServerError if it ends first or takes too long.
        """
        process = self.members[server.name][1]
        if not patiently(process, ready):
            what = "did not start" if process.poll() is not None else f"did not answer within {PATIENCE:.0f} s"
            raise ServerError(f"{server.name} {what}; see {self._log(server)}")

    def watch(self) -> None:
        """Start each member again that ends by itself.

        Raises ServerError when one did so too often.
        """
        ended: dict[str, list[float]] = {name: [] for name in self.members}
        while True:
            time.sleep(0.5)
            for server, process in list(self.members.values()):
                if process.poll() is None:
                    continue
                recent = [when for when in ended[server.name] if time.monotonic() - when < HOUR]
                if len(recent) == RESTARTS:
                    raise ServerError(f"{server.name} ended by itself again and again; see {self._log(server)}")
                print(f"{server.name} ended by itself and is started again; see {self._log(server)}", flush=True)
                ended[server.name] = [*recent, time.monotonic()]
                self.start(server)

    def _log(self, server: Server) -> Path:
        return self.logs / f"{server.name.lower()}.log"


def _online(api: str, pool: str) -> bool:
    question = urllib.request.Request(
        f"{api}/work_pools/{pool}/workers/filter",
        b'{"workers": {"status": {"any_": ["ONLINE"]}}}',
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(question, timeout=5) as answer:
            return bool(json.load(answer))
    except OSError:
        return False


@contextmanager
def _only_here(root: Path) -> Iterator[None]:
    (root / ".tenfold").mkdir(exist_ok=True)
    holder = root / ".tenfold" / "up.pid"
    try:
        with FileLock(root / ".tenfold" / "up.lock", blocking=False):
            holder.write_text(str(os.getpid()), encoding="utf-8")
            yield
    except Timeout:
        number = holder.read_text(encoding="utf-8") if holder.is_file() else "unknown"
        raise ServerError(
            f"the servers of this checkout run already (process {number}); stop them with Ctrl-C there first"
        ) from None


def _refuse_missing_folders() -> None:
    for name in DATABASES:
        found = re.match(r"sqlite(?:\+\w+)?:///([^?]+)", os.environ.get(name, ""))
        if found and not Path(found.group(1)).parent.is_dir():
            raise ServerError(f"{name}: the folder {Path(found.group(1)).parent} does not exist; make it first")


def _refuse_taken(server: Server) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, server.port))
        except OSError:
            holder = "a server is running there already" if answered(server.address + server.health) else "it is taken"
            raise ServerError(
                f"port {server.port} is taken, so {server.name} cannot start: {holder}. Look at {server.address}, stop "
                f"what holds the port, or choose another with --{server.name.lower()}-port"
            ) from None
