"""One exact pass over the rows for every result, private ones marked as diagnostic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from steps.step.json_files import read_json, write_json
from steps.step.run import Run
from tenfold.dp_john.certificate import certify as certificate
from tenfold.dp_john.diagnostic import diagnose
from tenfold.dp_john.ellipsoid import Ellipsoid
from tenfold.dp_john.threads import one_thread


def certify(prepared: Path, solved: Path, released: Path, *, out: Path, run: Run) -> None:
    """Certify every non-private solution, and compare every release with the true rows.

    Reads   prepared/<name>.npy; solved/<name>.npz, summary.json; released/releases.json, matrices.npz
    Writes  certificates.json: m, gap, volume gap, violation per data set;
            diagnostics.json: violation, share of constraints held and log-radius loss per draw. NOT PRIVATE:
            computed from the rows without noise, for public data only
    """
    summary = read_json(solved / "summary.json")
    certificates: dict[str, dict[str, Any]] = {}
    references: dict[str, Ellipsoid] = {}
    for name in summary:
        rows = np.load(prepared / f"{name}.npy")
        solution = np.load(solved / f"{name}.npz")
        references[name] = Ellipsoid(solution["matrix"], solution["factor"])
        found = certificate(rows, solution["weights"])
        certificates[name] = {
            "n": rows.shape[0],
            "d": rows.shape[1],
            "max_leverage": found.max_leverage,
            "volume_gap": found.volume_gap,
            "inscribed_violation": references[name].worst_violation(rows),
            "weight_sum": float(solution["weights"].sum()),
            **summary[name],
        }
    with one_thread():  # thousands of products with small matrices
        diagnostics = _diagnostics(prepared, released, references)
    write_json(out / "certificates.json", certificates)
    write_json(out / "diagnostics.json", diagnostics)
    run.say(f"{len(certificates)} certificates, {len(diagnostics)} releases compared with the true rows")


def _diagnostics(prepared: Path, released: Path, references: dict[str, Ellipsoid]) -> list[dict[str, Any]]:
    entries = read_json(released / "releases.json")
    matrices = np.load(released / "matrices.npz")
    rows = {name: np.load(prepared / f"{name}.npy") for name in {entry["dataset"] for entry in entries}}
    found = []
    for index, entry in enumerate(entries):
        name = entry["dataset"]
        kept = {key: entry.get(key) for key in ("dataset", "mode", "epsilon", "closeness", "noise_sd", "impossible")}
        kept["draws"] = entry["draws"]
        for label, key in (("final", f"{index}"), ("before_shrinking", f"{index}_touching")):
            if key in matrices:
                results = [diagnose(rows[name], Ellipsoid(matrix), references[name]) for matrix in matrices[key]]
                kept[label] = {
                    "worst_violation": [result.worst_violation for result in results],
                    "fraction_held": [result.fraction_held for result in results],
                    "log_radius_loss": [result.log_radius_loss for result in results],
                }
        found.append(kept)
    return found
