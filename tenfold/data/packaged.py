"""Files that an installed package carries, such as a model's weights; the package itself is never imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tenfold.data.registry import Source


def package_folder(source: Source) -> Path | None:
    """Return the folder of the installed package that carries a source's files; None if there is none."""
    if source.packaged is None:
        return None
    found = find_spec(source.packaged.module)
    if found is None or not found.submodule_search_locations:
        return None
    return Path(next(iter(found.submodule_search_locations)))
