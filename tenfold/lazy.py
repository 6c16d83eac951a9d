"""Public names of a package, each imported from its module at first use (PEP 562).

A package's ``__init__`` that imported its modules would tie every cached step to every file of the
package, and would make ``import tenfold.x`` as slow as its slowest module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def exports(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``(__getattr__, __dir__, __all__)`` for ``package``; ``modules`` maps a name to its submodule."""

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {sorted(modules)}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return get, lambda: sorted(modules), sorted(modules)
