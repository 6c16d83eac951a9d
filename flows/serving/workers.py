"""A Prefect worker that runs our deployments out of this checkout, or clones of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import NoReturn
from uuid import UUID

from flows.execution.dvc_cli import programs
from flows.execution.ephemeral_server import answered
from flows.execution.gpus import visible_gpus
from flows.execution.prefect_server import VARIABLE, NoServer, require_server
from flows.execution.results_artifact import MLFLOW
from flows.execution.workspaces import RevisionError, prepare_workspace
from flows.graph.prefect_yaml import GPU, HOME
from flows.serving.work_pools import HEARTBEAT

RUNS_AT_ONCE = 2  # a run of everything and one paper's, or two papers'
POLL = 2.0  # seconds between two questions for work


class UnknownPool(ValueError):
    """The server has no such work pool."""


def command(pool: str, name: str, at_once: int) -> list[str]:
    """Return the command of a worker."""
    return [sys.executable, "-m", "flows.serving.process_worker", pool, name, str(at_once)]


def without_gpu(pool: str) -> str:
    """Return a remark for a worker of the pool ``gpu`` on a machine that has none."""
    return " (this machine has no GPU: steps run on its CPU)" if pool == GPU and not visible_gpus() else ""


def environment(root: Path, api: str, mlflow: str | None = None) -> dict[str, str]:
    """Return what a worker of the checkout at ``root`` needs in its environment, and hands on to its runs."""
    return programs(
        {
            VARIABLE: api,
            HOME: str(root),
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT),
            "PREFECT_WORKER_QUERY_SECONDS": str(POLL),
            **({MLFLOW: mlflow} if mlflow else {}),
        }
    )


def server() -> str:
    """Return the address of the Prefect server that PREFECT_API_URL names.

    Raises NoServer if it names none, or none answers there.
    """
    api = os.environ.get(VARIABLE, "")
    if not api:
        raise NoServer(f"{VARIABLE} names no server; `python -m flows up` starts one and says what to set")
    return require_server(api)


def work(root: Path, pool: str, name: str | None, at_once: int) -> NoReturn:
    """Become a worker.

    Raises NoServer if there is no server, UnknownPool if it has no such work pool.
    """
    api = server()
    if not answered(f"{api}/work_pools/{pool}"):
        raise UnknownPool(f"the server at {api} has no work pool {pool!r}; run `python -m flows deploy` first")
    print(f"worker of pool {pool}{without_gpu(pool)}", flush=True)
    os.environ.update(_of_pool(api, pool) | os.environ)
    subprocess.run([sys.executable, "-m", "steps.tracking.delivery", "--create"], cwd=root)  # an outage is no matter
    os.chdir(root)
    own = name or f"{socket.gethostname()}-{pool}-{os.getpid()}"
    os.execve(sys.executable, command(pool, own, at_once), environment(root, api))


def _of_pool(api: str, pool: str) -> dict[str, str]:
    """Return the environment that a pool's template gives to runs: where MLflow is."""
    with urllib.request.urlopen(f"{api}/work_pools/{pool}", timeout=10) as answer:
        variables = json.load(answer)["base_job_template"].get("variables", {})
    return variables.get("properties", {}).get("env", {}).get("default") or {}


def workspace() -> Path:
    """Return the folder for the flow run that PREFECT__FLOW_RUN_ID names: its clone of our checkout.

    Where that cannot be made, our checkout: the flow that is loaded there then says why, which this cannot.
    """
    from prefect import get_client

    number, home = os.environ["PREFECT__FLOW_RUN_ID"], Path(os.environ[HOME])
    with get_client(sync_client=True) as client:
        asked = client.read_flow_run(UUID(number)).parameters
    try:
        return prepare_workspace(home, asked.get("revision"), number)
    except RevisionError:
        return home
