"""A whole paper on tiny data: each step of its graph called as a plain function, with its inputs as flows/ has them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from flows.graph.paper import Node, paper_named
from steps.step.params import Params
from steps.step.run import Run


def run_steps(
    slug: str,
    top: Path,
    made: Mapping[str, Path],
    params: Mapping[str, Params],
    profile: str = "smoke",
) -> dict[str, Path]:
    """Return the output folder of each step and source of the paper ``slug``, by its variant, or else by its name.

    What is ``made`` already, the sources and other papers' steps ("debias-convert") at least, is not made again; the
    others are made below ``top``, with the ``params`` of their steps.
    """
    found = dict(made)
    for node in paper_named(Path(), slug).nodes:
        key = _key(node, slug)
        if key not in found:
            folder = top / key
            folder.mkdir(parents=True)
            _call(node, folder, found, params.get(node.step), profile)
            found[key] = folder
    return found


def _key(node: Node, slug: str) -> str:
    return node.variant or node.step if node.is_source or node.paper == slug else node.name


def _call(node: Node, folder: Path, made: Mapping[str, Path], params: Params | None, profile: str) -> None:
    function = getattr(import_module(node.module), node.function)
    inputs = {
        name: [made[_key(one, node.paper)] for one in item] if isinstance(item, tuple) else made[_key(item, node.paper)]
        for name, item in node.inputs.items()
    }
    run = Run(node.paper, node.step, out=folder, variant=node.variant, profile=profile)
    offered = {"out": folder, "params": params, "run": run}
    takes = inspect.signature(function).parameters
    function(**inputs, **{name: value for name, value in offered.items() if name in takes})
