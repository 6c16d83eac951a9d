"""The Prefect flow that runs the same stages as ``dvc repro``, independent ones side by side."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.execution import dvc_cli as dvc
from flows.execution.ephemeral_server import ensure_prefect_api
from flows.execution.gpus import held_card
from flows.graph.dvc_yaml import REPORT
from flows.graph.paper import Node

FETCH_RETRIES: list[float] = [2, 10]  # seconds before each new try of a step that fetches
MOST_STAGES = 1000  # a thread each: one that waits for others holds its thread


class RunFailed(RuntimeError):
    """At least one stage of a flow failed; the others ran as far as they could."""


class Cores:
    """As many stages at once as there are cores; those that wait for others take no place."""

    def __init__(self) -> None:
        self.stop = dvc.Stop()
        self.free = threading.BoundedSemaphore(os.cpu_count() or 1)


@task(cache_policy=NO_CACHE, persist_result=False)
def run_stage(root: Path, stage: str, gpu: bool, force: bool, cores: Cores, done: Callable[[], None]) -> State[Any]:
    """Bring one stage up to date; the state's name says whether it was cached, restored or run."""
    logger = get_run_logger()
    os.environ["TENFOLD_PREFECT_RUN"] = str(flow_run.get_id() or "")
    try:
        with cores.free, held_card(gpu, cores.stop.wait) as card:
            outcome = dvc.reproduce(root, stage, force=force, say=logger.info, stop=cores.stop, environment=card)
    except dvc.DvcError:
        if cores.stop.stopped:
            return Cancelled(message=f"{stage}: stopped; nothing half-written was kept")
        raise
    if outcome is dvc.Outcome.COMPLETED:
        done()
    return Completed(name=str(outcome), message=f"{stage}: {outcome.lower()}")


@task(cache_policy=NO_CACHE, persist_result=False)
def already_current(stage: str) -> State[Any]:
    """Say that DVC found a stage up to date before the flow began."""
    return Completed(name=str(dvc.Outcome.CACHED), message=f"{stage}: up to date")


def threads() -> Any:
    """Return the task runner of a flow over stages."""
    return ThreadPoolTaskRunner(max_workers=MOST_STAGES)


def run(
    root: Path, title: str, nodes: Sequence[Node], *, report: bool = False, forced: Collection[str] = ()
) -> dict[str, str]:
    """Run the stages of ``nodes`` as one Prefect flow of its own and return each stage's final state by name.

    As ``bring_up_to_date``; Prefect's server is the configured one, or else a temporary one.
    Raises RunFailed, after everything else has ended, if a stage failed.
    """
    states: dict[str, str] = {}

    @flow(name=title, task_runner=threads(), persist_result=False, log_prints=False)
    def reproduce() -> State[Any]:
        return bring_up_to_date(root, nodes, report=report, forced=forced, states=states)

    ensure_prefect_api()
    final = reproduce(return_state=True)
    if not final.is_completed():
        raise RunFailed(f"{title}: {final.message}")
    return states


def bring_up_to_date(
    root: Path,
    nodes: Sequence[Node],
    *,
    report: bool = False,
    forced: Collection[str] = (),
    states: dict[str, str],
    done: Callable[[], None] = lambda: None,
) -> State[Any]:
    """Run the stages of ``nodes`` as tasks of the flow that calls this, and return the state that it ends in.

    Each stage's final state is written into ``states``; ``done`` is called after each stage that ran.
    Stages named in ``forced`` run even if they are cached.
    Independent stages run side by side, as many as there are cores; those tagged ``gpu`` obey the tag's
    concurrency limit and have a card each. Downstream of a failure a stage is *NotReady*; other branches finish.
    """
    cores = Cores()
    names = [node.name for node in nodes] + ([REPORT] if report else [])
    stale = set(forced) | _stale(root, names)
    futures: dict[str, Any] = {}
    may_run: set[str] = set()
    try:
        for name, inputs, gpu, fetches in _order(nodes, report):
            upstream = [futures[item] for item in inputs]
            if name in stale or may_run & set(inputs):
                may_run.add(name)
                options = run_stage.with_options(
                    name=name,
                    tags=["gpu"] if gpu else [],
                    retries=len(FETCH_RETRIES) if fetches else 0,
                    retry_delay_seconds=FETCH_RETRIES,
                )
                futures[name] = options.submit(
                    root, name, gpu, name in forced, cores, done, return_state=False, wait_for=upstream
                )
            else:
                futures[name] = already_current.with_options(name=name).submit(
                    name, return_state=False, wait_for=upstream
                )
        for name, future in futures.items():
            future.wait()
            states[name] = future.state.name
    finally:
        cores.stop.all()  # before Prefect waits for the threads
    bad = [name for name, state in states.items() if state not in set(dvc.Outcome)]
    if bad:
        return Failed(message=f"did not end well: {', '.join(f'{name} ({states[name]})' for name in bad)}")
    return Completed(message=f"{len(states)} stages up to date")


def _stale(root: Path, names: list[str]) -> set[str]:
    """Return the stages that may have to run: all, where another flow runs one just now."""
    try:
        return set(dvc.status(root, names))
    except dvc.Busy:
        return set(names)


def _order(nodes: Sequence[Node], report: bool) -> list[tuple[str, list[str], bool, bool]]:
    """Return (stage, its upstream stages, gpu, fetches), upstream first, each once."""
    order = {node.name: (node.name, [item.name for item in node.inputs], node.gpu, node.is_source) for node in nodes}
    if report:
        order[REPORT] = (REPORT, list(order), False, False)
    return list(order.values())
