"""Make every private release of the grid, several times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from steps.step.json_files import read_json
from steps.step.params import Count, Params, Share
from steps.step.run import Run
from tenfold.dp_john.calibration import Calibration
from tenfold.dp_john.polytope import InvalidPolytope
from tenfold.dp_john.private import release_private
from tenfold.dp_john.release import PrivateJohnResult, ReleasedMatrixIndefinite
from tenfold.dp_john.sensitivity import SensitivityUnbounded
from tenfold.dp_john.threads import one_thread


class ReleaseParams(Params):
    """How many draws of each mode, and how closely mode ``input`` solves on the noisy rows."""

    draws: dict[str, Count]
    tolerance: Share


def release(prepared: Path, calibrated: Path, *, out: Path, params: ReleaseParams, run: Run) -> None:
    """Make every private release of the grid with insecure seeds, so that public data give the same numbers.

    The noisy rows are used and dropped: nothing that could be compared with the rows is stored.

    Reads   calibrated/privacy.json; prepared/<dataset>.npy
    Writes  releases.json: per entry its calibration facts and, per draw, success or the named failure;
            matrices.npz: ``<entry>`` (draws, d, d), and ``<entry>_touching`` before the containment margin
    Raises  InvalidPolytope if a data set is outside its public domain
    """
    entries = read_json(calibrated / "privacy.json")
    data = {name: np.load(prepared / f"{name}.npy") for name in {entry["dataset"] for entry in entries}}
    matrices: dict[str, np.ndarray] = {}
    for index, entry in enumerate(entries):
        entry["draws"] = []
        if "impossible" in entry:
            continue
        calibration = Calibration(**entry["calibration"])
        results = []
        for draw in range(params.draws[entry["mode"]]):
            seed = int(run.generator(f"{index} {draw}").integers(2**62))
            with one_thread():  # many small problems
                outcome, result = _attempt(data[entry["dataset"]], calibration, params.tolerance, seed)
            entry["draws"].append(outcome)
            if result is not None:
                results.append(result)
        if results:
            entry["privacy"] = results[0].privacy.as_dict()
            matrices[f"{index}"] = np.stack([result.ellipsoid.matrix for result in results])
            if "touching" in results[0].released:
                matrices[f"{index}_touching"] = np.stack([result.released["touching"] for result in results])
    np.savez(out / "matrices.npz", allow_pickle=False, **matrices)
    (out / "releases.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    done = sum(draw["released"] for entry in entries for draw in entry["draws"])
    run.say(f"{done} releases of {sum(len(entry['draws']) for entry in entries)} attempts")


def _attempt(
    rows: np.ndarray, calibration: Calibration, tolerance: float, seed: int
) -> tuple[dict[str, Any], PrivateJohnResult | None]:
    try:
        solves = tolerance if calibration.mode == "input" else None
        result = release_private(rows, calibration, tolerance=solves, insecure_seed=seed)
    except (SensitivityUnbounded, ReleasedMatrixIndefinite) as failure:
        return {"released": False, "failure": type(failure).__name__}, None
    except InvalidPolytope:
        if calibration.mode == "input":
            raise
        return {"released": False, "failure": "RankDeficient"}, None
    gap = result.volume_gap
    outcome = {
        "released": True,
        "volume_gap": gap if gap is not None and np.isfinite(gap) else None,
        "containment_probability": result.containment_probability,
        "noise_sd": float(np.median(result.released["noise_sds"])) if "noise_sds" in result.released else None,
    }
    return outcome, result
