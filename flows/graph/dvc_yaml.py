"""The dvc.yaml files, generated from the papers' graphs: one a paper, one for the sources, the root's with the report.

One a paper, because DVC rewrites the whole dvc.lock beside it after each stage. ``dvc repro`` works on the root's,
and so on everything that the report depends on.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from flows.graph.code_dependencies import reached
from flows.graph.paper import GraphError, Node, Paper, papers
from steps.runtime.outputs import write_atomically
from steps.runtime.stage import name_at, pipeline
from steps.step.params import FILE, file_of, read

HEADER = "# Generated from flows/ by `python -m flows dvc`. Do not edit: change the graph and generate again.\n"
METRICS = ("metrics.json", "claims.json")
PLOTS = ("figures", "tables")
REPORT = "report"
ROOT_FILE = Path("dvc.yaml")
LEADING = "exec "  # the shell becomes the step: dash would stay between DVC and a step that dies with its parent


def frozen(root: Path) -> set[str]:
    """Return the stages that are held frozen: up to date whatever has changed."""
    return {
        name_at(f"{file}:{own}")
        for file in files(root)
        for own, spec in ((YAML(typ="safe").load(root / file) or {}).get("stages") or {}).items()
        if spec.get("frozen")
    }


def files(root: Path) -> list[Path]:
    """Return the dvc.yaml files that there are, relative to ``root``."""
    found = [root / ROOT_FILE, root / pipeline("data"), *sorted((root / "steps").glob("*/dvc.yaml"))]
    return [path.relative_to(root) for path in found if path.is_file()]


def freeze(root: Path, names: Collection[str], *, thaw: bool = False) -> dict[Path, str]:
    """Return the dvc.yaml files with the stages ``names`` frozen, or no longer so.

    Raises GraphError for a stage that there is not.
    """
    known = {node.name for paper in papers(root) for node in paper.stages()} | {REPORT}
    for name in names:
        if name not in known:
            raise GraphError(f"there is no stage {name}; `python -m flows plan` lists them")
    return dvc_yamls(root, frozen(root) - set(names) if thaw else frozen(root) | set(names))


def dvc_yamls(root: Path, frozen_stages: Collection[str] | None = None) -> dict[Path, str]:
    """Return the text of each dvc.yaml for the checkout at ``root``; frozen stages stay so, unless told which."""
    known = papers(root)
    still = frozen(root) if frozen_stages is None else frozen_stages
    nodes = {node.name: node for paper in known for node in paper.stages()}
    documents: dict[Path, dict[str, Any]] = {}
    for paper in sorted({node.paper for node in nodes.values()}):
        stages = {
            "-".join(node.words[1:]): stage(root, node) | ({"frozen": True} if name in still else {})
            for name, node in nodes.items()
            if node.paper == paper
        }
        documents[pipeline(paper)] = {"vars": [f"{_up(pipeline(paper))}/{FILE}:profile"], "stages": stages}
    report = report_stage(root, known) | ({"frozen": True} if REPORT in still else {})
    plots = [entry for paper in known for entry in _plots(paper)]
    documents[ROOT_FILE] = {"stages": {REPORT: report}} | ({"plots": plots} if plots else {})
    return {file: _text(document) for file, document in documents.items()}


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


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _text(document: dict[str, Any]) -> str:
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(document, text)
    return HEADER + text.getvalue()


def _up(file: Path) -> str:
    """Return the way from a file's folder to the root, where commands run and from where paths count."""
    return "/".join([".."] * len(file.parent.parts))


def stage(root: Path, node: Node) -> dict[str, Any]:
    """Return the DVC stage of one step."""
    return {
        "desc": summary(root, node),
        "cmd": LEADING + " ".join(("python -m steps", *node.words)),
        "wdir": _up(pipeline(node.paper)),
        "deps": [*(item.out for item in node.inputs), *(str(path) for path in reached(root, node.module))],
        "params": _params(root, node),
        **_outs(node),
        "meta": {
            "out": node.out,
            **({"gpu": True} if node.gpu else {}),
            **({"timed": True} if node.timed else {}),
        },
    }


def report_stage(root: Path, known: list[Paper]) -> dict[str, Any]:
    """Return the stage that writes the report from what the papers publish."""
    deps = [str(path) for path in reached(root, "flows.report.write")]
    deps += [str(path.relative_to(root)) for path in sorted((root / "flows/report/templates").glob("*"))]
    for paper in known:
        deps.append(f"flows/{paper.slug}.py")
        for node in paper.stages():
            deps.append(node.provenance)
            if node.publishes:
                deps += [f"{node.out}/{name}" for name in (*METRICS, *PLOTS)]
        deps.append(f"steps/{paper.slug}/claims.yaml")
        timings = Path("benchmarks/results") / f"{paper.slug}.json"
        if (root / timings).is_file():
            deps.append(str(timings))
    return {
        "desc": "Join claims and measurements into verdicts",
        "cmd": LEADING + "python -m flows report",
        "deps": list(dict.fromkeys(deps)),
        "params": ["profile"],
        "outs": [{f"reports/${{profile}}.{kind}": {"cache": False}} for kind in ("md", "html", "json")],
    }


def summary(root: Path, node: Node) -> str:
    """Return the first sentence of the step's docstring, without its full stop.

    Raises GraphError if the step has no module, or the module no function of its name.
    """
    path = root / (node.module.replace(".", "/") + ".py")
    name = "bring" if node.is_source else node.step
    if not path.is_file():
        raise GraphError(f"flows/{node.paper}.py declares {node.name}, but there is no {path.relative_to(root)}")
    for item in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(item, ast.FunctionDef) and item.name == name:
            sentence = (ast.get_docstring(item) or name).split("\n\n")[0].split(". ")[0]
            return " ".join(sentence.split()).rstrip(".")
    raise GraphError(f"{path.relative_to(root)} has no function {name}; a step's function carries its module's name")


def _params(root: Path, node: Node) -> list[Any]:
    if node.is_source:
        return ["profile", "data", {"data/sources.yaml": [node.step]}]
    own = read(root, [node.paper]).get(node.paper, {}).get(node.step)
    return ["profile", "seed", *([] if own is None else [{str(file_of(node.paper)): [node.step]}])]


def _outs(node: Node) -> dict[str, Any]:
    """Return the output keys of a stage. What is published stands in git, and as metrics and plots, because
    DVC's run cache leaves out stages with any other kind of uncached output."""
    if not node.publishes:
        return {"outs": [node.out, node.provenance]}
    uncached = {"cache": False}
    return {
        "outs": [node.provenance],
        "metrics": [{f"{node.out}/{name}": uncached.copy()} for name in METRICS],
        "plots": [{f"{node.out}/{name}": uncached.copy()} for name in PLOTS],
    }


def _plots(paper: Paper) -> list[dict[str, Any]]:
    out = next((node.out for node in paper.nodes if node.publishes), None)
    return [
        {
            f"{paper.slug}: {plot.title}": {
                "x": plot.x,
                "y": {f"{out}/tables/{plot.table}": plot.y},
                "title": plot.title,
            }
        }
        for plot in paper.plots
    ]
