"""The photographs that stand in for others: the two that scikit-learn carries; it is not imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tenfold.data.errors import SourceUnavailable
from tenfold.data.registry import StandIn

LICENCE = "CC BY 2.0 (china.jpg by danielbuechele, flower.jpg by vultilion, as distributed with scikit-learn)"
NAMES = ("china.jpg", "flower.jpg")


def photographs(stand_in: StandIn) -> tuple[str, dict[str, bytes]]:
    """Return two photographs of 640×427 pixels. Raises SourceUnavailable if scikit-learn is not installed."""
    found = find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise SourceUnavailable("scikit-learn, whose photographs stand in for others, is not installed: install it")
    folder = Path(next(iter(found.submodule_search_locations))) / "datasets" / "images"
    content = {name: (folder / name).read_bytes() for name in NAMES}
    return "STAND-IN PHOTOGRAPHS, the two of scikit-learn", content
