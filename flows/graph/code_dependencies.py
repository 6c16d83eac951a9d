"""Which files of the repository a module reaches by import, found by reading the source."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
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
BY_USE = ("steps/step/run.py", "steps/step/call.py")  # what a function of these imports counts where it is used
RUN = "run"  # what every step calls the object whose methods those are


class ImportProblem(ValueError):
    """An import whose file cannot be told from the source."""


@dataclass
class Source:
    """What one file imports and uses: by the name of the function that does it, "" for the file outside functions."""

    imports: dict[str, list[str]] = field(default_factory=dict)
    calls: dict[str, set[str]] = field(default_factory=dict)  # which other functions of the file
    uses: set[str] = field(default_factory=set)  # attributes of what is called ``run``


def reached(root: Path, *modules: str, uses: Collection[str] = ()) -> list[Path]:
    """Return the files that importing and running ``modules`` may execute, relative to ``root``, sorted.

    Followed: imports at any depth of the file, relative ones, and the ``__init__`` of every package on the
    way. Not followed: blocks under ``if TYPE_CHECKING``, and imports inside functions of ``run`` that nothing reached
    uses, as in ``run.batches``; ``uses`` names further functions.
    Raises ImportProblem for a name that a package only exports lazily, and for computed imports.
    """
    used, files = set(uses), dict[Path, Source]()
    while True:
        before = len(used), len(files)
        _follow(root, modules, used, files)
        for path, source in files.items():
            used |= source.uses if path.relative_to(root).as_posix() not in BY_USE else set()
            for function in used & source.calls.keys():
                used = used | source.calls[function]
        if before == (len(used), len(files)):
            return sorted(path.relative_to(root) for path in files)


def _follow(root: Path, modules: Collection[str], used: Collection[str], files: dict[Path, Source]) -> None:
    """Add to ``files`` whatever ``modules`` reach while the functions ``used`` are."""
    pending, seen = list(modules), set[str]()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        parts = name.split(".")
        pending += [".".join(parts[:depth]) for depth in range(1, len(parts))]
        path = _file(root, name)
        if path is None:
            raise ImportProblem(f"{name} is imported by {', '.join(modules)} or what it reaches, but has no file")
        files[path] = source = _source(root, path, path.stat().st_mtime_ns)
        everything = path.relative_to(root).as_posix() not in BY_USE
        for function, found in source.imports.items():
            pending += found if everything or not function or function in used else []


def imports(root: Path, path: Path) -> list[str]:
    """Return the repository's modules that the file ``path`` imports."""
    found = _source(root, path, path.stat().st_mtime_ns).imports.values()
    return list(dict.fromkeys(name for names in found for name in names))


@cache
def _source(root: Path, path: Path, _changed: int) -> Source:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    package = ".".join(path.relative_to(root).with_suffix("").parts[:-1])
    found = Source()
    for function, node in _executed(tree, ""):
        found.imports.setdefault(function, []).extend(_modules(root, path, package, node))
        if isinstance(node, ast.Attribute) and _named(node.value, "self"):
            found.calls.setdefault(function, set()).add(node.attr)
        elif isinstance(node, ast.Attribute) and _named(node.value, RUN):
            found.uses.add(node.attr)
        elif _is_other_run(node):
            where = f"{path.relative_to(root).as_posix()}:{getattr(node, 'lineno', 1)}"
            raise ImportProblem(f"{where}: call a step's Run {RUN}, so that what the step uses of it can be told")
    return found


def _named(node: ast.AST, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (isinstance(node, ast.Attribute) and node.attr == name)


def _is_other_run(node: ast.AST) -> bool:
    """Return whether ``node`` gives what a step calls ``run`` another name, or takes its attributes by name."""
    if isinstance(node, ast.arg):
        return node.annotation is not None and ast.unparse(node.annotation) == "Run" and node.arg != RUN
    if isinstance(node, ast.Assign):
        return _named(node.value, RUN) and not all(_named(target, RUN) for target in node.targets)
    return (
        isinstance(node, ast.Call)
        and _named(node.func, "getattr")
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id == RUN
    )


def _modules(root: Path, path: Path, package: str, node: ast.AST) -> Iterator[str]:
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


def _executed(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    """Walk the tree with the outermost function of each node, leaving out the bodies of ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        own = function or (child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else "")
        if isinstance(child, ast.If) and ast.unparse(child.test).split(".")[-1] == "TYPE_CHECKING":
            for other in child.orelse:
                yield own, other
                yield from _executed(other, own)
            continue
        yield own, child
        yield from _executed(child, own)


def _file(root: Path, module: str) -> Path | None:
    base = root.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None
