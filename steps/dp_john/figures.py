"""The published figures, each with its caption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from steps.step import plotting
from steps.step.plotting import BLACK, BLUE, COLOURS, ORANGE, YELLOW
from steps.step.publish import CaptionedFigure


def rate(curves: pd.DataFrame) -> CaptionedFigure:
    """Draw the gap against the number of updates: exact, sketched, sampled and noisy."""
    figure, (left, right) = plotting.panels(2, width=4.8, height=4.2)
    exact = curves[curves.variant == "exact"]
    for colour, (name, group) in zip(COLOURS, exact.groupby("dataset", sort=False), strict=False):
        left.loglog(group.updates, group.averaged - 1, color=colour, label=name.replace("_", " "))
        left.loglog(group.updates, (group["last"] - 1).clip(lower=1e-12), color=colour, linestyle=":")
        left.loglog(group.updates, group.bound - 1, color=colour, linewidth=0.5, alpha=0.6)
    left.set(xlabel="updates T", ylabel="max h − 1", title="exact scores", ylim=(1e-8, None))
    random = curves[curves.variant != "exact"]
    first = random[random.dataset == random.dataset.iloc[0]].assign(gap=lambda table: table.averaged - 1)
    kinds = sorted(first.variant.unique(), key=lambda variant: (variant.split()[0], float(variant.split()[1])))
    for colour, kind in zip(COLOURS, kinds, strict=False):
        plotting.curve(right, first[first.variant == kind], "updates", "gap", colour, label=kind, marker="")
    right.set(xscale="log", yscale="log", xlabel="updates T", title=f"random scores, {first.dataset.iloc[0]}")
    plotting.legend(left, columns=3)
    plotting.legend(right, columns=3)
    return figure, (
        "Convergence of the fixed point. Left: exact scores, averaged iterate (solid), last iterate (dotted) and the "
        "bound (n/d)^(1/T) − 1 (thin). Right: averaged iterate with noise of that standard deviation, with scores "
        "from that many sampled rows, and with that many sketch rows; bands span the seeds."
    )


def privacy_utility(diagnostics: list[dict[str, Any]]) -> CaptionedFigure:
    """Draw the log-radius loss against ε for every mode and closeness."""
    chosen = [item for item in diagnostics if item["epsilon"] and "final" in item]
    losses = pd.DataFrame(
        [
            {key: item[key] for key in ("dataset", "mode", "closeness", "epsilon")} | {"loss": loss}
            for item in chosen
            for loss in item["final"]["log_radius_loss"]
        ]
    )
    names = list(dict.fromkeys(item["dataset"] for item in diagnostics))
    figure, axes = plotting.panels(len(names), width=4.8, height=3.8, sharey=True)
    colours = dict(zip(dict.fromkeys(losses["mode"]), COLOURS, strict=False))
    lines = dict(zip(sorted(losses.closeness.dropna().unique()), ("-", "--", ":"), strict=False))
    for axis, name in zip(axes, names, strict=True):
        mine = losses[losses.dataset == name]
        for (mode, closeness), group in mine.groupby(["mode", "closeness"], sort=False, dropna=False):
            label = mode if np.isnan(closeness) else f"{mode}, ε₀ = {closeness:g}"
            style = {"label": label, "linestyle": lines.get(closeness, "-")}
            plotting.curve(axis, group, "epsilon", "loss", colours[mode], band="middle 90 %", **style)
        plotting.log_ticks(axis, mine.epsilon, base=2)
        axis.set_yscale("symlog", linthresh=0.01)
        axis.axhline(0, color=BLACK, linewidth=0.6)
        axis.set(xlabel="ε", title=name.replace("_", " "))
    axes[0].set_ylabel("log-radius loss per axis (nats)")
    plotting.shared_legend(figure)
    return figure, (
        "Privacy and utility: how much radius each axis loses against the exact ellipsoid; bands hold 90 % of the "
        "draws. Mode moment protects a freely replaced row and is not a John ellipsoid, so its loss may be negative."
    )


def gap_gallery(gaps: dict[str, Any]) -> CaptionedFigure:
    """Draw Hölder ratios, duplicate weights and truncation mass."""
    figure, (left, middle, right) = plotting.panels(3, width=3.7, height=3.6)
    holder, duplicates, truncation = gaps["holder"], gaps["duplicates"], gaps["truncation"]
    left.loglog(holder["closeness"], holder["ratio"], marker="o", markersize=4, color=BLUE, label="measured")
    law = 1.4 / np.sqrt(holder["closeness"])
    left.loglog(holder["closeness"], law, linestyle=":", color=BLACK, label="1.4 ε₀^(−½)")
    left.set(xlabel="ε₀", ylabel="‖ΔQ‖/ε₀", title="no Lipschitz constant")
    plotting.log_ticks(left, [10, 30, 100, 300], which="y")
    for colour, which in zip((BLUE, ORANGE), ("average", "last"), strict=True):
        change = np.array(duplicates[which]) / duplicates["eta"]
        middle.loglog(duplicates["updates"], change, marker="o", markersize=4, color=colour, label=f"{which} iterate")
    middle.set(ylabel="relative weight change / η", title="two equal rows")
    plotting.log_ticks(middle, duplicates["updates"])
    middle.set_xlabel("updates T")
    together = f"{truncation['n']} rows, {truncation['rounds']} rounds"
    right.semilogy(truncation["sds"], truncation["union"], marker="o", markersize=4, color=ORANGE, label=together)
    right.semilogy(truncation["sds"], truncation["mass"], marker="o", markersize=4, color=BLUE, label="one weight")
    right.axhline(1e-6, color=BLACK, linestyle=":", linewidth=1, label="δ = 10⁻⁶")
    right.set(
        xlabel="noise sd σ", ylabel="mass outside the neighbour's support", title="truncation", ylim=(1e-12, None)
    )
    for axis in (left, middle, right):
        plotting.legend(axis)
    return figure, (
        "Gaps of the argument. Left: the ellipsoid moves by ε₀^½. Middle: the weight of one of two equal rows moves "
        "by about Tη. Right: outputs that a neighbour cannot give."
    )


def audits(audits: pd.DataFrame) -> CaptionedFigure:
    """Draw the lower bounds on ε, correct mechanisms beside planted bugs."""
    claimed = audits[audits.kind == "correct"].claimed_epsilon.iloc[0]
    kinds = {
        "correct": ("correct mechanism", BLUE),
        "planted": ("planted bug", ORANGE),
        "weak claim": ("half the noise at a claimed ε of 1", YELLOW),
    }
    figure = plotting.audit(
        audits,
        "epsilon_lower_bound",
        ("mechanism", "canary"),
        kinds,
        claimed=claimed,
        label="lower bound on ε",
        ticks=[0, 1, 2, 4, 8, 16, 32],
    )
    return figure, (
        "Audits: lower bounds on ε, mean and range over seeds. Dotted: the claimed ε of correct mechanisms and "
        "planted bugs."
    )


def solvers(solvers: pd.DataFrame) -> CaptionedFigure:
    """Draw seconds against tolerance for every solver and problem."""
    problems = list(solvers.problem.unique())
    figure, axes = plotting.panels(len(problems), width=3.1, height=3.6, sharey=True)
    colours = dict(zip(solvers.method.unique(), COLOURS, strict=False))
    for axis, problem in zip(axes, problems, strict=True):
        for method, group in solvers[solvers.problem == problem].groupby("method", sort=False):
            name = method.replace("_", " ")
            axis.loglog(group.tolerance, group.seconds, marker="o", markersize=4, color=colours[method], label=name)
        plotting.log_ticks(axis, solvers.tolerance)
        axis.set(xlabel="tolerance ξ", title=problem)
        axis.invert_xaxis()
    axes[0].set_ylabel("seconds")
    plotting.shared_legend(figure)
    return figure, (
        "Seconds to the same certificate max h ≤ 1 + ξ, in one run on one machine; a missing point hit the cap."
    )
