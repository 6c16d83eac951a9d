"""The flows that workers run: one a paper and everything; prefect.yaml names them by ``served.py:<paper>``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from prefect import Flow, flow, get_run_logger
from prefect.client.schemas.objects import State

from flows.execution.dvc_cli import Outcome
from flows.execution.flow import bring_up_to_date, threads
from flows.execution.results_artifact import show_results
from flows.execution.stale_data import outdated
from flows.graph.paper import ALL_PAPERS, EVERYTHING, Paper, description, papers
from flows.graph.parameters import check, held_still, override
from flows.serving.fan_out import spread
from flows.serving.sharing import Pusher
from flows.serving.workspaces import HOME, discard
from steps.runtime.processes import die_with_parent
from steps.tracking.spool import carry

AS_IT_IS: Final = "as in params.yaml"
Profile = Literal["as in params.yaml", "smoke", "default", "extended", "gpu", "full"]
FORM = """

Args:
    profile: The scale to run at.
    overrides: Parameters as key=value, for example seed=1 or dp_john.solve.tolerance=1e-3.
    force: Run every step, even those that are cached.
    revision: A commit, tag or branch, which the worker checks out in a folder of its own, pulling from and pushing
        to DVC's remote. Empty: the worker's own checkout as it stands.
"""


def _reproduce(
    chosen: list[Paper],
    profile: str,
    overrides: Sequence[str],
    force: bool,
    *,
    report: bool = False,
    before: Callable[[], None] | None = None,
) -> State[Any]:
    """Run papers in the current folder, show their results in Prefect, and share what a clone made."""
    die_with_parent()  # the worker: its runs end with it, and another worker takes over
    logger, root = get_run_logger(), Path.cwd()
    home = Path(os.environ.get(HOME, root))
    if root != home:
        os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")

    def change() -> None:
        for line in override(root, chosen, None if profile == AS_IT_IS else profile, overrides):
            logger.info(line)

    with (
        held_still(root, change if profile != AS_IT_IS or overrides else None, wait=logger.info),
        Pusher(root, home) as pusher,
    ):
        check(root, chosen)
        nodes = [node for paper in chosen for node in paper.stages()]
        forced = {node.name for node in nodes} if force else set(outdated(root, chosen))
        if before is not None:
            before()
        states: dict[str, str] = {}
        try:
            final = bring_up_to_date(root, nodes, report=report, forced=forced, states=states, done=pusher.note)
        finally:
            carry(root)
        for paper in chosen:
            if {states[node.name] for node in paper.nodes} <= set(Outcome):
                show_results(root, paper)
    if final.is_completed():
        discard(root)
    return final


def paper_flow(paper: Paper) -> Flow[..., Any]:
    """Return the flow of one paper."""

    def reproduce(
        profile: Profile = AS_IT_IS, overrides: Sequence[str] = (), force: bool = False, revision: str = ""
    ) -> State[Any]:
        return _reproduce([paper], profile, overrides, force)

    return _flow(reproduce, paper.slug, description(paper.slug))


def everything_flow() -> Flow[..., Any]:
    """Return the flow of all papers, then the report.

    With a revision each paper is a run of its own, on whichever worker is free; what they made is restored here.
    """

    def reproduce(
        profile: Profile = AS_IT_IS, overrides: Sequence[str] = (), force: bool = False, revision: str = ""
    ) -> State[Any]:
        asked = {"profile": profile, "overrides": list(overrides), "force": force}
        chosen = papers(Path.cwd())
        elsewhere = partial(spread, chosen, asked) if revision else None
        return _reproduce(chosen, profile, overrides, force and not revision, report=True, before=elsewhere)

    return _flow(reproduce, EVERYTHING, ALL_PAPERS)


def _flow(body: Callable[..., State[Any]], name: str, what: str) -> Flow[..., Any]:
    """Make a flow whose description and form are in its docstring, where Prefect looks for them."""
    body.__doc__ = what + FORM
    return flow(name=name, description=what, task_runner=threads(), persist_result=False)(body)


def __getattr__(name: str) -> Flow[..., Any]:
    """Return the flow called ``name``, which Prefect asks for by the entrypoint in prefect.yaml."""
    if name == EVERYTHING:
        return everything_flow()
    for paper in papers(Path.cwd()):
        if paper.slug == name:
            return paper_flow(paper)
    raise AttributeError(name)
