"""What would run, and why, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.execution import dvc_cli
from flows.execution.stale_data import outdated
from flows.graph.paper import Paper


def reasons(root: Path, papers: Sequence[Paper]) -> dict[str, str | None]:
    """Return for each stage why it will run, or None where it is cached.

    A stage behind one that will run may still turn out cached, if its input comes out the same.
    """
    nodes = {node.name: node for paper in papers for node in paper.stages()}
    stale = dvc_cli.status(root, list(nodes))
    better = outdated(root, papers)
    found: dict[str, str | None] = {}
    for name, node in nodes.items():
        if name in better:
            found[name] = better[name]
        elif name in stale:
            found[name] = "; ".join(_words(item) for item in stale[name])
        else:
            upstream = [item.name for item in node.upstream if found.get(item.name)]
            found[name] = f"{', '.join(upstream)} will run and may change its input" if upstream else None
    return found


def _words(item: Any) -> str:
    if isinstance(item, str):
        return item
    return "; ".join(
        f"{kind.replace('outs', 'outputs').replace('deps', 'inputs')}: {_paths(paths)}" for kind, paths in item.items()
    )


def _paths(paths: Any) -> str:
    flat = []
    for path, what in paths.items():
        if isinstance(what, dict):  # params.yaml: {key: what}
            flat += [f"{path}: {key} {verb}" for key, verb in what.items()]
        else:
            flat.append(f"{path} {what}")
    shown = flat[:4]
    return ", ".join(shown) + (f" and {len(flat) - 4} more" if len(flat) > 4 else "")
