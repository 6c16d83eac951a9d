"""A step's function against its declaration, read from the source: inputs by name, and what the step says it does."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

from flows.graph.paper import GraphError, Node

IMPURE = {"out", "params", "run"}  # keywords that every step may take, and no input


def summary(root: Path, node: Node) -> str:
    """Return the first sentence of the step's docstring without its full stop; for a source, what it is.

    Raises GraphError if the step has no module, or the module no function of its name.
    """
    if node.is_publish:
        return "Copy what the paper publishes into git"
    function = _function(root, node)
    if node.is_source:
        entry = (YAML(typ="safe").load(root / "data" / "sources.yaml") or {}).get(node.step)
        if entry is None:
            raise GraphError(f"data/sources.yaml has no source {node.step!r}")
        return f"{entry['title']}; licence: {entry['licence']}"
    sentence = (ast.get_docstring(function) or node.step).split("\n\n")[0].split(". ")[0]
    return " ".join(sentence.split()).rstrip(".")


def check_inputs(root: Path, node: Node) -> None:
    """Check that the inputs of a declaration are the parameters of the step's function, lists where lists are due.

    Raises GraphError naming what is too much, missing or of the other kind.
    """
    if node.is_source:
        return
    signature = _function(root, node).args
    where = f"flows/{node.paper}.py: {node.own_name}"
    if many := signature.vararg:
        raise GraphError(f"{where}: the step takes *{many.arg}; make that {many.arg}: list[Path]")
    wanted = {one.arg: ast.unparse(one.annotation) if one.annotation else "" for one in signature.args}
    wrong = [f"{name} is no parameter of the step" for name in node.inputs if name not in wanted]
    wrong += [f"{name} is missing" for name in wanted if name not in node.inputs]
    wrong += [
        f"{name} must be {'a list' if 'list' in kind else 'one input'}"
        for name, kind in wanted.items()
        if name in node.inputs and isinstance(node.inputs[name], tuple) != ("list" in kind)
    ]
    strange = {one.arg for one in signature.kwonlyargs} - IMPURE
    wrong += [f"{name} comes after * but is none of {', '.join(sorted(IMPURE))}" for name in sorted(strange)]
    if wrong:
        raise GraphError(f"{where}: {'; '.join(wrong)}; the step takes ({', '.join(wanted)})")


def _function(root: Path, node: Node) -> ast.FunctionDef:
    path = root / (node.module.replace(".", "/") + ".py")
    if not path.is_file():
        raise GraphError(f"flows/{node.paper}.py declares {node.name}, but there is no {path.relative_to(root)}")
    for item in _parsed(path, path.stat().st_mtime_ns).body:
        if isinstance(item, ast.FunctionDef) and item.name == node.function:
            return item
    raise GraphError(
        f"{path.relative_to(root)} has no function {node.function}; a step's function carries its module's name"
    )


@cache
def _parsed(path: Path, _changed: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
