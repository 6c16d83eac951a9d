"""The published figures, each with its caption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

Captioned = tuple[Figure, str]
COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#999999",
)  # Okabe–Ito


def _panels(count: int, width: float = 3.6, height: float = 3.1) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width * count, height), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(1, count))


def rate(curves: pd.DataFrame) -> Captioned:
    """Draw the gap against the number of updates: exact, sketched, sampled and noisy."""
    figure, (left, right) = _panels(2, 4.6, 3.4)
    exact = curves[curves.variant == "exact"]
    for colour, (name, group) in zip(COLOURS, exact.groupby("dataset", sort=False), strict=False):
        left.loglog(group.updates, group.averaged - 1, color=colour, label=name)
        left.loglog(group.updates, (group["last"] - 1).clip(lower=1e-12), color=colour, linestyle=":")
        left.loglog(group.updates, group.bound - 1, color=colour, linewidth=0.5, alpha=0.6)
    left.set(xlabel="updates T", ylabel="max h − 1", title="exact scores", ylim=(1e-8, None))
    left.legend(fontsize=7)
    random = curves[curves.variant != "exact"]
    for colour, (name, group) in zip(
        COLOURS, random[random.dataset == random.dataset.iloc[0]].groupby("variant"), strict=False
    ):
        spread = group.groupby("updates").averaged
        right.fill_between(spread.min().index, spread.min() - 1, spread.max() - 1, color=colour, alpha=0.2, linewidth=0)
        right.loglog(spread.mean().index, spread.mean() - 1, color=colour, label=name)
    right.set(xlabel="updates T", title=f"random scores, {random.dataset.iloc[0]}")
    right.legend(fontsize=7)
    return figure, (
        "Convergence of the fixed point. Left: exact scores, averaged iterate (solid), last iterate (dotted) and the "
        "bound (n/d)^(1/T) − 1 (thin). Right: averaged iterate with sketched, sampled and noisy scores; bands "
        "span the seeds."
    )


def privacy_utility(diagnostics: list[dict[str, Any]]) -> Captioned:
    """Draw the log-radius loss against ε for every mode and closeness."""
    names = list(dict.fromkeys(item["dataset"] for item in diagnostics))
    figure, axes = _panels(len(names), 4.6, 3.6)
    for axis, name in zip(axes, names, strict=True):
        chosen = [item for item in diagnostics if item["dataset"] == name and item["epsilon"] and "final" in item]
        keys = dict.fromkeys((item["mode"], item["closeness"]) for item in chosen)
        for colour, key in zip(COLOURS, keys, strict=False):
            items = [item for item in chosen if (item["mode"], item["closeness"]) == key]
            losses = [item["final"]["log_radius_loss"] for item in items]
            means = np.array([np.mean(loss) for loss in losses])
            spreads = np.array([np.quantile(loss, [0.05, 0.95]) for loss in losses])
            epsilons = [item["epsilon"] for item in items]
            axis.fill_between(epsilons, spreads[:, 0], spreads[:, 1], color=colour, alpha=0.2, linewidth=0)
            label = key[0] if key[1] is None else f"{key[0]}, ε₀ = {key[1]:g}"
            axis.plot(epsilons, means, color=colour, marker="o", markersize=3, label=label)
        axis.set_xscale("log", base=2)
        axis.set_yscale("symlog", linthresh=0.01)
        axis.set(xlabel="ε", ylabel="log-radius loss an axis (nats)", title=name)
        axis.legend(fontsize=6)
    return figure, (
        "Privacy and utility: how much radius an axis loses against the exact ellipsoid; bands hold 90 % of the draws. "
        "Mode moment protects a freely replaced row and is not a John ellipsoid, so its loss may be negative."
    )


def gap_gallery(gaps: dict[str, Any]) -> Captioned:
    """Draw Hölder ratios, duplicate weights and truncation mass."""
    figure, (left, middle, right) = _panels(3)
    holder, duplicates, truncation = gaps["holder"], gaps["duplicates"], gaps["truncation"]
    left.loglog(holder["closeness"], holder["ratio"], marker="o", color=COLOURS[0])
    left.loglog(holder["closeness"], 1.4 / np.sqrt(holder["closeness"]), linestyle=":", color="black")
    left.set(xlabel="ε₀", ylabel="‖ΔQ‖/ε₀", title="no Lipschitz constant")
    for colour, which in zip(COLOURS, ("average", "last"), strict=False):
        middle.loglog(
            duplicates["updates"],
            np.array(duplicates[which]) / duplicates["eta"],
            marker="o",
            color=colour,
            label=which,
        )
    middle.set(xlabel="updates T", ylabel="relative weight change / η", title="two equal rows")
    middle.legend(fontsize=7)
    together = f"{truncation['n']} rows, {truncation['rounds']} rounds"
    right.semilogy(truncation["sds"], truncation["union"], marker="o", color=COLOURS[1], label=together)
    right.semilogy(truncation["sds"], truncation["mass"], marker="o", color=COLOURS[0], label="one weight")
    right.axhline(1e-6, color="black", linestyle=":", linewidth=1)
    right.set(xlabel="σ", ylabel="mass outside the neighbour's support", title="truncation", ylim=(1e-12, None))
    right.legend(fontsize=7)
    return figure, (
        "Gaps of the argument. Left: the ellipsoid moves by ε₀^½ (dotted: 1.4 ε₀^−½). Middle: the weight of one of two "
        "equal "
        "rows moves by about Tη. Right: outputs that a neighbour cannot give (dotted: δ = 10⁻⁶)."
    )


def audits(audits: pd.DataFrame) -> Captioned:
    """Draw the lower bounds on ε, correct mechanisms beside planted bugs."""
    table = (
        audits.groupby(["kind", "mechanism", "canary"], sort=False)
        .epsilon_lower_bound.agg(["mean", "min", "max"])
        .reset_index()
    )
    figure = Figure(figsize=(7.2, 0.32 * len(table) + 0.9), layout="constrained")
    axis = figure.subplots()
    colours = {"correct": COLOURS[0], "planted": COLOURS[1], "weak claim": COLOURS[4]}
    places = np.arange(len(table))[::-1]
    errors = np.stack([table["mean"] - table["min"], table["max"] - table["mean"]])
    axis.barh(places, table["mean"], xerr=errors, color=[colours[kind] for kind in table.kind], height=0.7)
    axis.set_yticks(places, [f"{row.mechanism} · {row.canary}" for row in table.itertuples()], fontsize=7)
    axis.axvline(audits[audits.kind == "correct"].claimed_epsilon.iloc[0], color="black", linestyle=":")
    axis.set(xlabel="lower bound on ε (symlog)", xscale="symlog")
    return figure, (
        "Audits: lower bounds on ε over seeds, correct mechanisms (blue), planted bugs (orange), and half the noise "
        "at a "
        "claimed ε of 1 (yellow). Dotted: the claimed ε of all others."
    )


def solvers(solvers: pd.DataFrame) -> Captioned:
    """Draw seconds against tolerance for every solver and problem."""
    problems = list(solvers.problem.unique())
    figure, axes = _panels(len(problems), 3.2, 3.2)
    for axis, problem in zip(axes, problems, strict=True):
        chosen = solvers[solvers.problem == problem]
        for colour, (method, group) in zip(COLOURS, chosen.groupby("method", sort=False), strict=False):
            axis.loglog(group.tolerance, group.seconds, marker="o", markersize=3, color=colour, label=method)
        axis.set(xlabel="tolerance ξ", title=problem)
        axis.invert_xaxis()
    axes[0].set_ylabel("seconds")
    axes[0].legend(fontsize=6)
    return (
        figure,
        "Seconds to the same certificate max h ≤ 1 + ξ, in one run on one machine; a missing point hit the cap.",
    )
