"""Which files of the repository a module reaches by import, found by reading the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LAYERS = ("tenfold", "steps", "flows", "benchmarks")
COMPUTED = ("import_module", "__import__", "run_module", "run_path", "spec_from_file_location")
MAY_COMPUTE = (
    "steps/step/",
    "steps/runtime/",
    "flows/",
    "tenfold/lazy.py",
)  # what they import is declared by other means


class ImportProblem(ValueError):
    """An import whose file cannot be told from the source."""


def reached(root: Path, module: str) -> list[Path]:
    """Return the files that importing and running ``module`` may execute, relative to ``root``, sorted.

    Followed: imports at any depth of the file, relative ones, and the ``__init__`` of every package on the
    way. Not followed: blocks under ``if TYPE_CHECKING``.
    Raises ImportProblem for a name that a package only exports lazily, and for computed imports.
    """
    files: set[Path] = set()
    pending = [module]
    seen: set[str] = set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        parts = name.split(".")
        pending += [".".join(parts[:depth]) for depth in range(1, len(parts))]
        path = _file(root, name)
        if path is None:
            raise ImportProblem(f"{name} is imported by {module} or what it reaches, but has no file")
        files.add(path.relative_to(root))
        pending += imports(root, path)
    return sorted(files)


def imports(root: Path, path: Path) -> list[str]:
    """Return the repository's modules that the file ``path`` imports."""
    return list(_imports(root, path, path.stat().st_mtime_ns))


@cache
def _imports(root: Path, path: Path, _changed: int) -> tuple[str, ...]:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    package = ".".join(path.relative_to(root).with_suffix("").parts[:-1])
    return tuple(dict.fromkeys(_modules(root, path, package, tree)))


def _modules(root: Path, path: Path, package: str, tree: ast.Module) -> Iterator[str]:
    for node in _executed(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in LAYERS:
                    yield alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            if base.split(".")[0] in LAYERS:
                yield from _from(root, path, base, node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in COMPUTED:
            where = path.relative_to(root).as_posix()
            if not where.startswith(MAY_COMPUTE):
                raise ImportProblem(f"{where}:{node.lineno}: a computed import hides a file from the cache")


def _from(root: Path, path: Path, base: str, node: ast.ImportFrom) -> Iterator[str]:
    yield base
    target = _file(root, base)
    for alias in node.names:
        if _file(root, f"{base}.{alias.name}") is not None:
            yield f"{base}.{alias.name}"
        elif target is not None and "exports(__name__" in target.read_text(encoding="utf-8"):
            raise ImportProblem(
                f"{path}:{node.lineno}: import {alias.name} from the module that defines it, not from "
                f"the package {base}, whose names are lazy"
            )


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree, leaving out the bodies of ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).split(".")[-1] == "TYPE_CHECKING":
            for other in child.orelse:
                yield other
                yield from _executed(other)
            continue
        yield child
        yield from _executed(child)


def _file(root: Path, module: str) -> Path | None:
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None
