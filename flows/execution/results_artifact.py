"""A paper's results, told to Prefect as an artifact of the run and to MLflow as what stands above its runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prefect.artifacts import create_markdown_artifact

from flows.execution.links import commit_page, file_page, linked, prefect_page
from flows.graph.paper import Paper
from flows.report.collect import Figure, collect_paper
from flows.report.collect import Paper as Collected
from flows.report.compare import compare_paper, published
from flows.report.formatting import interval, number, with_unit
from flows.report.rendering import data_uri
from flows.report.verdicts import SYMBOLS, VERDICTS, Judged, Verdict
from steps.runtime import provenance
from steps.step.params import read
from steps.tracking.delivery import pages
from steps.tracking.spool import summarise

MLFLOW = "TENFOLD_MLFLOW_PAGES"  # the environment variable that says where MLflow's pages are
INLINE = 400_000  # bytes of figures that one artifact shows; further ones are named
SHORT = 110  # characters of a claim


@dataclass(frozen=True)
class Pages:
    """Where MLflow shows runs, ``experiment/run`` by step at ``address``; where Prefect, git and the report are."""

    address: str = ""
    runs: Mapping[str, str] | None = None
    prefect: str = ""
    commit: str = ""
    report: str = ""


class Results:
    """The results of one paper's run: what was published before it, and what its end says."""

    def __init__(self, root: Path, paper: Paper) -> None:
        self.root, self.paper, self.profile = root, paper, read(root, [])["profile"]
        self.before = published(self._folder)

    @property
    def _folder(self) -> Path:
        return self.root / "results" / self.profile / self.paper.slug

    def tell_mlflow(self) -> None:
        """Leave verdicts, headlines and a note for the parent of the paper's runs, to be carried with them."""
        collected = collect_paper(self.paper.slug, self.profile, self.root, self.paper.steps)
        record, (head, _) = collected.publisher, provenance.commit(self.root)
        where = self._pages(collected, "", {}, prefect_page())
        facts = {
            "commits": sorted({record.commit or "no commit", head or "no commit"}),
            "ended": datetime.fromisoformat(record.started).timestamp() + record.seconds,
            "verdicts": {item.entry.id: item.verdict.value for item in collected.judged},
            "metrics": collected.metrics,
            "note": "\n".join(_head(collected, self.profile, where)),
        }
        summarise(self.root, self.paper.slug, self.profile, facts)

    def tell_prefect(self) -> None:
        """Write the results as a Markdown artifact of the current flow run."""
        collected = collect_paper(self.paper.slug, self.profile, self.root, self.paper.steps)
        address = os.environ.get(MLFLOW) or os.environ.get("MLFLOW_TRACKING_URI", "")
        runs: dict[str, str] = {}
        if address.startswith("http"):
            digests = {name: record.digest for name, record in collected.steps.items()}
            found = pages(self.root, self.paper.slug, digests.values())
            runs = {name: "/".join(found[digest]) for name, digest in digests.items() if digest in found}
        where = self._pages(collected, address.rstrip("/"), runs)
        changes = ["These are the first results here."]
        if self.before:
            changes = list(compare_paper(self.root, self.paper.slug, self.before, published(self._folder)).lines())
        create_markdown_artifact(
            results(collected, self.profile, where, changes),
            key=f"{self.paper.slug.replace('_', '-')}-results",
            description=f"{collected.declared.title}: verdicts and measurements under the profile {self.profile}",
        )

    def _pages(self, collected: Collected, address: str, runs: Mapping[str, str], prefect: str = "") -> Pages:
        commit = collected.publisher.commit
        report = file_page(self.root, f"reports/{self.profile}.md#{self.paper.slug}")
        return Pages(address, runs, prefect, commit_page(self.root, commit) if commit else "", report)


def results(paper: Collected, profile: str, where: Pages, changes: list[str]) -> str:
    """Return the Markdown text of the artifact."""
    lines = [f"# {paper.declared.title}", "", *_head(paper, profile, where)]
    lines += ["", "## Claims", "", "| | claim | measured |", "| --- | --- | --- |"]
    lines += [_row(item) for item in paper.judged]
    lines += ["", "## Since the last run", "", "```text", *changes, "```", "", "## Figures", ""]
    lines += [*_figures(paper.figures)]
    if where.runs:
        lines += ["## Runs in MLflow", ""]
        lines += [f"- [{name}]({_run_page(where.address, run)})" for name, run in where.runs.items()]
    return "\n".join(lines) + "\n"


def _head(paper: Collected, profile: str, where: Pages) -> Iterator[str]:
    """Yield verdicts as chips, then what made them and where more is to be read."""
    for name in VERDICTS:
        counts = {Verdict(verdict): count for verdict, count in paper.counts(name).items() if count}
        chips = [f"`{SYMBOLS[verdict]} {count} {verdict.value}`" for verdict, count in counts.items()]
        if chips:
            yield f"{name.capitalize()}: {' '.join(chips)}\n"
    commit = (paper.publisher.commit or "none")[:10]
    seen = [linked(f"commit {commit}", where.commit), linked(f"reports/{profile}.md", where.report)]
    if where.runs:
        experiment = next(iter(where.runs.values())).split("/")[0]
        seen.append(f"[MLflow]({where.address}/#/experiments/{experiment}?workflowType=machine_learning)")
    if where.prefect:
        seen.append(f"[Prefect]({where.prefect})")
    yield f"Profile `{profile}`, {', '.join(seen)}."
    if paper.stand_ins:
        names = ", ".join(source.name for source in paper.stand_ins)
        yield f"\n**Stand-in data:** {names}. Read the verdicts with that in mind."


def _row(item: Judged) -> str:
    measured = [
        f"`{name}` {'unavailable' if value.value is None else with_unit(number(value.value), value.unit)}"
        + (f" {interval(value.interval)}" if value.interval else "")
        for one in item.tested
        for name, value in one.measurements.items()
    ]
    text = " ".join(item.entry.text.split())
    short = text if len(text) <= SHORT else f"{text[:SHORT].rpartition(' ')[0]} …"
    chip = f"`{item.entry.id} {SYMBOLS[item.verdict]} {item.verdict.value}`"
    cells = [chip, short, "; ".join(dict.fromkeys(measured))]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _figures(figures: tuple[Figure, ...]) -> Iterator[str]:
    left = INLINE
    for figure in figures:
        left -= len(figure.content)
        shown = f"![{figure.path.stem}]({data_uri(figure)})" if left >= 0 else f"`{figure.path}`"
        yield f"{shown}\n\n{figure.caption}\n"


def _run_page(address: str, run: str) -> str:
    experiment, own = run.split("/")
    return f"{address}/#/experiments/{experiment}/runs/{own}?workflowType=machine_learning"
