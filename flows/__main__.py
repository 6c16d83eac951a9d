"""The command line: ``python -m flows --help``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Tenfold: ten machine-learning papers as flows of cached steps.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
ROOT = Path.cwd()
INTERRUPTED = 130
Profile = Annotated[str | None, typer.Option(help="Switch params.yaml to this profile first.")]
Assignments = Annotated[list[str] | None, typer.Option("--set", help="key=value, written to its params.yaml first.")]


@app.command("list")
def list_papers() -> None:
    """List the papers and their steps."""
    from flows.graph.paper import papers

    for paper in papers(ROOT):
        typer.echo(paper.slug)
        for node in paper.nodes:
            marks = [mark for mark in ("gpu", "publishes", "timed") if getattr(node, mark)]
            inputs = ", ".join("-".join(item.words) for item in node.inputs) or "nothing"
            typer.echo(f"  {'-'.join(node.words[1:]):24} from {inputs}{' · ' + ', '.join(marks) if marks else ''}")


@app.command()
def run(
    paper: Annotated[str, typer.Argument(help="A paper's slug, or all.")],
    profile: Profile = None,
    force: Annotated[bool, typer.Option(help="Run every step, even those that are cached.")] = False,
    assignments: Assignments = None,
) -> None:
    """Run a paper's steps as a Prefect flow; what DVC finds up to date is not run again."""
    from flows.execution.stale_data import outdated
    from flows.graph.paper import paper_named, papers
    from flows.graph.parameters import check, held_still, override

    chosen = papers(ROOT) if paper == "all" else [paper_named(ROOT, paper)]

    def change() -> None:
        for line in override(ROOT, chosen, profile, assignments or []):
            typer.echo(line)

    with held_still(ROOT, change if profile is not None or assignments else None):
        check(ROOT, chosen)
        from flows.execution import flow

        nodes = [node for each in chosen for node in each.stages()]
        forced = {node.name for node in nodes} if force else set(outdated(ROOT, chosen))
        title = "everything" if paper == "all" else paper
        try:
            states = flow.run(ROOT, title, nodes, report=paper == "all", forced=forced)
        finally:
            _sync_tracking()
    for name, state in states.items():
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
def refresh() -> None:
    """Check all parameters, mend what a killed DVC left, bring data anew where the mirror has the real thing now."""
    from flows.execution import dvc_cli as dvc_command
    from flows.execution.stale_data import outdated
    from flows.graph.paper import papers
    from flows.graph.parameters import check

    known = papers(ROOT)
    check(ROOT, known)
    dvc_command.mend(ROOT)
    for name, reason in outdated(ROOT, known).items():
        typer.echo(f"{name}: {reason}")
        dvc_command.reproduce(ROOT, name, force=True)


@app.command()
def dvc(check: Annotated[bool, typer.Option(help="Only say whether the files are current.")] = False) -> None:
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
        typer.echo("run: python -m flows dvc", err=True)
        raise typer.Exit(1)


@app.command()
def freeze(stages: Annotated[list[str], typer.Argument(help="Stages to leave as they are.")]) -> None:
    """Hold stages up to date whatever changes; DVC's own freeze refuses stages with a profile in them."""
    from flows.graph.dvc_yaml import freeze, write

    for line in write(ROOT, freeze(ROOT, stages)):
        typer.echo(line)


@app.command()
def unfreeze(stages: Annotated[list[str], typer.Argument(help="Stages to bring up to date again.")]) -> None:
    """Undo freeze."""
    from flows.graph.dvc_yaml import freeze, write

    for line in write(ROOT, freeze(ROOT, stages, thaw=True)):
        typer.echo(line)


@app.command()
def report() -> None:
    """Write reports/<profile>.md, .html and .json from the results that are there."""
    from flows.graph.paper import papers
    from flows.report.write import write_report
    from steps.runtime.processes import die_with_parent
    from steps.step.params import read

    if "DVC_STAGE" in os.environ:
        die_with_parent()
    declared = {paper.slug: ["-".join(node.words[1:]) for node in paper.nodes] for paper in papers(ROOT)}
    for path in write_report(read(ROOT, [])["profile"], ROOT, declared):
        typer.echo(f"wrote {path.relative_to(ROOT)}")
    _sync_tracking()


@app.command()
def readme(
    check: Annotated[bool, typer.Option(help="Only say whether the table is current.")] = False,
) -> None:
    """Write the README's results table from the strongest committed report."""
    from flows.report.readme import readme_is_current, update_readme

    if not check:
        update_readme(ROOT)
    elif not readme_is_current(ROOT):
        typer.echo("the README's table is not current; run: python -m flows readme", err=True)
        raise typer.Exit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def solve(
    context: typer.Context,
    paper: Annotated[str, typer.Argument(help="A paper that offers its method for your own data.")],
) -> None:
    """Use a paper's method on your own data: ``solve dp_john --help`` says how."""
    from flows.graph.paper import own_data

    own_data(ROOT, paper).main(context.args)


@app.command()
def up(
    prefect_port: Annotated[int, typer.Option(help="Where Prefect's server and pages answer.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Where MLflow's pages answer.")] = 5000,
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
def checkout() -> None:
    """Print the folder that a served run works in; Prefect asks for it before each run."""
    from flows.serving.workers import workplace

    typer.echo(workplace())


@app.command()
def push(
    if_remote: Annotated[bool, typer.Option(help="Do nothing where DVC has no default remote.")] = False,
) -> None:
    """Push everything that this checkout made to DVC's remote, published results among it."""
    from flows.serving.sharing import NoRemote, push

    try:
        typer.echo(f"{push(ROOT)} files pushed")
    except NoRemote:
        if not if_remote:
            raise


def _sync_tracking() -> None:
    from steps.tracking.spool import carry

    carry(ROOT)


def main() -> int:
    """Return the exit status; the project's own errors are one clear message, others keep their traceback."""
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
