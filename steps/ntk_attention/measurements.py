"""Measurements of NTK-Attention's claims and findings from what the steps wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tenfold.metrics.measurements import Measurement, difference_of, mean_of, measured, slope_over_seeds, unavailable
from tenfold.ntk_attention import findings as corrections

BOOTSTRAPS = 2000
PEERS = ("full", "lora", "prefix")


def family(name: str) -> str:
    """Return "lora" for "lora (r = 8)"; the prefix of other lengths than the equal one are families of their own."""
    return name.split(" (")[0]


def difference(
    items: Mapping[str, np.ndarray],
    arms: pd.DataFrame,
    first: str,
    second: str,
    setting: str,
    detail: str,
    *,
    unit: str = "accuracy",
) -> Measurement:
    """Return the mean paired difference of two methods over tasks, with a bootstrap interval over test items and seeds.

    The tasks weigh the same. Unavailable if a method is missing in every task.
    """
    chosen = arms[(arms.setting == setting)]
    tables = []
    for task in chosen.task.unique():
        pair = []
        for name in (first, second):
            keys = [f"{task}|{name}|{setting}|{seed}" for seed in sorted(chosen[chosen.task == task].seed.unique())]
            if all(key in items for key in keys):
                pair.append(np.stack([items[key].astype(float) for key in keys]))  # (seeds, items)
        if len(pair) == 2:
            tables.append(pair[0] - pair[1])
    if not tables:
        return unavailable(f"{first} and {second} were not both trained at this size")
    generator = np.random.default_rng(0)
    draws = np.zeros(BOOTSTRAPS)
    for table in tables:
        seeds, count = table.shape
        for draw in range(BOOTSTRAPS):
            rows = generator.integers(0, seeds, seeds)
            draws[draw] += table[rows][:, generator.integers(0, count, count)].mean() / len(tables)
    value = float(np.mean([table.mean() for table in tables]))
    low, high = np.quantile(draws, [0.025, 0.975])
    return measured(
        value,
        unit,
        f"{detail}, {len(tables)} tasks",
        (min(low, value), max(high, value)),
        seeds=tables[0].shape[0],
        n=sum(table.shape[1] for table in tables),
    )


def comparisons(name: str, arms: pd.DataFrame, items: Mapping[str, np.ndarray]) -> dict[str, Measurement]:
    """Return NTK-Attention less each peer at equal parameters, for the searched rate and the paper's."""
    found = {}
    for peer in PEERS:
        method = equal_method(arms, peer)
        for setting, suffix in (("searched", ""), ("paper", "_paper")):
            found[f"{name}_ntk_minus_{peer}{suffix}"] = difference(
                items, arms, "ntk", method, setting, f"NTK-Attention less {method}, {setting} rate"
            )
    return found


def language_model_measurements(arms: pd.DataFrame, items: Mapping[str, np.ndarray]) -> dict[str, Measurement]:
    """Return NTK-Attention's loss on the second text less each peer's, in nats a character, paired by window.

    Of a text from the hub in nats a token; and where problems were solved, what ``comparisons`` says of them.
    """
    arms, problems = arms[arms.metric == "perplexity"], arms[arms.metric == "accuracy"]
    found = {} if problems.empty else comparisons("math", problems, items)
    unit = "nats a character" if set(arms.task) == {"characters"} else "nats a token"
    for peer in ("lora", "prefix"):
        method = equal_method(arms, peer)
        found[f"characters_ntk_minus_{peer}"] = difference(
            items,
            arms,
            "ntk",
            method,
            "searched",
            f"loss of NTK-Attention less that of {method}",
            unit=unit,
        )
    return found


def equal_method(arms: pd.DataFrame, kind: str) -> str:
    """Return the method of this kind whose parameters are nearest to NTK-Attention's."""
    if kind == "full":
        return "full"
    target = arms[arms.method == "ntk"].trainable_parameters.iloc[0]
    known = arms[arms.method.map(family) == kind]
    if known.empty:
        return kind
    return str(known.loc[(known.trainable_parameters - target).abs().idxmin()].method)


def theory_measurements(descent: pd.DataFrame, errors: pd.DataFrame) -> dict[str, Measurement]:
    widths = sorted(descent.m.unique())
    by = {m: descent[descent.m == m].set_index("seed") for m in widths}
    shortest, longest = by[widths[0]], by[widths[-1]]
    ratios = np.log(longest.loss_after / shortest.loss_after)
    mean = mean_of(ratios.tolist(), "log ratio", "")
    interval = mean["interval"]
    seeds = len(ratios)
    found = {
        "lambda_min_longest": mean_of(
            longest.lambda_min.tolist(), "eigenvalue", f"smallest of the kernel at the start, m = {widths[-1]}"
        ),
        "lambda_min_growth": difference_of(
            longest.lambda_min.tolist(),
            shortest.lambda_min.tolist(),
            "eigenvalue",
            f"smallest eigenvalue, m = {widths[-1]} less m = {widths[0]}",
        ),
        "loss_longest_over_shortest": measured(
            float(np.exp(mean["value"])),
            "ratio",
            f"final loss, m = {widths[-1]} over m = {widths[0]}, geometric mean",
            None if interval is None else (float(np.exp(interval[0])), float(np.exp(interval[1]))),
            seeds=seeds,
        ),
        "late_loss_ratio": mean_of(
            (longest.loss_after / longest.loss_half).tolist(), "ratio", f"final loss over half-way, m = {widths[-1]}"
        ),
    }
    bounded = errors[errors.eta < 1]
    scale = float(errors.scale.min())
    found["bound_violations"] = measured(
        float((bounded.difference > bounded.bound * (1 + 1e-9)).sum()),
        "rows",
        f"rows whose error exceeds the computable bound, of {len(bounded)} with η < 1",
        n=len(bounded),
    )
    for name, phi, kind in (
        ("error_slope_random", "taylor2", "random"),
        ("elu1_slope_random", "elu1", "random"),
        ("elu1_slope_structured", "elu1", "structured"),
    ):
        rows = errors[(errors.phi == phi) & (errors.kind == kind) & (errors.scale == scale)]
        lengths = sorted(rows.m.unique())
        curves = {seed: part.sort_values("m").error.tolist() for seed, part in rows.groupby("seed")}
        found[name] = slope_over_seeds(
            lengths, curves, f"error against m, {phi}, {kind} prefixes, entries of {scale:g}"
        )
    small = errors[(errors.scale == scale)].pivot_table(index=["kind", "m", "seed"], columns="phi", values="error")
    found["elu1_over_taylor2"] = _geometric(small.elu1 / small.taylor2, "error of elu1 over that of degree two")
    large = errors[(errors.phi == "elu1") & (errors.scale == errors.scale.max()) & (errors.m == errors.m.max())]
    found["large_entries_error_over_without"] = _geometric(
        large.error / large.without, f"elu1's error over that of no prefix, entries of {errors.scale.max():g}"
    )
    near = errors[(errors.phi == "taylor2") & (errors.scale == scale)]
    found["twice_over_error"] = _geometric(
        near.both / near.error, "error with the prefix seen twice over that of (Z, k)"
    )
    return found


def _geometric(ratios: pd.Series, detail: str) -> Measurement:
    mean = mean_of(np.log(ratios).tolist(), "log ratio", detail)
    ends = mean["interval"]
    interval = None if ends is None else (float(np.exp(ends[0])), float(np.exp(ends[1])))
    return measured(float(np.exp(mean["value"])), "ratio", f"{detail}, geometric mean", interval, n=len(ratios))


def fading_measurements(fading: pd.DataFrame) -> dict[str, Measurement]:
    lengths = sorted(fading.length.unique())
    curves = {seed: part.sort_values("length").share.tolist() for seed, part in fading.groupby("seed")}
    return {
        "memory_share_slope": slope_over_seeds(
            lengths, curves, f"share of the attention that goes to (Z, k) against the input's length to {lengths[-1]}"
        )
    }


def timing_measurements(timing: pd.DataFrame) -> dict[str, Measurement]:
    at = timing.set_index(["method", "m"]).seconds
    prefixes = timing[timing.method == "prefix"]
    longest = prefixes.loc[prefixes.m.idxmax()]
    ours, plain = float(at["merged", 0]), float(at["no prefix", 0])
    official = timing[timing.method == "official"].sort_values("length")
    slope = float(np.polyfit(np.log(official.length), np.log(official.seconds), 1)[0])
    lengths = f"L from {official.length.min()} to {official.length.max()}"
    return {
        "ntk_over_no_prefix": measured(ours / plain, "ratio", "time of the merged form over no prefix, forward"),
        "longest_prefix_over_ntk": measured(
            float(longest.seconds) / ours,
            "ratio",
            f"time of a prefix of {int(longest.m)} over NTK-Attention's, forward",
        ),
        "official_length_slope": measured(
            slope, "log-log slope", f"time of the released arithmetic against L, {lengths}"
        ),
    }


def search_measurements(searches: pd.DataFrame, arms: pd.DataFrame) -> dict[str, Measurement]:
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


def correction_measurements() -> dict[str, Measurement]:
    released, softplus = corrections.released_k_gradient()
    finite, stable = corrections.released_overflow()
    counts: dict[str, Any] = corrections.published_counts()
    free, averaged = corrections.outside_every_prefix()
    of_counts = "from the formulas, ChatGLM3-6B's configuration"
    return {
        "elu1_denominator": measured(corrections.elu1_over_exponential(), "ratio", "Σφ(q)ᵀφ(p) over Σe^s, d = 32"),
        "released_k_gradient": measured(
            released, "gradient", "largest |∂loss/∂k| in five updates from k = 0 through |k|"
        ),
        "softplus_k_gradient": measured(softplus, "gradient", "the same through softplus, from 1e-4"),
        "evaluation_noise": measured(corrections.dropout_in_evaluation(), "output", "difference of two evaluations"),
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
