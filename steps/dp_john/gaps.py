"""The gallery of gaps between the paper's claims and a proof, in numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.dp_john import findings as gallery
from tenfold.dp_john.sensitivity_search import search


class GapsParams(Params):
    """How hard to search and how often to draw."""

    search_trials: Annotated[int, Field(ge=100)]
    zero_row_runs: Annotated[int, Field(ge=10)]
    response_runs: Annotated[int, Field(ge=100)]
    union_n: Count
    union_rounds: Count


def gaps(*, out: Path, params: GapsParams, run: Run) -> None:
    """Compute every gap of the paper's argument.

    Writes  gaps.json: one entry per gap, its numbers by name
    """
    closeness = np.array([1e-2, 1e-3, 1e-4, 1e-5])
    sds = np.array([0.05, 0.1, 0.2, 0.3, 0.5])
    updates = np.array([10, 30, 100, 300])
    epsilons = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
    tolerances = np.array([0.1, 0.01, 0.001])
    own, neighbour = gallery.matrix_subspace(6, 5, run.generator("subspace"))
    mass = gallery.truncation_mass(sds)
    needed, permitted = gallery.required_truncated_sd(epsilons, tolerances, lipschitz_closeness=1.0, n=2000, delta=1e-6)
    average, last = gallery.duplicate_weight_change(updates, 1e-4)
    offsets = np.array([1e-3, 1e-5, 1e-7, 1e-9])
    sketched, exact = gallery.sketch_sensitivity(offsets)
    zero, moved = gallery.zero_row_weights(3, 0.15, params.zero_row_runs, int(run.generator("zero").integers(2**60)))
    seed = int(run.generator("response").integers(2**60))
    worst = search(params.search_trials, seed=int(run.generator("search").integers(2**31)))
    found: dict[str, Any] = {
        "subspace": {"own": own, "neighbour": neighbour},
        "truncation": {
            "sds": sds,
            "mass": mass,
            "union": mass * params.union_n * params.union_rounds,
            "n": params.union_n,
            "rounds": params.union_rounds,
        },
        "composition": {"epsilons": epsilons, "tolerances": tolerances, "needed": needed, "permitted": permitted},
        "holder": {"closeness": closeness, "ratio": gallery.holder_ratios(closeness)},
        "duplicates": {"updates": updates, "eta": 1e-4, "average": average, "last": last},
        "sketch": {"offsets": offsets, "sketched": sketched, "exact": exact},
        "zero_row": {"share_zero": np.mean(zero == 0), "share_zero_neighbour": np.mean(moved == 0)},
        "free_replacement": {
            "epsilons": epsilons,
            "bound": gallery.replacement_lower_bound(epsilons, 1e-6),
            "attained": gallery.randomised_response_miss_rate(epsilons, params.response_runs, seed),
            "runs": params.response_runs,
        },
        "sensitivity_search": {
            "own": worst.own,
            "others": worst.others,
            "total": worst.total,
            "matrix": worst.matrix,
            "moment": worst.moment,
            "trials": worst.trials,
        },
    }
    (out / "gaps.json").write_text(json.dumps(found, indent=1, default=_plain) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else float(value)
