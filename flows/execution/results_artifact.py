"""A paper's results as an artifact of its Prefect run: verdicts, measured values, figures, runs in MLflow."""

from __future__ import annotations

import os
from pathlib import Path

from prefect.artifacts import create_markdown_artifact

from flows.graph.paper import Paper
from flows.report.collect import Paper as Collected
from flows.report.collect import collect_paper
from flows.report.formatting import interval, number, with_unit
from flows.report.verdicts import SYMBOLS, Judged
from steps.step.params import read
from steps.tracking.delivery import pages

MLFLOW = "TENFOLD_MLFLOW_PAGES"  # the environment variable that says where MLflow's pages are


def show_results(root: Path, paper: Paper) -> None:
    """Write the results of a paper that is up to date as a Markdown artifact of the current flow run."""
    profile = read(root, [])["profile"]
    collected = collect_paper(paper.slug, profile, root, paper.steps)
    address = os.environ.get(MLFLOW) or os.environ.get("MLFLOW_TRACKING_URI", "")
    runs: dict[str, str] = {}
    if address.startswith("http"):
        digests = {name: record.digest for name, record in collected.steps.items()}
        found = pages(root, paper.slug, digests.values())
        runs = {name: "/".join(found[digest]) for name, digest in digests.items() if digest in found}
    create_markdown_artifact(
        results(collected, profile, address.rstrip("/"), runs),
        key=f"{paper.slug.replace('_', '-')}-results",
        description=f"{collected.declared.title}: verdicts and measurements under the profile {profile}",
    )


def results(paper: Collected, profile: str, address: str, runs: dict[str, str]) -> str:
    """Return the Markdown text; ``runs`` maps steps to ``experiment/run`` in the MLflow at ``address``."""
    commit = (paper.publisher.commit or "none")[:10]
    lines = [f"# {paper.declared.title}", "", f"Profile `{profile}`, commit `{commit}`."]
    if paper.stand_ins:
        names = ", ".join(source.name for source in paper.stand_ins)
        lines += ["", f"**Stand-in data:** {names}. Read the verdicts with that in mind."]
    lines += ["", "| | verdict | claim | measured |", "| --- | --- | --- | --- |"]
    lines += [_row(item) for item in paper.judged]
    lines += ["", "## Figures", ""]
    lines += [
        f"- {_figure(figure.path, address, runs.get(list(paper.steps)[-1]))}: {figure.caption}"
        for figure in paper.figures
    ]
    if runs:
        lines += ["", "## Runs in MLflow", ""]
        lines += [f"- [{name}]({_run_page(address, run)})" for name, run in runs.items()]
    return "\n".join(lines) + "\n"


def _row(item: Judged) -> str:
    measured = [
        f"`{name}` {'unavailable' if value.value is None else with_unit(number(value.value), value.unit)}"
        + (f" {interval(value.interval)}" if value.interval else "")
        for one in item.tested
        for name, value in one.measurements.items()
    ]
    cells = [item.entry.id, f"{SYMBOLS[item.verdict]} {item.verdict.value}", item.entry.text, "; ".join(measured)]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _figure(path: Path, address: str, run: str | None) -> str:
    if run is None:
        return f"`{path}`"
    return f"[{path.stem}]({_run_page(address, run, f'/artifacts/figures/{path.name}')})"


def _run_page(address: str, run: str, below: str = "") -> str:
    experiment, own = run.split("/")
    return f"{address}/#/experiments/{experiment}/runs/{own}{below}?workflowType=machine_learning"
