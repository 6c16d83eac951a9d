"""Six corrections to the paper's statements and a search for violated sensitivities, in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from steps.step.json_files import write_json
from steps.step.params import Field, Params
from steps.step.run import Run
from tenfold.dp_cross_attention import findings as found
from tenfold.dp_cross_attention.dptree import Grid, dyadic_sums, levels_of, tree_sensitivity
from tenfold.dp_cross_attention.sensitivity import sketch_sensitivity
from tenfold.dp_cross_attention.sensitivity_search import search, taylor_kernel
from tenfold.dp_cross_attention.taylor import taylor, truncation_error


class CorrectionsParams(Params):
    """How hard to search."""

    search_trials: Annotated[int, Field(ge=1000)]
    tree_pairs: Annotated[int, Field(ge=10)]


def corrections(prepared: Path, embedded: Path, *, out: Path, params: CorrectionsParams, run: Run) -> None:
    """Compute what decides each correction.

    Reads   prepared/digits-0.npz for keys centred on public rows; embedded/vectors.npy for keys as they come
    Writes  corrections.json: one entry per correction; truncation by degree; sensitivity search
    """
    data = np.load(prepared / "digits-0.npz")
    generator = run.generator("identity")
    keys, queries = (generator.uniform(-0.5, 0.5, (count, 6)) for count in (200, 20))
    exact, truncated, bound = found.signed_values(1.0, 2)
    share = found.denominator_over_n(data["queries"], data["keys"], 0.25)
    vectors = np.load(embedded / "vectors.npy").astype(np.float64)
    opposite = -vectors.mean(axis=0, keepdims=True) / np.linalg.norm(vectors.mean(axis=0))
    against = found.denominator_over_n(opposite, vectors, 0.25)
    equal = found.denominator_over_n(-vectors[:1], np.tile(vectors[:1], (5, 1)), 0.25)
    cells, writes = found.cells_and_writes(8, 2, 1000)
    same, three = found.linear_identity(keys, generator.standard_normal(200), queries, 4)
    content: dict[str, Any] = {
        "memory": {"cells_over_operations": found.cells_over_operations(8), "cells": cells, "writes": writes},
        "numerator": {"rows": 1000, "ratio": found.numerator_error_as_attention(1000, 0.1, 1.0), "limit": float(np.e)},
        "signed": {"exact": exact, "truncated": truncated, "bound": bound},
        "denominator": {
            "logit_bound": 4.0,
            "centred": float(share.min()),
            "queries": len(share),
            "opposite": float(against[0]),
            "equal_keys": float(equal[0] / np.exp(-4.0)),
        },
        "vacuous": {
            "r_8_2": found.paper_feature_count(8, 2),
            "r_64_2": found.paper_feature_count(64, 2),
            "rows_8_2": found.rows_for_useful_bound(8, 2),
        },
        "linear": {"sums": same, "three_sums": three},
        "truncation": {
            str(bound): {str(g): truncation_error(bound, g) for g in (2, 4, 6, 8)} for bound in (1.0, 2.0, 4.0)
        },
        "sensitivity": _searched(params, run),
        "tree": _tree(params, run),
    }
    write_json(out / "corrections.json", content)
    run.say(f"largest distance over its bound {max(item['ratio'] for item in content['sensitivity']):.4f}")


def _searched(params: CorrectionsParams, run: Run) -> list[dict[str, Any]]:
    """Search for pairs beyond Δ: even degrees, λ below and above ρ_v, values ≥ 0, and an odd degree as control."""
    cases = [(2, 1.0, 1.0), (4, 1.0, 1.0), (4, 2.0, 1.0), (6, 4.0, 1.0), (4, 2.0, 0.25), (4, 2.0, 2.0), (3, 2.0, 1.0)]
    rows = []
    for degree, logit, weight in cases:
        reached = search(
            taylor_kernel(degree, 1.0),
            logit**0.5,
            1.0,
            weight,
            params.search_trials,
            run.generator(f"search {degree} {logit} {weight}"),
        )
        limit = sketch_sensitivity(float(taylor(logit, degree)), 1.0, weight, kernel_nonnegative=True)
        rows.append(
            {
                "degree": degree,
                "logit_bound": logit,
                "weight": weight,
                "released": "joint",
                "reached": reached,
                "bound": limit,
                "ratio": reached / limit,
                "trials": params.search_trials,
            }
        )
    reached = search(np.exp, 1.0, 1.0, 1e-9, params.search_trials, run.generator("search numerator"), nonnegative=True)
    limit = sketch_sensitivity(float(np.e), 1.0, 1.0, kernel_nonnegative=True, released="numerator")
    rows.append(
        {
            "degree": 0,
            "logit_bound": 1.0,
            "weight": 0.0,
            "released": "numerator",
            "reached": reached,
            "bound": limit,
            "ratio": reached / limit,
            "trials": params.search_trials,
        }
    )
    return rows


def _tree(params: CorrectionsParams, run: Run) -> dict[str, float]:
    """Replace rows of a tree, same bin or not, sign of the weight or not, and compare with √(2L)R and with our
    bound.
    """
    generator, bins = run.generator("tree"), 64
    grid, largest = Grid(1.0, bins), 0.0
    for pair in range(params.tree_pairs):
        position = generator.uniform(-1, 1, 2)
        if pair % 2:
            position[1] = position[0]
        weight = generator.choice([-1.0, 1.0], size=2)
        nodes = [dyadic_sums(grid, position[i : i + 1, None], weight[i : i + 1, None]) for i in range(2)]
        largest = max(largest, float(np.linalg.norm(nodes[0] - nodes[1])))
    return {
        "reached": largest,
        "usual": float((2 * levels_of(bins)) ** 0.5),
        "bound": tree_sensitivity(bins, 1.0, "signed", 2),
    }
