"""Bring every data set to rows of a centred polytope."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float64

from steps.step.json_files import read_json, write_json
from steps.step.params import Field, Params
from steps.step.run import Run
from tenfold.data.tables import numeric_matrix, read_schema, read_table
from tenfold.dp_john.polytope import validated_rows
from tenfold.dp_john.polytopes import FAMILIES

PROJECTED = {"digits": 20}  # columns after a fixed public random projection


class PrepareParams(Params):
    """Sizes of the synthetic families, and how many rows of each table to keep."""

    rows: Annotated[int, Field(ge=50)]  # of the synthetic families
    columns: Annotated[int, Field(ge=2)]
    largest_table: Annotated[int, Field(ge=100)]  # rows kept of a real table, the first ones


def prepare(tables: list[Path], *, out: Path, params: PrepareParams, run: Run) -> None:
    """Bring every table and synthetic family to rows of a centred polytope.

    Numeric columns without the target are centred and scaled to unit variance, constant columns and zero
    rows left out; then all rows are divided by the largest norm. The scaling uses the data: the tables are public,
    and the private modes protect the rows as they come out of this step.

    Reads   tables: of each, table.csv, schema.json, source.json
    Writes  <name>.npy (n, d) float64 for each; meta.json: n, d, source, origin, row norms
    Raises  MissingValues, TableMismatch, InvalidPolytope
    """
    meta: dict[str, dict[str, Any]] = {}
    for table in tables:
        name = table.name
        rows = _standardised(table, params.largest_table)
        if name in PROJECTED and PROJECTED[name] < rows.shape[1]:
            projection = run.generator(f"projection of {name}").standard_normal((rows.shape[1], PROJECTED[name]))
            rows = rows @ projection / np.sqrt(rows.shape[1])
        origin = read_json(table / "source.json")["origin"]
        meta[name] = _save(name, rows, out) | {"kind": "table", "origin": origin}
    for name, family in FAMILIES.items():
        columns = min(params.columns, 10) if name == "hypercube_signs" else params.columns
        rows = family(params.rows, columns, run.generator(name))
        meta[name] = _save(name, rows, out) | {"kind": "synthetic", "origin": "synthetic"}
    write_json(out / "meta.json", meta)
    for name, facts in meta.items():
        run.say(f"{name}: {facts['n']} × {facts['d']} ({facts['origin']})")


def _standardised(table: Path, largest: int) -> Float64[np.ndarray, "n d"]:
    frame = read_table(table)
    target = read_schema(table).target
    numbers = numeric_matrix(frame, exclude=[target], missing="drop_rows")[:largest]
    spread = numbers.std(axis=0)
    kept = spread > 1e-12 * np.abs(numbers).max(axis=0)
    rows = (numbers[:, kept] - numbers[:, kept].mean(axis=0)) / spread[kept]
    return rows[np.abs(rows).max(axis=1) > 0]


def _save(name: str, rows: Float64[np.ndarray, "n d"], out: Path) -> dict[str, Any]:
    rows = validated_rows(rows)
    rows = rows / np.linalg.norm(rows, axis=1).max()  # r = 1; the ellipsoid of cA is that of A divided by c
    np.save(out / f"{name}.npy", rows)
    norms = np.linalg.norm(rows, axis=1)
    return {
        "n": rows.shape[0],
        "d": rows.shape[1],
        "smallest_norm": float(norms.min()),
        "largest_norm": float(norms.max()),
    }
