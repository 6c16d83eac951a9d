"""What a Prefect server needs for our deployments: work pools, limits, and what happens to a lost run."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker

from flows.execution.dvc_cli import programs
from flows.execution.gpus import visible_gpus
from flows.graph.prefect_yaml import CPU, GPU

HEARTBEAT = 30  # seconds between two signs of life of a run; Prefect takes no less
LOST_AFTER = 75  # seconds without one: the run is taken as lost, and another worker takes it over
LOST = "Lost"  # the state of such a run until then
DESCRIPTIONS = {
    CPU: "Workers on machines without a GPU: python -m flows worker",
    GPU: "Workers on machines with a GPU: python -m flows worker --pool gpu",
}


class DeployFailed(RuntimeError):
    """Prefect refused the deployments."""


def prepare(root: Path, api: str, gpus: int | None = None) -> None:
    """Make work pools, limits, automation and deployments on the server at ``api``, or bring them up to date.

    Runs of new pools deliver to the MLflow server that MLFLOW_TRACKING_URI names.

    ``gpus`` is how many steps tagged ``gpu`` may run at once over all workers: by default as many as this machine
    has GPUs, and one where it has none.
    Raises DeployFailed with Prefect's words if it refuses a deployment.
    """
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        for pool in (CPU, GPU):
            _pool(client, pool)
        client.create_concurrency_limit(tag=GPU, concurrency_limit=gpus or len(visible_gpus()) or 1)
        for automation in _automations():
            _automate(client, automation)
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=root,
        env=programs({"PREFECT_API_URL": api}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise DeployFailed(f"prefect deploy --all failed:\n{(done.stdout + done.stderr).strip()}")


def _pool(client: SyncPrefectClient, name: str) -> None:
    template = ProcessWorker.get_default_base_job_template()
    tracking = os.environ.get("MLFLOW_TRACKING_URI", "")
    if tracking.startswith("http"):  # otherwise each worker would write to a store of its own
        template["variables"]["properties"]["env"]["default"] = {"MLFLOW_TRACKING_URI": tracking}
    pool = WorkPoolCreate(name=name, type="process", description=DESCRIPTIONS[name], base_job_template=template)
    with suppress(ObjectAlreadyExists):  # then it stays as its owner has set it since
        client.create_work_pool(pool)


def _automations() -> list[AutomationCore]:
    """Return what happens to a run that gives no sign of life: it is *Lost*, and a lost run is scheduled again.

    In two steps, because Prefect refuses to call a run that has ended crashed, but not to schedule it again: a late
    sign of life of one that has ended must not start it anew.
    """
    runs = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
    begun, alive = "prefect.flow-run.Running", "prefect.flow-run.heartbeat"
    ended = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed", LOST)}
    lost = AutomationCore(
        name="Notice runs whose worker died",
        description=f"A run without a sign of life for {LOST_AFTER} s is lost.",
        trigger=EventTrigger(
            match=runs,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            after={begun, alive},
            expect={alive} | ended,
            threshold=1,
            within=timedelta(seconds=LOST_AFTER),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, name=LOST, message="its worker died", force=False)],
    )
    again = AutomationCore(
        name="Take over runs whose worker died",
        description="A lost run is scheduled again; another worker goes on from cache and checkpoints.",
        trigger=EventTrigger(
            match=runs,
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            expect={f"prefect.flow-run.{LOST}"},
            threshold=1,
            within=timedelta(0),
        ),
        actions=[ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message="lost", force=False)],
    )
    return [lost, again]


def _automate(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    for known in client.read_automations_by_name(wanted.name):
        if known.description == wanted.description:
            return  # it knows of runs that were lost with the server
        client.delete_automation(known.id)
    client.create_automation(wanted)
