"""From the steps' tables to one measurement per claim: privacy, error and corrections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import (
    SLOPE,
    difference_of,
    log_log_slope,
    mean_of,
    measured,
    share_of,
    slope_over_seeds,
    unavailable,
)


def curves(table: pd.DataFrame, x: str, y: str) -> tuple[list[float], dict[Any, list[float]]]:
    """Return the sorted values of x and, for every seed, y in that order (means where there are several)."""
    wide = table.pivot_table(index=x, columns="seed", values=y)
    return wide.index.tolist(), {seed: wide[seed].tolist() for seed in wide}


def privacy(audits: pd.DataFrame, corrections: dict[str, Any]) -> dict[str, Measurement]:
    """Return what audits and the search for violations say (C1, F8, F9)."""
    correct, repeats = audits[audits.kind == "correct"], audits[audits.kind == "repeat"]
    planted = audits[audits.kind == "planted"]
    repeated = planted[planted.claimed_epsilon == repeats.claimed_epsilon.iloc[0]]
    others = planted.drop(repeated.index)
    # the bound itself may err with 5 %, so a mechanism's lower bounds are averaged over seeds
    ratios = (correct.mu_lower_bound / correct.claimed_mu).groupby(correct.mechanism).mean()
    search = [item for item in corrections["sensitivity"] if item["degree"] % 2 == 0]
    odd = [item for item in corrections["sensitivity"] if item["degree"] % 2]
    runs, epsilon = int(repeats.runs.iloc[0]), repeats.claimed_epsilon.iloc[0]
    tree = corrections["tree"]
    return {
        "audit_correct_mu_ratio": measured(
            ratios.max(),
            "of the claimed μ",
            f"largest lower bound on μ, mean over seeds, of {len(ratios)} mechanisms",
            seeds=int(correct.repeat.nunique()),
            n=len(correct),
        ),
        "sensitivity_ratio": measured(
            max(item["ratio"] for item in search),
            "of the bound",
            f"largest distance found in {len(search)} searches of {search[0]['trials']} pairs and climbs, even degrees",
            n=len(search),
        ),
        "false_alarms": share_of(
            int(repeats.alarm.sum()), len(repeats), f"of audits of the sketch at ε = {epsilon:g} with {runs} runs"
        ),
        "audit_caught": share_of(
            int(repeated.alarm.sum()),
            len(repeated),
            f"of audits of three planted bugs at ε = {epsilon:g}: {', '.join(repeated.mechanism.unique())}",
        ),
        "audit_caught_others": measured(
            others.alarm.mean(),
            "share",
            f"of audits of other planted bugs at ε = {others.claimed_epsilon.iloc[0]:g}: "
            f"{', '.join(others.mechanism.unique())}",
            n=len(others),
        ),
        "odd_degree_ratio": measured(
            max(i["ratio"] for i in odd), "of the bound", "largest distance found, degree 3, B = 2"
        ),
        "tree_usual_ratio": measured(
            tree["reached"] / tree["usual"], "ratio", "largest ℓ2 change of a tree over √(2L)·R"
        ),
        "tree_bound_ratio": measured(
            tree["reached"] / tree["bound"], "ratio", "largest ℓ2 change of a tree over 2√L·R"
        ),
    }


def error(grid: pd.DataFrame, temperature: pd.DataFrame, ledger: dict[str, Any]) -> dict[str, Measurement]:
    """Return what the errors against exact attention say (C2, C4, F7, F10)."""
    rows, by_rows = curves(grid[np.isclose(grid.epsilon, 1.0)], "n", "noise")
    by_n = {n: curves(group, "epsilon", "noise") for n, group in grid.groupby("n")}
    epsilons = next(iter(by_n.values()))[0]
    slopes = [[log_log_slope(epsilons, found[seed]) for _, found in by_n.values()] for seed in by_rows]
    weighted = (grid.noise / grid.predicted).groupby(grid.seed).mean()
    found = {
        "noise_slope_rows": slope_over_seeds(
            rows, by_rows, f"of the noise's RMSE against n = {rows[0]} … {rows[-1]}, ε = 1"
        ),
        "noise_slope_epsilon": mean_of(
            np.mean(slopes, axis=1).tolist(),
            SLOPE,
            f"of the noise's RMSE against ε = {epsilons[0]:g} … {epsilons[-1]:g}, at every n",
            seeds=len(slopes),
        ),
        "noise_over_predicted": mean_of(
            weighted.tolist(),
            "ratio",
            "noise RMSE over its prediction, mean over n and ε",
            seeds=len(weighted),
        ),
        "coverage": mean_of(
            grid.groupby("seed").covered.mean().tolist(),
            "share",
            "of errors from noise within ±1.96 predicted sd",
            seeds=int(grid.seed.nunique()),
        ),
        "worst_rows_8": measured(
            next(item["rows_worst"] for item in ledger["temperature"] if item["logit_bound"] == 8.0),
            "rows",
            f"for a noise of {ledger['useful_noise']:g}ρ_v in the worst case at B = 8, ε = 1",
        ),
    }
    return found | _temperature(temperature)


def _temperature(temperature: pd.DataFrame) -> dict[str, Measurement]:
    found: dict[str, Measurement] = {}
    first = temperature.logit_bound.min()
    taylor = temperature[(temperature.features == "taylor") & (temperature.logit_bound == first)]
    within = temperature[temperature.truncation_bound > 0]
    for degree in (2, 4, 6, 8):
        chosen = taylor[taylor.degree == degree].truncation
        found[f"truncation_{degree}"] = (
            mean_of(
                chosen.tolist(),
                "RMSE",
                f"truncation error of attention at degree {degree}, B = {first:g}",
                seeds=len(chosen),
            )
            if len(chosen)
            else unavailable(f"degree {degree} is not in this profile")
        )
    found["truncation_within_bound"] = measured(
        (within.truncation / within.truncation_bound).max(),
        "ratio",
        "largest truncation RMSE over its bound for every query",
        n=len(within),
    )
    kernel = temperature[temperature.kind == "exact kernel"]
    for bound in (1.0, 4.0, 8.0):
        chosen = kernel[kernel.logit_bound == bound].rmse
        found[f"error_at_{bound:g}"] = (
            mean_of(chosen.tolist(), "RMSE", f"of the exact-kernel memory at B = {bound:g}, ε = 1", seeds=len(chosen))
            if len(chosen)
            else unavailable(f"B = {bound:g} is not in this profile")
        )
    return found


def classification(accuracy: pd.DataFrame) -> dict[str, Measurement]:
    """Return what accuracies say (F11, F12, F16): at the smallest and the largest B, ε = 1 and the largest ε."""
    one = accuracy[np.isclose(accuracy.epsilon, 1.0)]
    small, large = accuracy.logit_bound.min(), accuracy.logit_bound.max()
    most = accuracy[np.isclose(accuracy.epsilon, accuracy.epsilon.max())]
    found: dict[str, Measurement] = {}
    for name in ("digits", "agnews"):

        def seeds(table: pd.DataFrame, method: str, bound: float = np.nan, name: str = name) -> list[float]:
            same = table.logit_bound.isna() if np.isnan(bound) else table.logit_bound == bound
            chosen = table[(table.dataset == name) & (table.method == method) & same]
            return chosen.sort_values("seed").accuracy.tolist()

        sketch, plain = seeds(one, "Taylor sketch", small), seeds(accuracy, "Taylor sketch, not private", small)
        where = f"{name}, B = {small:g}, ε = 1"
        found[f"{name}_loss"] = difference_of(plain, sketch, "accuracy", f"lost to noise, {where}")
        found[f"{name}_sketch"] = mean_of(sketch, "accuracy", f"of the Taylor sketch, {where}", seeds=len(sketch))
        per_query = seeds(one, "noise for each query", small)
        found[f"{name}_per_query"] = mean_of(
            per_query, "accuracy", f"of noise for each query, {where}", seeds=len(per_query)
        )
        found[f"taylor_gain_{name}"] = difference_of(
            seeds(one, "Taylor sketch", large),
            seeds(one, "exact kernel", large),
            "accuracy",
            f"of the Taylor sketch above the exact kernel, {name}, B = {large:g}, ε = 1",
        )
        found[f"means_gain_{name}"] = difference_of(
            seeds(one, "class means"), sketch, "accuracy", f"of DP class means above the Taylor sketch, {where}"
        )
        found[f"sketch_gain_{name}"] = difference_of(
            seeds(most, "Taylor sketch", large),
            seeds(most, "class means"),
            "accuracy",
            f"of the Taylor sketch above DP class means, {name}, B = {large:g}, ε = {most.epsilon.max():.3g}",
        )
    return found


def corrected(content: dict[str, Any]) -> dict[str, Measurement]:
    """Return the corrections' numbers (F1 to F6)."""
    memory, numerator, signed = content["memory"], content["numerator"], content["signed"]
    share, vacuous, linear = content["denominator"], content["vacuous"], content["linear"]
    return {
        "v1_cells_over_operations": measured(
            memory["cells_over_operations"], "ratio", "v1's memory over its operations, d = 8"
        ),
        "tree_writes_over_cells": measured(
            memory["writes"] / memory["cells"], "ratio", "of the trees built here, d = 8"
        ),
        "numerator_ratio_over_n": measured(
            numerator["ratio"] / numerator["rows"], "of n", "error of attention over n⁻¹α, numerator off by 1 + α"
        ),
        "signed_exact": measured(signed["exact"], "", "exact numerator, k = ±q, v = (1, −e^{2B}), B = 1"),
        "signed_truncated": measured(signed["truncated"], "", "the same by degree 2"),
        "signed_over_bound": measured(
            abs(signed["truncated"]) / signed["bound"], "ratio", "its error over ε_s Σe^s|v|"
        ),
        "denominator_opposite": measured(
            share["opposite"], "D/n", "of embeddings as they come, the query opposite to their mean, B = 4"
        ),
        "denominator_of_equal_keys": measured(
            share["equal_keys"], "ratio", "D/n over e^{−B}, k all equal, q = −k, B = 4"
        ),
        "denominator_centred": measured(
            share["centred"], "D/n", f"smallest over {share['queries']} digits, centred on public rows, B = 4"
        ),
        "paper_features_8": measured(vacuous["r_8_2"], "features", "C(2(d+s), 2s), d = 8, s = 2"),
        "paper_features_64": measured(vacuous["r_64_2"], "features", "C(2(d+s), 2s), d = 64, s = 2"),
        "vacuous_rows": measured(vacuous["rows_8_2"], "rows", "r², d = 8, s = 2, ε = R = R_w = 1, without logarithms"),
        "linear_identity": measured(
            max(linear["sums"], linear["three_sums"]),
            "relative",
            "largest difference between sums over rows and one vector",
        ),
    }
