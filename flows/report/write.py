"""Writing the report of one profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.report.collect import collect
from flows.report.markdown import render_markdown
from flows.report.page import render_index, render_pages
from flows.report.summary import render_summary
from steps.runtime.outputs import replacing, write_atomically

FOLDER = "reports"


def write_report(
    profile: str, root: Path, declared: Mapping[str, Sequence[str]] | None = None
) -> tuple[Path, Path, Path]:
    """Write ``reports/<profile>.md``, ``.html`` and ``.json``, and return their paths.

    The page is an index; each paper has a page of its own, ``reports/<profile>/<paper>.html``. The same inputs give
    the same bytes. Nothing is written unless all can be made; each file, and the folder of the papers' pages, then
    replaces its predecessor in one rename. ``declared`` maps each paper to its steps, both in order
    (without it, papers come in the order of their names and steps by the time they started).

    Raises a ReportError naming file and place if an input is missing or broken, OutputError if a file
    cannot be written.
    """
    report = collect(profile, root, declared)
    texts = {".md": render_markdown(report), ".html": render_index(report), ".json": render_summary(report)}
    pages = render_pages(report)
    paths = {suffix: root / FOLDER / f"{profile}{suffix}" for suffix in texts}
    with replacing(root / FOLDER / profile) as folder:
        for slug, text in pages.items():
            (folder / f"{slug}.html").write_text(text, encoding="utf-8")
    for suffix, text in texts.items():
        write_atomically(paths[suffix], text)
    return paths[".md"], paths[".html"], paths[".json"]
