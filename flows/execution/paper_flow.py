"""A paper as a Prefect flow: called, served or deployed, it brings the paper's stages up to date."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, Literal, get_type_hints
from uuid import UUID

from prefect import Flow, get_client, get_run_logger
from prefect.client.schemas.objects import State
from prefect.exceptions import FailedRun
from prefect.runtime import deployment, flow_run
from prefect.states import Failed

from flows.execution.damage import set_aside
from flows.execution.dvc_cli import Outcome, checkout
from flows.execution.ephemeral_server import prefect_api
from flows.execution.flow import bring_up_to_date, end_orphans, threads
from flows.execution.held_parameters import held_still
from flows.execution.results_artifact import Results
from flows.execution.stale_data import outdated
from flows.execution.workspaces import RevisionError, Workspace
from flows.graph.paper import Node, Paper, trace
from flows.graph.parameters import check, override
from steps.runtime.processes import die_with_parent
from steps.step.params import ParameterError, read
from steps.tracking.spool import carry

AS_IT_IS: Final = "as in params.yaml"
Profile = Literal["as in params.yaml", "smoke", "default", "extended", "gpu", "full"]
FORM = """

Args:
    profile: The scale to run at.
    overrides: Parameters as key=value, for example seed=1 or dp_john.solve.tolerance=1e-3.
    force: Run every step, even those that are cached.
    revision: A commit, tag or branch, pulling from and pushing to DVC's remote. Empty: the commit that is checked
        out where the worker is. A deployed run works in a clone of its own, with the parameters of that commit.
"""


class WrongCheckout(RuntimeError):
    """The flow and the modules that it imports belong to different checkouts, or it is called outside its own."""


class NotDeployed(ValueError):
    """A revision was asked of a run without a worker to check it out."""


class RunFailed(RuntimeError):
    """At least one stage of a flow failed; the others ran as far as they could."""


class PaperFlow(Flow[..., Any]):
    """A Prefect flow over the stages of ``papers()``; ``paper`` is the graph of a flow over one."""

    papers: Callable[[], list[Paper]]
    paper: Paper | None

    def with_options(self, **options: Any) -> PaperFlow:
        """Return the same flow with other options of Prefect's."""
        other: Any = super().with_options(**options)  # Prefect makes a plain Flow of it
        other.__class__, other.papers, other.paper = PaperFlow, self.papers, self.paper
        return other

    def __call__(  # type: ignore[override]
        self,
        profile: str = AS_IT_IS,
        overrides: Sequence[str] = (),
        force: bool = False,
        revision: str = "",
        *,
        save: bool = False,
        return_state: bool = False,
    ) -> Any:
        """Run the flow in this checkout and return each stage's final state by name, or, if asked for, Prefect's state.

        Prefect's server is the configured one, or else a temporary one. What is wrong with parameters is told before
        anything starts; a profile and overrides are written to the files of parameters, which are put back at the end,
        with the lock files, unless asked to ``save`` them.
        Raises ParameterError, WrongCheckout, NotDeployed for a revision, RunFailed after everything else has ended.
        """
        if revision:
            raise NotDeployed(f"revision {revision}: only a worker checks out a revision; here, use git switch")
        root, chosen = _root(), self.papers()
        with _held(root, chosen, profile, overrides, say=print, keep=save), prefect_api():
            state: Any = super().__call__(profile, overrides, force, revision, return_state=True)
        if return_state:
            return state
        if not state.is_completed():
            raise RunFailed(f"{self.name}: {state.message}")
        return state.result()


def paper_flow(declare: Callable[[], object]) -> PaperFlow:
    """Turn the function that declares a paper into the paper's flow; its graph is ``paper``.

    Raises GraphError for a wrong declaration, WrongCheckout if the function stands in another checkout than this.
    """
    here, home = Path(declare.__code__.co_filename).resolve().parent, Path(__file__).resolve().parents[1]
    if here != home:
        raise WrongCheckout(
            f"{here / declare.__name__}.py imports the flows of {home}; install its own checkout "
            f"(pip install -e .), or run python -m flows run {declare.__name__} there"
        )
    paper = trace(declare)

    def reproduce(
        profile: Profile = AS_IT_IS, overrides: Sequence[str] = (), force: bool = False, revision: str = ""
    ) -> State[Any]:
        return run_papers([paper], profile, overrides, force, revision)

    flow = as_flow(reproduce, declare.__name__, declare.__module__, paper.description, lambda: [paper])
    flow.paper = paper
    return flow


def as_flow(
    body: Callable[..., State[Any]], name: str, module: str, description: str, papers: Callable[[], list[Paper]]
) -> PaperFlow:
    """Make a flow that Prefect finds again as ``name`` in ``module``, its form described where Prefect looks for it."""
    body.__annotations__ = get_type_hints(body)  # their names are known here, not in the paper's module
    body.__name__ = body.__qualname__ = name
    body.__module__, body.__doc__ = module, description + FORM
    flow = PaperFlow(
        body,
        name=name,
        description=description,
        task_runner=threads(),
        persist_result=False,
        flow_run_name=_run_name,
    )
    flow.papers, flow.paper = papers, None
    return flow


def run_papers(
    chosen: list[Paper],
    profile: str,
    overrides: Sequence[str],
    force: bool,
    revision: str,
    *,
    report: bool = False,
    before: Callable[[], None] | None = None,
) -> State[Any]:
    """Run papers in the current folder, as the body of a flow, and show their results in Prefect.

    A deployed run works in a clone, writes a profile and overrides there first, and hands over what it made.
    ``before`` is called once parameters are checked and before the first stage.
    What is wrong with parameters or the revision is the message of the state that is returned.
    """
    logger, deployed = get_run_logger(), bool(deployment.get_id())
    try:
        root, workspace = _root(), Workspace.current(pushes=bool(revision))
        if deployed:
            die_with_parent()  # the worker: its runs end with it, and another worker takes over
            end_orphans()
            logging.getLogger("prefect.flow_runs").addFilter(_worth_a_line)
            workspace.require(revision)
        with _held(root, chosen, profile, overrides, say=logger.info) if deployed else nullcontext():
            nodes = [node for paper in chosen for node in paper.stages()]
            if workspace.is_clone:
                checkout(root, [node.name for node in nodes])
            for name, what in set_aside(root, chosen).items():
                logger.warning(f"{name}: {what}")
            forced = {node.name for node in nodes} if force else set(outdated(root, chosen))
            if before is not None:
                before()
            final = _run(workspace, chosen, nodes, forced, report)
            if final.is_completed() and not (overrides or revision):
                workspace.hand_over(chosen)
    except (ParameterError, RevisionError) as error:
        logger.error(str(error))
        return Failed(message=f"{type(error).__name__}: {error}")
    if final.is_completed():
        workspace.discard()
    return final


def _run_name() -> str:
    """Return ``dp_john · smoke · seed 1``, from what the run was asked for and the parameters as they stand."""
    asked = flow_run.get_parameters() or {}
    settings = read(_root(), [])
    profile = asked.get("profile", AS_IT_IS)
    assigned = dict(item.partition("=")[::2] for item in asked.get("overrides") or ())
    seed = assigned.get("seed", settings["seed"])
    return f"{flow_run.get_flow_name()} · {settings['profile'] if profile == AS_IT_IS else profile} · seed {seed}"


def _tag(profile: str) -> None:
    """Add the profile to the tags of the flow run."""
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(flow_run.get_id()))
        client.update_flow_run(run.id, tags=sorted({*run.tags, profile}))


def _run(
    workspace: Workspace, chosen: list[Paper], nodes: list[Node], forced: Collection[str], report: bool
) -> State[Any]:
    """Bring stages up to date, and show the results of each paper all of whose stages are."""
    states: dict[str, str] = {}
    results = {paper.slug: Results(workspace.root, paper) for paper in chosen}
    _tag(read(workspace.root, [])["profile"])
    try:
        final = bring_up_to_date(workspace, nodes, states=states, report=report, forced=forced)
        workspace.push()
        for paper in chosen:
            if not {states[node.name] for node in paper.stages()} <= set(Outcome):
                del results[paper.slug]
        for result in results.values():
            result.tell_mlflow()
    finally:
        carry(workspace.root, workspace.environment)
    for result in results.values():
        result.tell_prefect()
    return final


@contextmanager
def _held(
    root: Path,
    chosen: list[Paper],
    profile: str,
    overrides: Sequence[str],
    *,
    say: Callable[[str], None],
    keep: bool = False,
) -> Iterator[None]:
    """Write a profile and overrides into the files of parameters, check all, and hold them still for the block."""

    def change() -> None:
        for line in override(root, chosen, None if profile == AS_IT_IS else profile, overrides):
            say(line)

    with held_still(root, change if profile != AS_IT_IS or overrides else None, keep=keep, say=say):
        check(root, chosen)
        yield


def _worth_a_line(record: logging.LogRecord) -> bool:
    """Return whether a log record is more than Prefect's own traceback for a run whose state says why it failed."""
    return not (record.exc_info and isinstance(record.exc_info[1], FailedRun))


def _root() -> Path:
    root = Path.cwd()
    if not (root / "params.yaml").is_file():
        raise WrongCheckout(f"{root} is no checkout of this project; run papers at its root")
    return root
