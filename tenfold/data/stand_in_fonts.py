"""The fonts that stand in for others: DejaVu and STIX, which matplotlib carries; it is not imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tenfold.data.errors import SourceUnavailable
from tenfold.data.registry import StandIn

LICENCE = "Bitstream Vera and STIX Font Licence (DejaVu and STIX, as distributed with matplotlib)"
FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono", "STIXGeneral")


def fonts(stand_in: StandIn) -> tuple[str, dict[str, bytes]]:
    """Return six faces of four designs. Raises SourceUnavailable if matplotlib is not installed."""
    found = find_spec("matplotlib")
    if found is None or not found.submodule_search_locations:
        raise SourceUnavailable("matplotlib, whose fonts stand in for others, is not installed: install it")
    folder = Path(next(iter(found.submodule_search_locations))) / "mpl-data" / "fonts" / "ttf"
    content = {f"{name}.ttf": (folder / f"{name}.ttf").read_bytes() for name in FACES}
    return f"STAND-IN FONTS, {len(content)} faces of DejaVu and STIX", content
