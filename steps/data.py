"""Bringing a source of data into the folder of a data stage; run from the repository's root."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from steps.step import params as parameters
from steps.step.params import Params

SOURCES = Path("data/sources.yaml")
DOWNLOADS = Path(".tenfold/downloads")


class DataParams(Params):
    """Whether a stand-in may serve, and whether files without a listed sum may."""

    stand_in: Literal["only", "allow", "forbid"] = "allow"
    unverified: Literal["allow", "forbid"] = "forbid"


def bring(name: str, *, out: Path, params: DataParams) -> None:
    """Bring the source ``name`` into the folder ``out``.

    Reads   data/sources.yaml; the folder that TENFOLD_MIRROR names; the official addresses, whose files are
            kept in .tenfold/downloads under their sha256
    Writes  table.csv and schema.json, or the source's own files (made-up ones, where a stand-in serves); source.json:
            where they came from
    Raises  a `tenfold.data.errors.DataError`, with nothing written to ``out``
    """
    from tenfold.data.registry import find_source, load_registry
    from tenfold.data.resolve import resolve
    from tenfold.data.writing import write_source

    registry = load_registry(SOURCES)
    resolved = resolve(
        name,
        registry=registry,
        mirror=mirror_folder(Path()),
        policy=params.stand_in,
        downloads=DOWNLOADS,
        allow_unverified=params.unverified == "allow",
    )
    write_source(resolved, find_source(registry, name), out)
    print(f"{name}: {resolved.detail}")


def mirror_folder(root: Path) -> Path | None:
    """Return the folder that TENFOLD_MIRROR names, a relative one from ``root``; None if it is not set."""
    named = os.environ.get("TENFOLD_MIRROR")
    return root / Path(named).expanduser() if named else None


def mirror_serves(root: Path, name: str) -> bool:
    """Tell whether ``name`` would come from the mirror or a package now, under the policy in params.yaml.

    Raises  a `tenfold.data.errors.DataError` if there is no such source or mirror folder
    """
    from tenfold.data.registry import load_registry
    from tenfold.data.resolve import available_origin

    values = parameters.block(parameters.read(root, []), "data")
    origin = available_origin(
        name,
        registry=load_registry(root / SOURCES),
        mirror=mirror_folder(root),
        policy=parameters.typed(DataParams, values, "data").stand_in,
        downloads=root / DOWNLOADS,
    )
    return origin in ("mirror", "packaged")
