"""Mending a checkout: what killed commands left, and what DVC takes for current and is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from flows.execution import dvc_cli
from flows.execution.dvc_recovery import recover
from flows.execution.held_parameters import held_still
from flows.execution.stale_data import outdated
from flows.graph.paper import Paper
from flows.graph.parameters import check


def refresh(root: Path, papers: Sequence[Paper]) -> Iterator[str]:
    """Check all parameters, mend what a killed DVC left, run anew what is outdated; yield what is done.

    Raises ParameterError before anything changes, DvcError if a stage fails.
    """
    nodes = {node.name: node for paper in papers for node in paper.stages()}
    with held_still(root):  # puts back what a killed flow left
        check(root, papers)
        yield from recover(root)
        for name, reason in outdated(root, papers).items():
            yield f"{name}: {reason}"
            for item in nodes[name].upstream:  # it may be damaged
                dvc_cli.reproduce(root, item.name, Path(f"{item.name}.provenance.json"))
            dvc_cli.reproduce(root, name, Path(f"{name}.provenance.json"), force=True)
