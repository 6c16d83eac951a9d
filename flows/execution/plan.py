"""What would run, and why, in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.tree import Tree

from flows.execution import dvc_cli
from flows.execution.damage import damaged
from flows.execution.stale_data import outdated
from flows.graph.mermaid import direct
from flows.graph.paper import Node, Paper

BEHIND = "will run and may change its input"


def reasons(root: Path, papers: Sequence[Paper]) -> dict[str, str | None]:
    """Return for each stage why it will run, or None where it is cached.

    A stage behind one that will run may still turn out cached, if its input comes out the same.
    """
    nodes = {node.name: node for paper in papers for node in paper.stages()}
    stale = dvc_cli.status(root, list(nodes))
    better, broken = outdated(root, papers), damaged(root, papers)
    found: dict[str, str | None] = {}
    for name, node in nodes.items():
        if name in better:
            found[name] = better[name]
        elif name in stale:
            found[name] = "; ".join(_words(item) for item in stale[name])
        elif name in broken:
            found[name] = f"{broken[name]} is damaged, and DVC does not see it; run: python -m flows refresh"
        else:
            upstream = [item.name for item in node.upstream if found.get(item.name)]
            found[name] = f"{', '.join(upstream)} {BEHIND}" if upstream else None
    return found


def tree(root: Path, paper: Paper) -> Tree:
    """Return the paper's stages as a tree of inputs, with whether each is cached; ↑: its own inputs stand above."""
    why, seen = reasons(root, [paper]), set[str]()

    def line(node: Node) -> str:
        mark, colour = ("✓", "green") if why[node.name] is None else ("●", "yellow")
        if why[node.name] is not None and str(why[node.name]).endswith(BEHIND):
            mark = "○"
        again = " [dim]↑[/]" if node.name in seen and node.upstream else ""
        return f"[{colour}]{mark} {node.name if node.is_source else node.own_name}[/]{again}"

    def grow(branch: Tree, node: Node) -> None:
        below = branch.add(line(node))
        if node.name not in seen:
            seen.add(node.name)
            for item in direct(node.upstream):
                grow(below, item)

    top = Tree(f"[bold]{paper.slug}[/]: ✓ cached, ● will run, ○ comes after one that will run")
    inner = {item.name for node in paper.stages() for item in node.upstream}
    for node in paper.stages():
        if node.name not in inner:
            grow(top, node)
    return top


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
