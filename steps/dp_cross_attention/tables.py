"""The published tables, each with its caption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from steps.step.publish import CaptionedTable


def errors(grid: pd.DataFrame, audits: pd.DataFrame) -> CaptionedTable:
    """Tabulate the error by rows and ε, with everything that its privacy rests on."""
    facts = [
        "delta",
        "relation",
        "radius",
        "value_radius",
        "temperature",
        "logit_bound",
        "degree",
        "feature_count",
        "mu",
        "noise_sd",
        "sketches",
    ]
    grouped = grid.groupby(["n", "epsilon", *facts], sort=False)
    table = grouped[["rmse", "truncation", "noise", "predicted", "covered"]].mean().reset_index()
    sketch = audits[(audits.kind == "repeat")]
    share = (sketch.mu_lower_bound / sketch.claimed_mu).mean()
    table["audited μ_low"] = table.mu * share
    names = {
        "epsilon": "ε",
        "delta": "δ",
        "radius": "ρ",
        "value_radius": "ρ_v",
        "temperature": "τ",
        "logit_bound": "B",
        "degree": "g",
        "feature_count": "r",
        "mu": "μ",
        "noise_sd": "σ",
        "rmse": "RMSE",
        "predicted": "predicted noise",
    }
    seeds, unit = grid.seed.nunique(), grid.unit.iloc[0]
    return table.rename(columns=names), (
        f"Error of one sketch against exact attention (a diagnostic that is not private), means over {seeds} seeds; "
        f"privacy unit: {unit}. The audited μ_low is μ times the share that audits at ε = "
        f"{sketch.claimed_epsilon.iloc[0]:g} find. Seeds are insecure, so that numbers reproduce; float64 noise is "
        "not exactly the Gaussian of the proof, and a deployment needs a discrete one."
    )


def accuracy(table: pd.DataFrame) -> CaptionedTable:
    """Tabulate the accuracy by data set, method and ε, mean and half-width of Student's interval."""
    from scipy import stats

    keys = ["dataset", "logit_bound", "method"]
    shown = table.assign(
        epsilon=table.epsilon.fillna(np.inf).round(3),
        logit_bound=table.logit_bound.map(lambda b: "" if np.isnan(b) else f"{b:g}"),
    )
    grouped = shown.groupby([*keys, "epsilon"], sort=False).accuracy
    count = int(grouped.size().iloc[0])
    half = stats.t.ppf(0.975, max(1, count - 1)) * grouped.std(ddof=1) / np.sqrt(count)
    text = grouped.mean().map("{:.3f}".format) + half.map(" ± {:.3f}".format)
    wide = text.unstack("epsilon").sort_index(level=["dataset", "logit_bound"], sort_remaining=False)
    wide.columns = ["not private" if np.isinf(value) else f"ε = {value:g}" for value in wide.columns]
    wide = wide.fillna("").reset_index().rename(columns={"logit_bound": "B", "dataset": "data set"})
    delta = table.delta.dropna().iloc[0]
    return wide, (
        f"Accuracy on held-out queries, mean over {count} seeds (splits and noise) ± half of Student's 95 % interval; "
        f"δ = {delta:g}, replace-one. Each record is embedded by itself, so that a row is a record: a contextual "
        "encoder lets one token change every row, and m rows of one record cost m times the noise. Nothing was "
        "tuned: all temperatures are shown."
    )


def temperature(sweep: pd.DataFrame, ledger: dict[str, Any]) -> CaptionedTable:
    """Tabulate what B does: degrees and rows needed, and measured bias and noise of the best degree."""
    rows = []
    for item in ledger["temperature"]:
        chosen = sweep[(sweep.logit_bound == item["logit_bound"]) & (sweep.features == "taylor")]
        means = chosen.groupby("kind")[["rmse", "truncation", "noise"]].mean()
        best = means.rmse.idxmin() if len(means) else None
        rows.append(
            {
                "B": item["logit_bound"],
                "degree for 10 %": item["degree_10"],
                "degree for 1 %": item["degree_1"],
                "rows, worst case": item["rows_worst"],
                "rows, D ≥ n": item["rows_if_D_at_least_n"],
                "best degree here": best,
                **({} if best is None else means.loc[best].to_dict()),
            }
        )
    return pd.DataFrame(rows), (
        f"Temperature: degrees for a relative error, rows for a noise of {ledger['useful_noise']:g}ρ_v at ε = 1, and "
        "the degree with the least RMSE in the measured sweep. Attention heads of pretrained models often have "
        "|logits| ≥ 10."
    )


def routes(table: pd.DataFrame) -> CaptionedTable:
    """Tabulate trees and sketch at the same rows, features, ε and δ."""
    found = table.groupby(["d", "g", "n", "route"], sort=False)[["releases", "rmse", "noise"]].mean().reset_index()
    return found, (
        f"The paper's trees and one sketch at ε = {table.epsilon.iloc[0]:g}, means over {table.seed.nunique()} seeds: "
        "RMSE of the projected answer, noise of the numerators over n before projection, and the number of releases "
        "that share the budget."
    )


def ablations(table: pd.DataFrame, copies: pd.DataFrame) -> CaptionedTable:
    """Tabulate the error for every value of every knob."""
    found = table.groupby(["ablation", "value"], sort=False)[["rmse", "clamped"]].mean().reset_index()
    more = copies.groupby("copies").noise.mean().reset_index()
    extra = pd.DataFrame({"ablation": "copies of the trees", "value": more.copies.astype(str), "rmse": more.noise})
    return pd.concat([found, extra]), (
        f"Ablations: RMSE against the sketch without noise over {table.seed.nunique()} seeds, and the share of "
        "denominators out of range. Copies: noise of the median of the trees' numerators over n."
    )


def audits(table: pd.DataFrame) -> CaptionedTable:
    """Tabulate the lower bounds on μ and ε."""
    grouped = table.groupby(["kind", "mechanism", "claimed_epsilon", "runs"], sort=False)
    found = grouped.agg(
        claimed_mu=("claimed_mu", "first"),
        mean_mu=("mu_lower_bound", "mean"),
        largest_epsilon=("epsilon_lower_bound", "max"),
        least_epsilon=("epsilon_lower_bound", "min"),
        alarms=("alarm", "sum"),
        audits=("alarm", "size"),
    ).reset_index()
    return found, (
        "Audits in Gaussian DP: lower bounds on μ at 95 %, and the ε at δ that they imply. An alarm is a bound above "
        "the claimed μ."
    )


def attacks(table: pd.DataFrame) -> CaptionedTable:
    """Tabulate adaptive queries, sketch by sketch."""
    columns = [
        "seed",
        "random",
        "searched",
        "net",
        "cauchy_schwarz",
        "random_error",
        "searched_error",
        "left_after_averaging",
    ]
    return table[columns], (
        "Adaptive queries: largest noise in its own sd among random and gradient-searched queries, with the net and "
        "Cauchy–Schwarz bounds; largest error of an answer; share of one answer's error left after averaging."
    )


def growing(table: pd.DataFrame) -> CaptionedTable:
    """Tabulate the noise of memories that grow."""
    columns = ["noise_tree", "noise_anew", "noise_once"]
    found = table.groupby(["horizon", "time", "n", "levels", "intervals"])[columns].mean().reset_index()
    return found, (
        f"Rows that arrive over time, noise RMSE over {table.seed.nunique()} seeds: a tree over time, a new sketch at "
        "every step, and one sketch of all rows so far, which answers at that time only."
    )


def scaling(table: pd.DataFrame) -> CaptionedTable:
    """Tabulate times by rows."""
    return (
        table,
        "Seconds of a batch of queries (best of the repeats) and of the release, and bytes held; one run, one machine.",
    )
