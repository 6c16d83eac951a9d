"""From the steps' tables to one measurement per claim: trees, ablations, attacks, time."""

from __future__ import annotations

import pandas as pd

from steps.dp_cross_attention.measurements import curves
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import (
    SLOPE,
    difference_of,
    log_log_slope,
    mean_of,
    measured,
    slope_over_seeds,
)


def trees(routes: pd.DataFrame, alphas: pd.DataFrame, copies: pd.DataFrame) -> dict[str, Measurement]:
    """Return what the paper's trees say (C3, F6, F13)."""
    wide = routes.pivot_table(index=["d", "g", "n", "seed"], columns="route", values="noise")
    ratios = {
        name: (route, (wide[route] / wide["one sketch"]).groupby(["d", "g", "n"]).mean())
        for name, route in (
            ("tree_over_sketch", "tree, bands, gaussian"),
            ("moments_over_sketch", "tree, moments, gaussian"),
        )
    }
    narrow = alphas[alphas.alpha <= alphas.alpha.median()]
    x, noise = curves(narrow, "alpha", "noise")
    x_all, bands = curves(alphas, "alpha", "bands")
    few, many = copies.copies.min(), copies.copies.max()
    noise_of = {count: copies[copies.copies == count].sort_values("seed").noise.tolist() for count in (few, many)}
    seeds = int(routes.seed.nunique())
    found = {
        name: measured(
            ratio.min(),
            "ratio",
            f"noise of a numerator, {route}, over the sketch's: mean over seeds, least of {len(ratio)} cases; "
            f"largest {ratio.max():.0f}",
            seeds=seeds,
            n=len(wide),
        )
        for name, (route, ratio) in ratios.items()
    }
    return found | {
        "band_bias_over_alpha": measured(
            (alphas.bias / alphas.alpha).max(),
            "ratio",
            "largest relative error of Σ|x − y| by bands over α",
            n=len(alphas),
        ),
        "band_noise_slope": slope_over_seeds(x, noise, f"of the noise against α = {x[0]:g} … {x[-1]:g}"),
        "band_count_slope": slope_over_seeds(
            x_all, bands, f"of the number of bands against α = {x_all[0]:g} … {x_all[-1]:g}"
        ),
        "copies_excess": difference_of(
            noise_of[many], noise_of[few], "noise/n", f"noise of the median of {many} trees above that of {few}"
        ),
    }


def ablated(ablations: pd.DataFrame) -> dict[str, Measurement]:
    """Return what one changed knob costs, seed by seed, against the library's choice (F14)."""

    def errors(knob: str, value: str) -> list[float]:
        chosen = ablations[(ablations.ablation == knob) & (ablations.value == value)]
        return chosen.sort_values("seed").rmse.tolist()

    weights = sorted(ablations[ablations.ablation == "λ"].value.unique(), key=float)
    cases = {
        "split_excess": ("budget", "split", "joint"),
        "lighter_excess": ("λ", weights[0], "1.0"),
        "heavier_excess": ("λ", weights[-1], "1.0"),
    }
    return {
        name: difference_of(errors(knob, value), errors(knob, own), "RMSE", f"{knob} = {value} above {knob} = {own}")
        for name, (knob, value, own) in cases.items()
    }


def attacked(attacks: pd.DataFrame, grown: pd.DataFrame) -> dict[str, Measurement]:
    """Return what adaptive queries and growing memories say (C6, F15)."""
    queries, longest = int(attacks.queries.iloc[0]), grown[grown.horizon == grown.horizon.max()]
    end = longest[longest.time == longest.time.max()]
    detail = f"at step {end.time.iloc[0]} of {end.horizon.iloc[0]}"
    return {
        "searched_over_net": measured(
            (attacks.searched / attacks.net).max(),
            "of the bound",
            f"largest noise found by gradient, {attacks.searched.max():.2f} sd, over the net bound",
            seeds=len(attacks),
        ),
        "searched_over_cauchy_schwarz": measured(
            (attacks.searched / attacks.cauchy_schwarz).max(), "of the bound", "the same over ‖Z‖", seeds=len(attacks)
        ),
        "left_after_averaging": mean_of(
            attacks.left_after_averaging.tolist(),
            "of one answer's error",
            f"error of the mean of {queries} answers; fresh noise would leave {attacks.fresh_noise.iloc[0]:.3f}",
            seeds=len(attacks),
        ),
        "continual_tree": _mean(end, "noise_tree", "RMSE", f"tree over time {detail}"),
        "continual_anew": _mean(end, "noise_anew", "RMSE", f"a new sketch at every step {detail}"),
    }


def timed(scaling: pd.DataFrame) -> dict[str, Measurement]:
    """Return what times say (C5); ratios and slopes are within one run of one machine."""
    exact = scaling[scaling.method == "exact attention"].set_index("n").query_seconds
    sketches = scaling[scaling.method == "one sketch"]
    degree = sorted(sketches.degree.unique())[len(sketches.degree.unique()) // 2]
    sketch = sketches[sketches.degree == degree].set_index("n").query_seconds
    large = exact[exact.index >= exact.index.max() / 10]
    n = int(exact.index.max())
    return {
        "query_time_slope": measured(
            log_log_slope(sketch.index, sketch), SLOPE, f"of a batch's time against n, sketch of degree {degree}"
        ),
        "exact_time_slope": measured(
            log_log_slope(large.index, large), SLOPE, f"the same of exact attention, n ≥ {large.index.min()}"
        ),
        "speedup": measured(
            exact[n] / sketch[n], "ratio", f"exact over sketch, a batch of queries at n = {n}, degree {degree}"
        ),
    }


def _mean(table: pd.DataFrame, column: str, unit: str, detail: str) -> Measurement:
    return mean_of(table[column].tolist(), unit, detail, seeds=len(table))
