"""The README's annotated tree: one line a file, from the first line of each module's docstring."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDERS = ("flows", "steps", "tenfold", "benchmarks")
OTHERS = {
    "params.yaml": "the profile, the seed, and what all papers share",
    "dvc.yaml": "the report as a DVC stage, which depends on all others; generated from flows/",
    "data/dvc.yaml": "the sources as DVC stages, generated from flows/",
    "prefect.yaml": "the papers' flows as Prefect deployments, generated from flows/",
    "flows/kubernetes.json": "a base job template for a work pool of type kubernetes",
    "data/sources.yaml": "every source of data: addresses, checksums, licences, stand-ins",
    "results/": "what the papers publish, by profile: numbers, tables, figures",
    "reports/": "claims and verdicts, by profile: Markdown, a self-contained page, JSON",
    "constraints.txt": "exact versions",
    "prefect.toml": "Prefect's settings: no analytics",
    "tests/": "mirrors flows/, steps/ and tenfold/; eleventh/ is a paper that the tests add",
}
OF_A_PAPER = {
    "claims.yaml": "what the paper claims, and the test of each claim",
    "dvc.yaml": "the paper's steps as DVC stages, generated from flows/",
    "params.yaml": "the paper's parameters by step, each once, with its value by profile",
}
WIDTH = 44


def annotated_tree(root: Path) -> str:
    """Return the tree of the checkout as a Markdown code block."""
    lines = [f"{path:{WIDTH}}{words}" for path, words in OTHERS.items()]
    for folder in FOLDERS:
        lines += ["", f"{folder + '/':{WIDTH}}{_summary(root / folder / '__init__.py')}".rstrip()]
        lines += _folder(root / folder, 1)
    return "\n".join(["```", *lines, "```"])


def _folder(folder: Path, depth: int) -> list[str]:
    lines = []
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        indent = "  " * depth
        if path.name.startswith((".", "__pycache__", "results")) or path.name == "__init__.py":
            continue
        if path.is_dir():
            inside = _folder(path, depth + 1)
            if inside:
                lines += [
                    f"{indent + path.name + '/':{WIDTH}}{_summary(path / '__init__.py')}".rstrip(),
                    *inside,
                ]
        elif path.suffix == ".py":
            lines.append(f"{indent + path.name:{WIDTH}}{_summary(path)}".rstrip())
        elif path.name in OF_A_PAPER:
            lines.append(f"{indent + path.name:{WIDTH}}{OF_A_PAPER[path.name]}")
    return lines


def _summary(path: Path) -> str:
    if not path.is_file():
        return ""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).rstrip(".:").replace("``", "")
