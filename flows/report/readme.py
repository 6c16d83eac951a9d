"""The README's results table, written from the strongest evidence there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from flows.report.errors import ReadmeError
from flows.report.rendering import environment
from flows.report.tree import annotated_tree
from flows.report.write import FOLDER
from steps.runtime.outputs import write_atomically

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
TREE_BEGIN, TREE_END = "<!-- tree:begin -->", "<!-- tree:end -->"  # a README may do without the tree
STRONGEST_FIRST = ("full", "gpu", "extended", "default")  # smoke is no evidence


def update_readme(root: Path) -> bool:
    """Rewrite README.md between its markers; returns whether that changed it.

    Raises ReadmeError if README.md or a marker is missing, or a report is broken.
    """
    path = root / "README.md"
    before = _read(path)
    after = _updated(before, root, path)
    if after != before:
        write_atomically(path, after)
    return after != before


def readme_is_current(root: Path) -> bool:
    """Return whether README.md says what the reports say; raises as `update_readme` does."""
    path = root / "README.md"
    text = _read(path)
    return _updated(text, root, path) == text


def strongest(root: Path) -> list[dict[str, Any]]:
    """Return each paper's verdicts under the strongest profile that reported on it.

    A paper comes in the place that the strongest report gives it; papers that only weaker ones have follow.
    """
    papers: dict[str, dict[str, Any]] = {}
    for profile in STRONGEST_FIRST:
        path = root / FOLDER / f"{profile}.json"
        if not path.exists():
            continue
        try:
            for paper in json.loads(path.read_text(encoding="utf-8"))["papers"]:
                papers.setdefault(paper["paper"], {**paper, "profile": profile})
        except (ValueError, KeyError, TypeError) as problem:
            raise ReadmeError(
                f"{path} is not a report's summary ({problem!r}): write the report of {profile} again"
            ) from None
    return list(papers.values())


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ReadmeError(f"{path} does not exist") from None


def _updated(text: str, root: Path, path: Path) -> str:
    for marker in (BEGIN, END):
        if text.count(marker) != 1:
            raise ReadmeError(
                f"{path} has the marker {marker} {text.count(marker)} times: it needs {BEGIN} and, after it, "
                f"{END}, once each, on lines of their own; the results table is written between them"
            )
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    if end < start:
        raise ReadmeError(f"{path} has {END} before {BEGIN}: exchange them")
    try:
        table = environment().get_template("readme.md.j2").render(papers=strongest(root))
    except (UndefinedError, ValueError) as problem:
        if isinstance(problem, ReadmeError):
            raise
        raise ReadmeError(f"a summary in {root / FOLDER} is out of date ({problem}): write the reports again") from None
    text = f"{text[:start]}\n\n{table.strip()}\n\n{text[end:]}"
    before, marker, after = text.partition(TREE_BEGIN)
    if not marker:
        return text
    return f"{before}{marker}\n\n{annotated_tree(root)}\n\n{after[max(0, after.find(TREE_END)) :]}"
