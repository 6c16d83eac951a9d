"""Solve every data set without privacy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from steps.step.json_files import read_json, write_json
from steps.step.params import Params, Share
from steps.step.run import Run
from tenfold.dp_john.solver import john_ellipsoid


class SolveParams(Params):
    """How closely to solve."""

    tolerance: Share


def solve(prepared: Path, *, out: Path, params: SolveParams, run: Run) -> None:
    """Solve every data set with the library's default algorithm, without privacy.

    Reads   prepared/meta.json, prepared/<name>.npy (n, d)
    Writes  <name>.npz: matrix (d, d) of the inscribed ellipsoid, weights (n,), factor; summary.json
    Logs    solve/<name>/max_leverage
    Raises  NotConverged, InvalidPolytope
    """
    summary: dict[str, dict[str, Any]] = {}
    for name in read_json(prepared / "meta.json"):
        result = john_ellipsoid(np.load(prepared / f"{name}.npy"), params.tolerance)
        ellipsoid = result.ellipsoid
        np.savez(out / f"{name}.npz", matrix=ellipsoid.matrix, factor=ellipsoid.root, weights=result.weights)
        summary[name] = {
            "updates": result.updates,
            "method": result.method,
            "support": int((result.weights > 1e-8).sum()),
            "log_volume": ellipsoid.log_volume,
        }
        run.log({f"solve/{name}/max_leverage": result.certificate.max_leverage})
    write_json(out / "summary.json", summary)
