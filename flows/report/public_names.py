"""The public names of the library's packages, read from the source, so that nothing heavy is imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A package of the library: what it holds, and the module that defines each public name."""

    name: str
    summary: str
    modules: dict[str, str]


def packages(root: Path) -> list[Package]:
    """Return every package of ``tenfold`` in the checkout at ``root`` that exports names, by name."""
    found = [_package(path) for path in sorted((root / "tenfold").glob("*/__init__.py"))]
    return [package for package in found if package.modules]


def _package(path: Path) -> Package:
    name = path.parent.name
    imports = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ImportFrom)]
    own = [node for node in imports if str(node.module).startswith(f"tenfold.{name}.")]  # as tenfold.lazy wants them
    modules = {alias.name: str(node.module) for node in own for alias in node.names}
    return Package(name, summary(path), dict(sorted(modules.items())))


def summary(path: Path) -> str:
    """Return the first paragraph of a module's docstring as one line without its full stop."""
    text = ast.get_docstring(_tree(path)) or ""
    return " ".join(text.split("\n\n")[0].split()).rstrip(".").replace("``", "`")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
