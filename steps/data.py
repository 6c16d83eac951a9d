"""Bringing a source of data into the folder of a data stage."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCES = REPOSITORY / "data" / "sources.yaml"
DOWNLOADS = REPOSITORY / ".tenfold" / "downloads"
UNVERIFIED = ("allow", "forbid")


def mirror_folder() -> Path | None:
    """Return the folder that TENFOLD_MIRROR names, relative to the working folder; None if it is not set."""
    named = os.environ.get("TENFOLD_MIRROR")
    return Path(named).expanduser() if named else None


def bring(
    name: str,
    *,
    out: Path,
    policy: str,
    unverified: str = "forbid",
    sources: Path = SOURCES,
    downloads: Path = DOWNLOADS,
) -> None:
    """Bring the source ``name`` into the folder ``out``.

    Reads   data/sources.yaml; the mirror folder, or the official addresses by way of ``downloads``
    Writes  table.csv and schema.json, or the source's own files; source.json: where they came from
    Raises  a `tenfold.data.errors.DataError`, with nothing written to ``out``;
            ValueError if ``unverified`` is neither allow nor forbid
    """
    from tenfold.data.registry import find_source, load_registry
    from tenfold.data.resolve import resolve
    from tenfold.data.writing import write_source

    if unverified not in UNVERIFIED:
        raise ValueError(f"unverified is {unverified!r}; it must be one of {', '.join(UNVERIFIED)}")
    registry = load_registry(sources)
    resolved = resolve(
        name,
        registry=registry,
        mirror=mirror_folder(),
        policy=policy,
        downloads=downloads,
        allow_unverified=unverified == "allow",
    )
    write_source(resolved, find_source(registry, name), out)
    print(f"{name}: {resolved.detail}")
