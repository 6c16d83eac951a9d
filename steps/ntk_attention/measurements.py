"""Measurements of NTK-Attention's claims and findings from what the steps wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from steps.step.arms import Comparison, item_key
from tenfold.metrics.bootstrap import nested_difference
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import (
    SLOPE,
    difference_of,
    estimated,
    geometric_mean_of,
    log_log_slope,
    mean_of,
    measured,
    slope_over_seeds,
    unavailable,
)
from tenfold.ntk_attention import findings

PEERS = ("full", "lora", "prefix")


def family(name: str) -> str:
    """Return "lora" for "lora (r = 8)"; the prefix of other lengths than the equal one are families of their own."""
    return name.split(" (")[0]


def difference(
    found: Comparison, first: str, second: str, setting: str, detail: str, *, unit: str = "accuracy"
) -> Measurement:
    """Return the mean paired difference of two methods over tasks, with a bootstrap interval over test items and seeds.

    The tasks weigh the same. Unavailable if a method is missing in every task.
    """
    chosen = found.arms[found.arms.setting == setting]
    tables = []
    for task, part in chosen.groupby("task", sort=False):
        seeds = sorted(part.seed.unique())
        pair = [[item_key(str(task), name, setting, seed) for seed in seeds] for name in (first, second)]
        if all(key in found.items for keys in pair for key in keys):
            of_first, of_second = (np.stack([found.items[key].astype(float) for key in keys]) for keys in pair)
            tables.append(of_first - of_second)  # (seeds, items)
    if not tables:
        return unavailable(f"{first} and {second} were not both trained at this size")
    estimate = nested_difference(tables, seed=0)
    return estimated(estimate, unit, f"{detail}, {len(tables)} tasks", seeds=tables[0].shape[0])


def comparisons(name: str, found: Comparison) -> dict[str, Measurement]:
    """Return NTK-Attention less each peer at equal parameters, for the searched rate and the paper's."""
    measurements = {}
    for peer in PEERS:
        method = equal_method(found.arms, peer)
        for setting, suffix in (("searched", ""), ("paper", "_paper")):
            detail = f"NTK-Attention less {method}, {setting} rate"
            measurements[f"{name}_ntk_minus_{peer}{suffix}"] = difference(found, "ntk", method, setting, detail)
    return measurements


def language_model_measurements(found: Comparison) -> dict[str, Measurement]:
    """Return NTK-Attention's loss on the second text less each peer's, paired by window.

    The unit is nats per character, with a text of the hub nats per token. Where problems were solved, what
    ``comparisons`` says of the problems is returned too.
    """
    arms, problems = (found.arms[found.arms.metric == metric] for metric in ("perplexity", "accuracy"))
    measurements = {} if problems.empty else comparisons("math", replace(found, arms=problems))
    unit = "nats per character" if set(arms.task) == {"characters"} else "nats per token"
    for peer in ("lora", "prefix"):
        method = equal_method(arms, peer)
        detail = f"loss of NTK-Attention less that of {method}"
        measurements[f"characters_ntk_minus_{peer}"] = difference(
            replace(found, arms=arms), "ntk", method, "searched", detail, unit=unit
        )
    return measurements


def equal_method(arms: pd.DataFrame, kind: str) -> str:
    """Return the method of this kind whose parameters are nearest to NTK-Attention's."""
    if kind == "full":
        return "full"
    target = arms[arms.method == "ntk"].trainable_parameters.iloc[0]
    known = arms[arms.method.map(family) == kind]
    if known.empty:
        return kind
    return str(known.loc[(known.trainable_parameters - target).abs().idxmin()].method)


def descent_measurements(descent: pd.DataFrame) -> dict[str, Measurement]:
    """Return what T1 says of the eigenvalue and the loss, from the shortest prefix to the longest."""
    widths = sorted(descent.m.unique())
    shortest, longest = (descent[descent.m == m].set_index("seed") for m in (widths[0], widths[-1]))
    return {
        "lambda_min_longest": mean_of(
            longest.lambda_min,
            "eigenvalue",
            f"smallest of the kernel at the start, m = {widths[-1]}",
            seeds=len(longest),
        ),
        "lambda_min_growth": difference_of(
            longest.lambda_min,
            shortest.lambda_min,
            "eigenvalue",
            f"smallest eigenvalue, m = {widths[-1]} less m = {widths[0]}",
        ),
        "loss_longest_over_shortest": geometric_mean_of(
            longest.loss_after / shortest.loss_after,
            f"final loss, m = {widths[-1]} over m = {widths[0]}",
            seeds=list(longest.index),
        ),
        "late_loss_ratio": mean_of(
            longest.loss_after / longest.loss_half,
            "ratio",
            f"final loss over half-way, m = {widths[-1]}",
            seeds=len(longest),
        ),
    }


def error_measurements(errors: pd.DataFrame) -> dict[str, Measurement]:
    """Return what T2 says of the error of (Z, k): the bound, the slopes against m, and ratios of errors."""
    bounded, scale = errors[errors.eta < 1], float(errors.scale.min())
    found = {
        "bound_violations": measured(
            (bounded.difference > bounded.bound * (1 + 1e-9)).sum(),
            "rows",
            f"rows whose error exceeds the computable bound, of {len(bounded)} with η < 1",
            n=len(bounded),
        )
    }
    for name, phi, kind in (
        ("error_slope_random", "taylor2", "random"),
        ("elu1_slope_random", "elu1", "random"),
        ("elu1_slope_structured", "elu1", "structured"),
    ):
        rows = errors[(errors.phi == phi) & (errors.kind == kind) & (errors.scale == scale)]
        curves = {seed: part.sort_values("m").error.tolist() for seed, part in rows.groupby("seed")}
        detail = f"error against m, {phi}, {kind} prefixes, entries of {scale:g}"
        found[name] = slope_over_seeds(sorted(rows.m.unique()), curves, detail)
    small = errors[errors.scale == scale].pivot_table(index=["kind", "m", "seed"], columns="phi", values="error")
    large = errors[(errors.phi == "elu1") & (errors.scale == errors.scale.max()) & (errors.m == errors.m.max())]
    near = errors[(errors.phi == "taylor2") & (errors.scale == scale)]
    return found | {
        "elu1_over_taylor2": geometric_mean_of(
            small.elu1 / small.taylor2,
            "error of elu1 over that of degree two",
            seeds=list(small.index.get_level_values("seed")),
        ),
        "large_entries_error_over_without": geometric_mean_of(
            large.error / large.without,
            f"elu1's error over that of no prefix, entries of {errors.scale.max():g}",
            seeds=list(large.seed),
        ),
        "twice_over_error": geometric_mean_of(
            near.both / near.error,
            "error with the prefix seen twice over that of (Z, k)",
            seeds=list(near.seed),
        ),
    }


def fading_measurements(fading: pd.DataFrame) -> dict[str, Measurement]:
    """Return how fast the memory's share of the attention falls as the input grows."""
    lengths = sorted(fading.length.unique())
    curves = {seed: part.sort_values("length").share.tolist() for seed, part in fading.groupby("seed")}
    return {
        "memory_share_slope": slope_over_seeds(
            lengths, curves, f"share of the attention that goes to (Z, k) against the input's length to {lengths[-1]}"
        )
    }


def timing_measurements(timing: pd.DataFrame) -> dict[str, Measurement]:
    """Return the times of one layer relative to one another, and how the released arithmetic's grows with the input."""
    at = timing.set_index(["method", "m"]).seconds
    prefixes = timing[timing.method == "prefix"]
    longest = prefixes.loc[prefixes.m.idxmax()]
    ours, plain = float(at["merged", 0]), float(at["no prefix", 0])
    official = timing[timing.method == "official"].sort_values("length")
    slope = log_log_slope(official.length, official.seconds)
    lengths = f"L from {official.length.min()} to {official.length.max()}"
    return {
        "ntk_over_no_prefix": measured(ours / plain, "ratio", "time of the merged form over no prefix, forward"),
        "longest_prefix_over_ntk": measured(
            float(longest.seconds) / ours,
            "ratio",
            f"time of a prefix of {int(longest.m)} over NTK-Attention's, forward",
        ),
        "official_length_slope": measured(slope, SLOPE, f"time of the released arithmetic against L, {lengths}"),
    }


def search_measurements(searches: pd.DataFrame, arms: pd.DataFrame) -> dict[str, Measurement]:
    """Return what choosing the rate on validation cost in test accuracy, and what full fine-tuning gained by it."""
    accurate = searches[searches.task.isin(arms[arms.metric == "accuracy"].task.unique())]
    gains, full = [], []
    for (_, method), part in accurate.groupby(["task", "method"]):
        chosen = part[part.chosen].test_score.iloc[0]
        gains.append(float(part.test_score.max() - chosen))
        if method == "full":
            at_paper = part[np.isclose(part.learning_rate, 1e-3)]
            full.append(float(chosen - at_paper.test_score.iloc[0]))
    return {
        "selection_gain": mean_of(
            gains, "accuracy", "best test score of a grid less that of the rate chosen on validation"
        ),
        "full_searched_minus_paper": measured(
            float(np.mean(full)),
            "accuracy",
            f"full fine-tuning, own rate less 1e-3, mean of {len(full)} tasks",
            n=len(full),
        ),
    }


def finding_measurements() -> dict[str, Measurement]:
    """Return the findings about the paper's argument and release, measured here."""
    released, softplus = findings.released_k_gradient()
    finite, stable = findings.released_overflow()
    counts: dict[str, Any] = findings.published_counts()
    free, averaged = findings.outside_every_prefix()
    of_counts = "from the formulas, ChatGLM3-6B's configuration"
    return {
        "elu1_denominator": measured(findings.elu1_over_exponential(), "ratio", "Σφ(q)ᵀφ(p) over Σe^s, d = 32"),
        "released_k_gradient": measured(
            released, "gradient", "largest |∂loss/∂k| in five updates from k = 0 through |k|"
        ),
        "softplus_k_gradient": measured(softplus, "gradient", "the same through softplus, from 1e-4"),
        "evaluation_noise": measured(findings.dropout_in_evaluation(), "output", "difference of two evaluations"),
        "released_finite": measured(finite, "share", "finite outputs of exponentials as they come, queries × 60"),
        "stable_finite": measured(stable, "share", "finite outputs of the stable form, queries × 60"),
        "ntk_over_lora_parameters": measured(counts["ntk"] / counts["lora, r = 8"], "ratio", of_counts),
        "ntk_over_prefix_parameters": measured(counts["ntk"] / counts["prefix, m = 10"], "ratio", of_counts),
        "vit_b_parameters": measured(
            counts["ntk, ViT-B"], "parameters", "from the formula, 12 layers of 12 heads of 64"
        ),
        "beyond_values": measured(free, "ratio", "largest output over largest value, a (Z, k) of no prefix"),
        "prefix_beyond_values": measured(averaged, "ratio", "largest output over largest value, a prefix of 32"),
    }
