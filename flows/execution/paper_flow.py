"""A paper as a Prefect flow: called, served or deployed, it brings the paper's stages up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, Literal, get_type_hints
from uuid import UUID

from prefect import Flow, get_client, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import deployment, flow_run

from flows.execution.dvc_cli import Outcome
from flows.execution.ephemeral_server import ensure_prefect_api
from flows.execution.flow import bring_up_to_date, threads
from flows.execution.results_artifact import Results
from flows.execution.stale_data import outdated
from flows.execution.workspaces import Workspace
from flows.graph.paper import Paper, trace
from flows.graph.parameters import check, held_still, override
from steps.runtime.processes import die_with_parent
from steps.step.params import read
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
        return_state: bool = False,
    ) -> Any:
        """Run the flow in this checkout and return each stage's final state by name, or, if asked for, Prefect's state.

        Prefect's server is the configured one, or else a temporary one. What is wrong with parameters is told before
        anything starts; a profile and overrides are written to the files of parameters.
        Raises ParameterError, WrongCheckout, NotDeployed for a revision, RunFailed after everything else has ended.
        """
        if revision:
            raise NotDeployed(f"revision {revision}: only a worker checks out a revision; here, use git switch")
        root, chosen = _root(), self.papers()
        with _held(root, chosen, profile, overrides, say=print):
            ensure_prefect_api()
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
        return run_papers([paper], profile, overrides, force)

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
    *,
    report: bool = False,
    before: Callable[[], None] | None = None,
) -> State[Any]:
    """Run papers in the current folder, as the body of a flow; show their results in Prefect, push what a clone made.

    In a deployed run a profile and overrides are written first, after whatever else runs in the checkout.
    ``before`` is called once parameters are checked and before the first stage.
    Raises WrongCheckout outside a checkout, ParameterError, PushFailed.
    """
    logger, workspace, deployed = get_run_logger(), Workspace.current(), bool(deployment.get_id())
    root = _root()
    if deployed:
        die_with_parent()  # the worker: its runs end with it, and another worker takes over
    with _held(root, chosen, profile, overrides, say=logger.info, wait=True) if deployed else nullcontext():
        nodes = [node for paper in chosen for node in paper.stages()]
        forced = {node.name for node in nodes} if force else set(outdated(root, chosen))
        if before is not None:
            before()
        _tag(read(root, [])["profile"])
        states: dict[str, str] = {}
        results = {paper.slug: Results(root, paper) for paper in chosen}
        try:
            final = bring_up_to_date(workspace, nodes, states=states, report=report, forced=forced)
            workspace.push()
            for paper in chosen:
                if not {states[node.name] for node in paper.stages()} <= set(Outcome):
                    del results[paper.slug]
            for result in results.values():
                result.tell_mlflow()
        finally:
            carry(root, workspace.environment)
        for result in results.values():
            result.tell_prefect()
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


@contextmanager
def _held(
    root: Path,
    chosen: list[Paper],
    profile: str,
    overrides: Sequence[str],
    *,
    say: Callable[[str], None],
    wait: bool = False,
) -> Iterator[None]:
    """Write a profile and overrides into the files of parameters, check all, and hold them still for the block."""

    def change() -> None:
        for line in override(root, chosen, None if profile == AS_IT_IS else profile, overrides):
            say(line)

    with held_still(root, change if profile != AS_IT_IS or overrides else None, wait=say if wait else None):
        check(root, chosen)
        yield


def _root() -> Path:
    root = Path.cwd()
    if not (root / "params.yaml").is_file():
        raise WrongCheckout(f"{root} is no checkout of this project; run papers at its root")
    return root
