"""What `python -m flows readme` writes: the generated parts of README.md and docs/, results/README.md and the image.

A part stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``, on lines of their own. Names: ``verdicts``,
``papers``, ``packages``, ``tree``, ``graph SLUG`` and ``evidence SLUG``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import UndefinedError

from flows.graph.mermaid import flowchart
from flows.graph.paper import paper_named, papers
from flows.report.errors import ReadmeError
from flows.report.public_names import packages
from flows.report.rendering import environment
from flows.report.tree import annotated_tree
from flows.report.write import FOLDER
from steps.runtime.outputs import write_atomically

README, CLAIMS, IMAGE = Path("README.md"), Path("results/README.md"), Path("docs/images/verdicts.svg")
STRONGEST_FIRST = ("full", "gpu", "extended", "default")  # smoke is no evidence
_MARKER = re.compile(r"^<!-- (?:begin|end) .+ -->$", re.MULTILINE)
_PART = re.compile(r"^(<!-- begin (.+) -->)\n(?:(?!<!-- (?:begin|end) ).*\n)*(<!-- end \2 -->)$", re.MULTILINE)


def update_readme(root: Path) -> list[Path]:
    """Bring every generated part up to date; return the files that this changed, relative to ``root``.

    Raises ReadmeError if README.md is missing, a marker is wrong or a report is broken.
    """
    texts = _texts(root)
    changed = [path for path, text in texts.items() if _read(root / path) != text]
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(root / path, texts[path])
    return changed


def outdated_parts(root: Path) -> list[Path]:
    """Return the files whose generated parts are not current, relative to ``root``; raises as `update_readme` does."""
    return [path for path, text in _texts(root).items() if _read(root / path) != text]


def strongest(root: Path) -> list[dict[str, Any]]:
    """Return each paper's verdicts under the strongest profile that reported on it.

    A paper comes in the place that the strongest report gives it; papers that only weaker ones have follow.
    Raises ReadmeError if a report's summary cannot be read.
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


def _texts(root: Path) -> dict[Path, str]:
    """Return what every file with a generated part should hold, by path relative to ``root``."""
    if not (root / README).is_file():
        raise ReadmeError(f"{root / README} does not exist")
    pages = [README, *sorted(path.relative_to(root) for path in (root / "docs").rglob("*.md"))]
    evidence = strongest(root)
    try:
        texts = {path: _filled(root, path, evidence) for path in pages}
        for path, template in ((CLAIMS, "claims.md.j2"), (IMAGE, "verdicts.svg.j2")):
            texts[path] = _rendered(template, papers=evidence)
    except UndefinedError as problem:
        raise ReadmeError(f"a summary in {root / FOLDER} is out of date ({problem}): write the reports again") from None
    return texts


def _filled(root: Path, page: Path, evidence: list[dict[str, Any]]) -> str:
    """Return a page with its parts written anew.

    Raises ReadmeError for a marker without its partner and for a part that nobody generates.
    """
    text, up = (root / page).read_text(encoding="utf-8"), "../" * (len(page.parts) - 1)
    if loose := _MARKER.search(_PART.sub("", text)):
        raise ReadmeError(f"{page}: {loose[0]} wants its partner; a part begins and ends once, and holds no other")
    return _PART.sub(lambda part: f"{part[1]}\n\n{_part(root, part[2], up, evidence).strip()}\n\n{part[3]}", text)


def _part(root: Path, name: str, up: str, evidence: list[dict[str, Any]]) -> str:
    """Return one generated part; links begin with ``up``, the way to the root."""
    word, _, slug = name.partition(" ")
    parts: Mapping[str, Callable[[], str]] = {
        "verdicts": lambda: _rendered("verdict_table.md.j2", papers=evidence, up=up),
        "papers": lambda: _rendered("papers.md.j2", papers=_introduced(root), up=up),
        "packages": lambda: _rendered("packages.md.j2", packages=packages(root)),
        "tree": lambda: annotated_tree(root),
        "graph": lambda: _graph(root, slug),
        "evidence": lambda: _rendered(
            "evidence.md.j2", papers=[one for one in evidence if one["paper"] == slug], up=up
        ),
    }
    if word not in parts:
        raise ReadmeError(f"nobody generates the part {name!r}; there are {', '.join(parts)}")
    return parts[word]()


def _graph(root: Path, slug: str) -> str:
    return f"```mermaid\n{flowchart(paper_named(root, slug))}\n```"


def _introduced(root: Path) -> list[dict[str, str]]:
    """Return each paper's slug, what its flow says it is about, and how its page in docs/ imports it."""
    return [
        {"slug": paper.slug, "about": paper.description.rstrip("."), "imported": _imported(root, paper.slug)}
        for paper in papers(root)
    ]


def _imported(root: Path, slug: str) -> str:
    page = root / "docs" / "papers" / f"{slug}.md"
    found = re.search(rf"^from tenfold\.{slug} import .+$", _read(page) or "", re.MULTILINE)
    if not found:
        raise ReadmeError(f"{page} should show how the paper is used: a line `from tenfold.{slug} import …`")
    return found[0]


def _rendered(template: str, **values: Any) -> str:
    return environment().get_template(template).render(**values)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
