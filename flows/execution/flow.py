"""The stages that ``dvc repro`` runs, as tasks of a Prefect flow, independent ones side by side."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import get_client, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Crashed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.execution import dvc_cli
from flows.execution.dvc_cli import Outcome
from flows.execution.gpus import held_gpu
from flows.execution.workspaces import PushFailed, Workspace
from flows.graph.dvc_yaml import REPORT, REPORT_RECORD
from flows.graph.paper import Node
from steps.step.params import read

FETCH_RETRIES: list[float] = [2, 10]  # seconds before each new try of a step that fetches
MOST_STAGES = 1000  # a thread each: one that waits for others holds its thread
PREFECT_RUN = "TENFOLD_PREFECT_RUN"  # the environment variable that tells a step which flow run it belongs to


@dataclass(frozen=True)
class Execution:
    """What the stages of one flow run share; as many run at once as there are cores, and those that wait take none."""

    workspace: Workspace
    stop: dvc_cli.Stop
    cores: threading.BoundedSemaphore


@task(cache_policy=NO_CACHE, persist_result=False)
def run_stage(execution: Execution, stage: str, record: Path, gpu: bool, force: bool) -> State[Any]:
    """Bring one stage up to date; the state's name says whether it was cached, restored or run."""
    logger, stop, workspace = get_run_logger(), execution.stop, execution.workspace
    own = {**workspace.environment, PREFECT_RUN: str(flow_run.get_id() or "")}
    try:
        with execution.cores, held_gpu(gpu, stop.wait) as visible:
            outcome = dvc_cli.reproduce(
                workspace.root,
                stage,
                record,
                force=force,
                say=logger.info,
                stop=stop,
                environment=own | visible,
            )
    except dvc_cli.DvcError:
        if stop.stopped:
            return Cancelled(message=f"{stage}: stopped; nothing half-written was kept")
        raise
    if outcome is Outcome.COMPLETED:
        try:
            workspace.push()
        except PushFailed as error:  # the flow tries again at its end
            logger.warning(str(error))
    return Completed(name=str(outcome), message=f"{stage}: {outcome.lower()}")


@task(cache_policy=NO_CACHE, persist_result=False)
def already_current(stage: str) -> State[Any]:
    """Say that DVC found a stage up to date before the flow began."""
    return Completed(name=str(Outcome.CACHED), message=f"{stage}: up to date")


def end_orphans() -> None:
    """End the task runs that an earlier try of this flow run left running or waiting when it was killed."""
    unended = [StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED]
    left = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=unended)))
    own = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(flow_run.get_id())]))
    with get_client(sync_client=True) as client:
        for task_run in client.read_task_runs(flow_run_filter=own, task_run_filter=left):
            client.set_task_run_state(task_run.id, Crashed(message="its flow was interrupted"), force=True)


def threads() -> Any:
    """Return the task runner of a flow over stages."""
    return ThreadPoolTaskRunner(max_workers=MOST_STAGES)


def bring_up_to_date(
    workspace: Workspace,
    nodes: Sequence[Node],
    *,
    states: dict[str, str],
    report: bool = False,
    forced: Collection[str] = (),
) -> State[Any]:
    """Run the stages of ``nodes`` as tasks of the flow that calls this, and return the state that it ends in.

    Each stage's final state is written into ``states``. Stages named in ``forced`` run even if they are cached.
    Independent stages run side by side, as many as there are cores; those tagged ``gpu`` obey the tag's
    concurrency limit and have a GPU each. Downstream of a failure a stage is *NotReady*; other branches finish.
    """
    execution = Execution(workspace, dvc_cli.Stop(), threading.BoundedSemaphore(os.cpu_count() or 1))
    profile, order = read(workspace.root, [])["profile"], {node.name: node for node in nodes}
    upstream = {name: [item.name for item in node.upstream] for name, node in order.items()}
    if report:
        upstream[REPORT] = list(order)
    stale = set(forced) | _stale(workspace.root, list(upstream))
    futures: dict[str, Any] = {}
    may_run: set[str] = set()
    try:
        for name, inputs in upstream.items():
            before, node = [futures[item] for item in inputs], order.get(name)
            if name not in stale and not may_run & set(inputs):
                futures[name] = already_current.with_options(name=name).submit(
                    name, return_state=False, wait_for=before
                )
                continue
            may_run.add(name)
            gpu = node is not None and node.gpu
            options = run_stage.with_options(
                name=name,
                tags=["gpu"] if gpu else [],
                retries=len(FETCH_RETRIES) if node is not None and node.fetches else 0,
                retry_delay_seconds=FETCH_RETRIES,
            )
            record = Path((node.provenance if node is not None else REPORT_RECORD).replace("${profile}", profile))
            futures[name] = options.submit(
                execution, name, record, gpu, name in forced, return_state=False, wait_for=before
            )
        for name, future in futures.items():
            future.wait()
            states[name] = future.state.name
    finally:
        execution.stop.all()  # before Prefect waits for the threads
    bad = [name for name, state in states.items() if state not in set(Outcome)]
    if bad:
        return Failed(message=f"did not end well: {', '.join(f'{name} ({states[name]})' for name in bad)}")
    return Completed(message=f"{len(states)} stages up to date", data=states)


def _stale(root: Path, names: list[str]) -> set[str]:
    """Return the stages that may have to run: all, where another flow runs one just now."""
    try:
        return set(dvc_cli.status(root, names))
    except dvc_cli.Busy:
        return set(names)
