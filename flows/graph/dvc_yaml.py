"""The dvc.yaml files, generated from the graphs: one per paper, one for the sources, the root's with the report.

There is one per paper because DVC rewrites the whole dvc.lock beside it after each stage. ``dvc repro`` works on the
root's, and so on everything that the report depends on.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.graph.code_dependencies import reached
from flows.graph.paper import Node, Paper, papers
from flows.graph.signatures import check_inputs, summary
from steps.runtime.outputs import write_atomically
from steps.runtime.stage import LEADING, pipeline
from steps.step.params import FILE, file_of, read

HEADER = "# Generated from flows/ by `python -m flows generate`. Do not edit: change the graph and generate again.\n"
NUMBERS = ("metrics.json", "claims.json")
SHOWN = ("figures", "tables")
REPORT = "report"
REPORT_RECORD = "artifacts/${profile}/report.provenance.json"
ROOT_FILE = Path("dvc.yaml")
UNCACHED = {"cache": False}


def files(root: Path) -> list[Path]:
    """Return the dvc.yaml files that there are, relative to ``root``."""
    found = [root / ROOT_FILE, root / pipeline("data"), *sorted((root / "steps").glob("*/dvc.yaml"))]
    return [path.relative_to(root) for path in found if path.is_file()]


def dvc_yamls(root: Path) -> dict[Path, str]:
    """Return the text of each dvc.yaml for the checkout at ``root``.

    Raises GraphError for a step without its function, or inputs that are not those of its signature.
    """
    known = papers(root)
    nodes = {node.name: node for paper in known for node in paper.stages()}
    documents: dict[Path, dict[str, Any]] = {}
    for paper in sorted({node.paper for node in nodes.values()}):
        stages = {node.own_name: stage(root, node) for node in nodes.values() if node.paper == paper}
        documents[pipeline(paper)] = {"vars": [f"{_up(pipeline(paper))}/{FILE}:profile"], "stages": stages}
    documents[ROOT_FILE] = {"stages": {REPORT: report_stage(root, known)}} | _shown(known)
    return {file: yaml_text(document) for file, document in documents.items()}


def write(root: Path, texts: Mapping[Path, str]) -> Iterator[str]:
    """Write the files that are not so yet, remove each dvc.yaml of no paper, and yield what was done."""
    for file in stale(root, texts):
        if file in texts:
            write_atomically(root / file, texts[file])
            yield f"{file} written"
        else:
            (root / file).unlink()
            (root / file).with_suffix(".lock").unlink(missing_ok=True)
            yield f"{file} removed: it belongs to no paper"


def stale(root: Path, texts: Mapping[Path, str]) -> list[Path]:
    """Return the files that differ from ``texts``, and each dvc.yaml that should not be there."""
    differ = [file for file, text in texts.items() if not _says(root / file, text)]
    return differ + [file for file in files(root) if file not in texts]


def yaml_text(document: dict[str, Any]) -> str:
    """Return a generated document as YAML under its header."""
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.ignore_aliases = lambda *_: True
    yaml.dump(document, text)
    return HEADER + text.getvalue()


def stage(root: Path, node: Node) -> dict[str, Any]:
    """Return the DVC stage of one step; ``meta`` holds what ``python -m steps`` needs to know of it."""
    flags = {name: True for name in ("timed", "publishes") if getattr(node, name)}
    return {
        "desc": summary(root, node),
        "cmd": LEADING + " ".join((*node.words, *node.arguments)),
        "wdir": _up(pipeline(node.paper)),
        "deps": [*(item.out for item in node.upstream), *_code(root, node)],
        "params": _params(root, node),
        "outs": [*_published(node), node.provenance] if node.is_publish else [node.out, node.provenance],
        "meta": {"out": node.out, "provenance": node.provenance, **flags},
    }


def report_stage(root: Path, known: list[Paper]) -> dict[str, Any]:
    """Return the stage that writes the report from what the papers publish."""
    deps = [str(path) for path in reached(root, "flows.report.write")]
    deps += [str(path.relative_to(root)) for path in sorted((root / "flows/report/templates").glob("*"))]
    for paper in known:
        deps.append(f"flows/{paper.slug}.py")
        for node in paper.stages():
            deps += [f"{node.out}/{name}" for name in (*NUMBERS, *SHOWN)] if node.is_publish else [node.provenance]
        deps.append(f"steps/{paper.slug}/claims.yaml")
        timings = Path("benchmarks/results") / f"{paper.slug}.json"
        if (root / timings).is_file():
            deps.append(str(timings))
    written = [{f"reports/${{profile}}{kind}": UNCACHED.copy()} for kind in (".md", ".html", ".json", "")]
    return {
        "desc": "Join claims and measurements into verdicts",
        "cmd": "exec python -m flows report",
        "deps": list(dict.fromkeys(deps)),
        "params": ["profile"],
        "outs": [*written, REPORT_RECORD],
        "meta": {"provenance": REPORT_RECORD},
    }


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _up(file: Path) -> str:
    """Return the way from a file's folder to the root, where commands run and from where paths count."""
    return "/".join([".."] * len(file.parent.parts))


def _code(root: Path, node: Node) -> list[str]:
    modules, uses = ["steps.step.call"], ["several"] if node.distributed else []
    if not node.is_publish:
        check_inputs(root, node)
        modules.append(node.module)
    return [str(path) for path in reached(root, *modules, uses=uses)]


def _params(root: Path, node: Node) -> list[Any]:
    if node.is_source:
        return ["profile", "data", {"data/sources.yaml": [node.step]}]
    if node.is_publish:
        return ["profile"]
    own = read(root, [node.paper]).get(node.paper, {}).get(node.step)
    return ["profile", "seed", *([] if own is None else [{str(file_of(node.paper)): [node.step]}])]


def _published(node: Node) -> list[dict[str, Any]]:
    """Return what stands in git, where ``dvc push`` and ``dvc pull`` leave it alone."""
    return [{f"{node.out}/{name}": UNCACHED.copy()} for name in (*NUMBERS, *SHOWN)]


def _shown(known: list[Paper]) -> dict[str, Any]:
    """Return what ``dvc metrics``, ``dvc plots`` and the model registry show: headlines, figures, curves, models."""
    published = {paper.slug: node.out for paper in known for node in paper.stages() if node.is_publish}
    plots: list[Any] = [f"{out}/figures" for out in published.values()]
    plots += [
        {
            f"{paper.slug}: {plot.title}": {
                "x": plot.x,
                "y": {f"{published[paper.slug]}/tables/{plot.table}": plot.y},
                "title": plot.title,
            }
        }
        for paper in known
        for plot in paper.plots
    ]
    models = {
        f"{paper.slug}-{model.name}".replace("_", "-"): {
            "path": f"{model.node.out}/models/{model.name}",
            "type": "model",
            "desc": model.description,
            "labels": [paper.slug],
        }
        for paper in known
        for model in paper.models
    }
    found = {"metrics": [f"{out}/metrics.json" for out in published.values()], "plots": plots, "artifacts": models}
    return {key: value for key, value in found.items() if value}
