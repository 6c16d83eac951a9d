"""Papers spread over workers: each one a run of its own paper's deployment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments import run_deployment
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelling

from flows.execution.workspaces import head
from flows.graph.paper import Paper
from flows.graph.prefect_yaml import pools
from flows.serving.work_pools import LOST

PAUSE = 2.0  # seconds between two looks at the runs


class PaperFailed(RuntimeError):
    """At least one paper's run did not complete."""


def fan_out(papers: list[Paper], parameters: dict[str, Any]) -> None:
    """Start a run for each paper and wait until all have ended; they all use the commit that is checked out here.

    A run that this one started is cancelled if this one is stopped.
    Raises PaperFailed naming the papers whose run did not complete, after all have ended.
    """
    parameters = parameters | {"revision": head(Path.cwd())}
    own = str(deployment.get_name() or "cpu")
    runs: dict[str, FlowRun] = {}
    try:
        for paper in papers:
            name = own if own in pools(paper) else pools(paper)[0]
            runs[paper.slug] = run_deployment(f"{paper.slug}/{name}", parameters=parameters, timeout=0)  # type: ignore[assignment]
        _show("Waiting")
        ended = _await({slug: run.id for slug, run in runs.items()})
        _show("Running")
    except BaseException:
        _cancel([run.id for run in runs.values()])
        raise
    bad = [f"{slug} ({state})" for slug, state in ended.items() if state != "Completed"]
    if bad:
        raise PaperFailed(f"did not complete: {', '.join(bad)}; their own runs say why")


def _show(name: str) -> None:
    """Give the state of this run another name, for whoever looks at it."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(UUID(flow_run.get_id()), State(type=StateType.RUNNING, name=name), force=True)


def _await(runs: dict[str, UUID]) -> dict[str, str]:
    """Return the name of the state that each run ended in; one that is lost is about to be scheduled again."""
    logger = get_run_logger()
    ended: dict[str, str] = {}
    with get_client(sync_client=True) as client:
        while len(ended) < len(runs):
            for slug, number in runs.items():
                state = client.read_flow_run(number).state
                if slug not in ended and state is not None and state.is_final() and state.name != LOST:
                    ended[slug] = state.name or state.type.value
                    logger.info("%s: %s", slug, ended[slug])
            time.sleep(PAUSE)
    return ended


def _cancel(runs: list[UUID]) -> None:
    with get_client(sync_client=True) as client:
        for number in runs:
            state = client.read_flow_run(number).state
            if state is None or not state.is_final():
                client.set_flow_run_state(number, Cancelling(message="the run that started it was stopped"))
