"""The command line: ``python -m flows --help``."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Tenfold: ten machine-learning papers as flows of cached steps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ROOT = Path.cwd()
INTERRUPTED = 130
PORT: Any = {"min": 1, "max": 65535}
Profile = Annotated[str | None, typer.Option(help="Run at this scale.")]
Assignments = Annotated[list[str] | None, typer.Option("--set", help="key=value, for this run.")]


@app.command("list")
def list_papers() -> None:
    """List the papers and their steps."""
    from flows.graph.paper import FLAGS, papers

    for paper in papers(ROOT):
        typer.echo(paper.slug)
        for node in paper.nodes:
            marks = [mark for mark in FLAGS if getattr(node, mark)]
            inputs = ", ".join(item.own_name if item.paper == paper.slug else item.name for item in node.upstream)
            typer.echo(f"  {node.own_name:24} from {inputs or 'nothing'}{' · ' + ', '.join(marks) if marks else ''}")


@app.command()
def run(
    paper: Annotated[str, typer.Argument(help="A paper's slug, or all.")],
    profile: Profile = None,
    force: Annotated[bool, typer.Option(help="Run every step, even those that are cached.")] = False,
    assignments: Assignments = None,
    save: Annotated[bool, typer.Option(help="Keep what --profile and --set changed, and the lock files.")] = False,
) -> None:
    """Run a paper's steps as a Prefect flow; what DVC finds up to date is not run again."""
    import signal

    from flows.execution.prefect_server import VARIABLE, require_server

    if api := os.environ.get(VARIABLE):
        require_server(api)  # before Prefect's imports, which take seconds
    from flows.execution.paper_flow import AS_IT_IS
    from flows.graph.paper import flow_named
    from flows.serving.everything import everything

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that parameters are put back
    flow = everything if paper == "all" else flow_named(ROOT, paper)
    for name, state in flow(profile or AS_IT_IS, assignments or [], force, save=save).items():
        typer.echo(f"{state:10} {name}")


@app.command()
def plan(paper: Annotated[str, typer.Argument(help="A paper's slug, or all.")] = "all") -> None:
    """Say for each step whether it is cached or will run, and why."""
    from flows.execution.plan import reasons
    from flows.graph.paper import paper_named, papers
    from flows.graph.parameters import check

    chosen = papers(ROOT) if paper == "all" else [paper_named(ROOT, paper)]
    check(ROOT, chosen)
    for name, reason in reasons(ROOT, chosen).items():
        typer.echo(f"{name:34} {'cached' if reason is None else f'will run, because {reason}'}")


@app.command()
def dag(paper: Annotated[str, typer.Argument(help="A paper's slug.")]) -> None:
    """Draw a paper's steps as a tree of their inputs, cached and stale ones told apart."""
    from rich import print as draw

    from flows.execution.plan import tree
    from flows.graph.paper import paper_named

    draw(tree(ROOT, paper_named(ROOT, paper)))


@app.command()
def refresh() -> None:
    """Check all parameters, mend what was killed or damaged, bring data anew where the mirror has the real thing."""
    from flows.execution import refresh
    from flows.graph.paper import papers

    for line in refresh.refresh(ROOT, papers(ROOT)):
        typer.echo(line)


@app.command()
def generate(check: Annotated[bool, typer.Option(help="Only say whether the files are current.")] = False) -> None:
    """Generate the dvc.yaml files and prefect.yaml from the papers' graphs."""
    from flows.graph.dvc_yaml import dvc_yamls, stale, write
    from flows.graph.prefect_yaml import prefect_yaml

    texts = {**dvc_yamls(ROOT), Path("prefect.yaml"): prefect_yaml(ROOT)}
    if not check:
        for line in write(ROOT, texts):
            typer.echo(line)
    elif wrong := stale(ROOT, texts):
        for file in wrong:
            typer.echo(f"{file} {'is not current' if file in texts else 'belongs to no paper'}", err=True)
        typer.echo("run: python -m flows generate", err=True)
        raise typer.Exit(1)


@app.command()
def new(paper: Annotated[str, typer.Argument(help="Its name: lower-case words joined by underscores.")]) -> None:
    """Write a paper that runs, a copy of examples/toy_paper under another name, and generate its stages."""
    from importlib import invalidate_caches

    from flows.graph.new_paper import new_paper

    for path in new_paper(ROOT, paper):
        typer.echo(f"wrote {path}")
    invalidate_caches()
    generate(check=False)


@app.command()
def report(chosen: Annotated[str | None, typer.Option("--profile", help="Default: params.yaml's.")] = None) -> None:
    """Write reports/<profile>.md, .html and .json from the results that are there."""
    import json
    from datetime import UTC, datetime

    from flows.execution.flow import PREFECT_RUN
    from flows.execution.results_artifact import Results
    from flows.execution.stale_data import require_recorded
    from flows.graph.dvc_yaml import REPORT_RECORD
    from flows.graph.paper import papers
    from flows.report.write import write_report
    from steps.runtime import invocation
    from steps.runtime.outputs import write_atomically
    from steps.runtime.processes import die_with_parent
    from steps.step.params import read
    from steps.tracking.spool import carry

    if "DVC_STAGE" in os.environ:
        die_with_parent()
        invocation.leave_sign(ROOT)
    profile, began = chosen or read(ROOT, [])["profile"], datetime.now(UTC).isoformat(timespec="seconds")
    known = papers(ROOT)
    if chosen is None:
        require_recorded(ROOT, known)
    for path in write_report(profile, ROOT, {paper.slug: paper.steps for paper in known}):
        typer.echo(f"wrote {path.relative_to(ROOT)}")
    for result in (Results(ROOT, paper) for paper in known):
        if result.before and PREFECT_RUN not in os.environ:  # a flow tells more
            result.tell_mlflow()
    record = {
        "stage": "report",
        "profile": profile,
        "started": began,
        "seconds": 0.0,
        "invocation": invocation.current(),
    }
    write_atomically(ROOT / REPORT_RECORD.replace("${profile}", profile), json.dumps(record, indent=1) + "\n")
    carry(ROOT)


@app.command()
def readme(
    check: Annotated[bool, typer.Option(help="Only say whether every part is current.")] = False,
) -> None:
    """Write the generated parts of README and docs: verdicts from the strongest reports, papers, graphs, the tree."""
    from flows.report.readme import outdated_parts, update_readme

    if not check:
        for path in update_readme(ROOT):
            typer.echo(f"wrote {path}")
    elif wrong := outdated_parts(ROOT):
        for path in wrong:
            typer.echo(f"{path} is not current", err=True)
        typer.echo("run: python -m flows readme", err=True)
        raise typer.Exit(1)


@app.command()
def register(check: Annotated[bool, typer.Option(help="Only say whether every test is registered.")] = False) -> None:
    """Write steps/<paper>/claims.lock, the registered form of the tests; refused where one changed unexplained."""
    from flows.report import registration

    changed = registration.register(ROOT, check=check)
    for path in changed:
        typer.echo(f"{path} is not current; run: python -m flows register" if check else f"wrote {path}", err=check)
    if check and changed:
        raise typer.Exit(1)


@app.command()
def compare(
    revision: Annotated[str, typer.Argument(help="A commit, branch or tag.")] = "HEAD",
    profile: Annotated[str | None, typer.Option(help="Default: the one in params.yaml.")] = None,
) -> None:
    """Compare the results made here with those committed, value by value; exit status 1 where one differs."""
    from flows.report.compare import compare
    from steps.step.params import read

    profile = profile or read(ROOT, [])["profile"]
    found = compare(ROOT, profile, revision)
    typer.echo(f"results of the profile {profile} here, compared with those of {revision}")
    for paper in found:
        typer.echo("\n".join(paper.lines()))
    if not all(paper.agrees for paper in found):
        raise typer.Exit(1)


@app.command()
def push() -> None:
    """Push everything that was made here to DVC's remote: what is committed, and every earlier run that it cached."""
    from flows.execution.sharing import push

    typer.echo(f"{push(ROOT)} new files pushed")


@app.command()
def gc(dry: Annotated[bool, typer.Option(help="Only say how much would be removed.")] = False) -> None:
    """Remove from DVC's cache what no commit, and no cached run of a stage under any profile, refers to."""
    from flows.execution.sharing import collect_garbage
    from flows.graph.paper import papers

    entries, objects = collect_garbage(ROOT, papers(ROOT), dry=dry)
    typer.echo(f"{entries} runs of stages that are no more and {objects} files {'would be ' if dry else ''}removed")


@app.command()
def up(
    prefect_port: Annotated[int, typer.Option(help="Where Prefect's server and pages answer.", **PORT)] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Where MLflow's pages answer.", **PORT)] = 5000,
    workers: Annotated[bool, typer.Option(help="Deploy the flows and start a worker for each pool.")] = True,
) -> None:
    """Start a Prefect server with deployments and workers, and the MLflow UI, on loopback, until Ctrl-C."""
    from flows.serving.servers import serve

    serve(ROOT, prefect_port, mlflow_port, workers=workers)


@app.command()
def deploy(
    gpus: Annotated[int | None, typer.Option(help="GPU steps at once over all workers; default: our cards.")] = None,
) -> None:
    """Make work pools, limits and deployments on the server that PREFECT_API_URL names."""
    from flows.serving.work_pools import prepare
    from flows.serving.workers import server

    prepare(ROOT, server(), gpus)


@app.command()
def worker(
    pool: Annotated[str, typer.Option(help="cpu or gpu.")] = "cpu",
    name: Annotated[str | None, typer.Option(help="Default: this machine's name, the pool and a number.")] = None,
    at_once: Annotated[int, typer.Option(help="How many runs it takes at once.")] = 2,
) -> None:
    """Work for the server that PREFECT_API_URL names, out of this checkout, until Ctrl-C."""
    from flows.serving.workers import work

    work(ROOT, pool, name, at_once)


@app.command()
def workspace() -> None:
    """Print the folder that a deployed run works in; Prefect asks for it before each run."""
    from flows.serving.workers import workspace

    typer.echo(workspace())


def main() -> int:
    """Return the exit status; the project's own errors are one clear message, others keep their traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = app(standalone_mode=False) or 0  # typer.Exit comes back as its status, Ctrl-C as 130
    except Exception as error:
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # wrong usage
            error.show()
            return error.exit_code
        if type(error).__module__.split(".")[0] not in ("tenfold", "steps", "flows"):
            raise
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        return 1
    if status == INTERRUPTED:
        typer.echo("stopped; nothing half-written was kept, and the same command goes on from here", err=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
