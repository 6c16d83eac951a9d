"""The README's annotated tree, two folders deep: each folder's line is the first of its package's docstring."""

from __future__ import annotations

import re
from pathlib import Path

from flows.graph.paper import slugs
from flows.report.public_names import summary

PAPER = "<paper>"  # stands for every paper, so that the tree stays the same size
OF_A_PAPER = {
    "flows": "the paper's steps in order, as data flow: a Prefect flow",
    "steps": "its steps, one module per step; claims.yaml, params.yaml, and dvc.yaml, which is generated",
    "tenfold": "what the paper invented, importable by anyone",
}
OTHERS = {
    "data/": "sources.yaml: every source of data, with addresses, checksums, licences and stand-ins",
    "docs/": "this documentation; `make docs` builds the site",
    "examples/toy_paper/": "a small paper, which `python -m flows new` copies",
    "tests/": "mirrors flows/, steps/ and tenfold/",
    "benchmarks/": "timings side by side with peers, one module per paper",
    "results/": "what the papers publish, by profile: numbers, tables, figures",
    "reports/": "claims and verdicts, by profile: Markdown, a page per paper, JSON",
    "params.yaml": "the profile, the seed, and what all papers share",
    "dvc.yaml": "report, metrics, plots and models for DVC, generated from flows/",
    "prefect.yaml": "the papers' deployments for Prefect, generated from flows/",
    "constraints.txt": "exact versions",
}
WIDTH = 23
SHORT, LONG = 20, 80  # characters: of a line's words at least, and of words that are kept whole


def annotated_tree(root: Path) -> str:
    """Return the tree of the checkout at ``root`` as a Markdown code block."""
    lines = []
    for layer, words in OF_A_PAPER.items():
        lines.append(_line(f"{layer}/", _short(summary(root / layer / "__init__.py"))))
        lines.append(_line(f"  {PAPER}{'.py' if layer == 'flows' else '/'}", words))
        lines += [_line(f"  {folder.name}/", _short(summary(folder / "__init__.py"))) for folder in _rooms(root, layer)]
    lines += [_line(path, words) for path, words in OTHERS.items() if (root / path).exists()]
    return "\n".join(["```text", *lines, "```"])


def _line(path: str, words: str) -> str:
    return f"{path:{WIDTH}}{words}"


def _short(words: str) -> str:
    """Return a summary up to the first sign that ends a thought, where all of it is long."""
    end = re.search(r"[,:;] ", words[SHORT:])
    return words if len(words) <= LONG or end is None else words[: SHORT + end.start()]


def _rooms(root: Path, layer: str) -> list[Path]:
    """Return the packages of a layer that belong to no paper."""
    papers = set(slugs(root))
    return [path.parent for path in sorted((root / layer).glob("*/__init__.py")) if path.parent.name not in papers]
