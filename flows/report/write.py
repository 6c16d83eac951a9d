"""Writing the report of one profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.report.collect import collect
from flows.report.markdown import render_markdown
from flows.report.page import render_page
from flows.report.summary import render_summary
from steps.runtime.outputs import write_atomically

FOLDER = "reports"


def write_report(
    profile: str, root: Path, declared: Mapping[str, Sequence[str]] | None = None
) -> tuple[Path, Path, Path]:
    """Write ``reports/<profile>.md``, ``.html`` and ``.json`` and return their paths.

    The same inputs give the same bytes. Nothing is written unless all three can be made; each then
    replaces its predecessor in one rename. ``declared`` maps each paper to its steps, both in order
    (without it, papers come in the order of their names and steps by the time they started).

    Raises a ReportError naming file and place if an input is missing or broken, OutputError if a file
    cannot be written.
    """
    report = collect(profile, root, declared)
    texts = {".md": render_markdown(report), ".html": render_page(report), ".json": render_summary(report)}
    paths = {suffix: root / FOLDER / f"{profile}{suffix}" for suffix in texts}
    for suffix, text in texts.items():
        write_atomically(paths[suffix], text)
    return paths[".md"], paths[".html"], paths[".json"]
