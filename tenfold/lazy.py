"""Public names of a package, each imported from its module at first use (PEP 562).

A package's ``__init__`` that imported its modules would tie every cached step to every file of the package, and would
make ``import tenfold.x`` as slow as its slowest module. Each name stands in the ``__init__`` once, under ``if
TYPE_CHECKING``, as an import that type checkers and editors follow to the signature: ``from tenfold.x.module import
name as name``, the form that they take for a public name. ``exports`` reads the same imports at run time.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def exports(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``(__getattr__, __dir__, __all__)`` of ``package``, from the imports under its ``if TYPE_CHECKING``."""
    modules = _declared(Path(sys.modules[package].__file__ or ""))

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {sorted(modules)}")
        return getattr(import_module(modules[name]), name)

    return get, lambda: sorted(modules), sorted(modules)


def _declared(path: Path) -> dict[str, str]:
    """Return the names that a file imports under ``if TYPE_CHECKING``, each with the module that defines it."""
    return {
        alias.name: str(node.module)
        for branch in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
