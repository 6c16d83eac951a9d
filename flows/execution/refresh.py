"""Mending a checkout: what killed commands left, and what DVC takes for current and is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.execution import dvc_cli
from flows.execution.damage import clean_cache, set_aside
from flows.execution.dvc_recovery import recover
from flows.execution.held_parameters import held_still
from flows.execution.stale_data import outdated
from flows.graph.paper import Node, Paper
from flows.graph.parameters import check


def refresh(root: Path, papers: Sequence[Paper]) -> Iterator[str]:
    """Check all parameters, mend what was killed or damaged, run anew what is outdated; yield what is done.

    What is damaged, of outputs and of DVC's cache, is moved aside: DVC restores it, or makes it anew, the next time.
    Raises ParameterError before anything changes, DvcError if a stage fails.
    """
    nodes = {node.name: node for paper in papers for node in paper.stages()}
    with held_still(root):  # puts back what a killed flow left
        check(root, papers)
        yield from recover(root)
        yield from clean_cache(root)
        for name, what in set_aside(root, papers).items():
            yield f"{name}: {what}"
        for name, reason in outdated(root, papers).items():
            yield f"{name}: {reason}"
            for item in before(nodes[name]):  # it may be damaged, or gone
                dvc_cli.reproduce(root, item.name, Path(f"{item.name}.provenance.json"))
            dvc_cli.reproduce(root, name, Path(f"{name}.provenance.json"), force=True)


def before(node: Node) -> list[Node]:
    """Return all that a stage is made from, each after what it is made from itself."""
    found: dict[str, Node] = {}
    for item in node.upstream:
        found |= {each.name: each for each in (*before(item), item)}
    return list(found.values())
