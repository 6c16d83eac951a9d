"""The published figures, each with its caption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

Captioned = tuple[Figure, str]
# Okabe–Ito
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")


def _panels(count: int, width: float = 4.2, height: float = 3.4) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width * count, height), layout="constrained")
    return figure, np.atleast_1d(figure.subplots(1, count))


def _named_ticks(axis: Any, values: Any) -> None:
    """Name exactly these values on a logarithmic axis."""
    from matplotlib.ticker import NullLocator

    axis.set_xticks(list(values), [f"{value:g}" for value in values])
    axis.xaxis.set_minor_locator(NullLocator())


def _curve(axis: Any, table: pd.DataFrame, x: str, y: str, colour: str, **style: Any) -> None:
    """Draw the mean over seeds with a band from the least to the largest."""
    spread = table.groupby(x)[y].agg(["mean", "min", "max"])
    axis.fill_between(spread.index, spread["min"], spread["max"], color=colour, alpha=0.2, linewidth=0)
    axis.plot(spread.index, spread["mean"], color=colour, **({"marker": "o", "markersize": 3} | style))


def error_grid(grid: pd.DataFrame) -> Captioned:
    """Draw the error against n for every ε, with its parts."""
    figure, (left, right) = _panels(2)
    for colour, (epsilon, group) in zip(COLOURS, grid.groupby("epsilon"), strict=False):
        _curve(left, group, "n", "rmse", colour, label=f"ε = {epsilon:g}")
        _curve(right, group, "n", "noise", colour, label=f"ε = {epsilon:g}")
        mean = group.groupby("n").predicted.mean()
        right.plot(mean.index, mean, color="black", linestyle=":", linewidth=1)
    floor = grid.groupby("n").truncation.mean()
    left.plot(floor.index, floor, color="black", linestyle="--", linewidth=1, label="truncation")
    left.set(xscale="log", yscale="log", xlabel="rows n", ylabel="RMSE", title="against exact attention")
    right.set(xscale="log", yscale="log", xlabel="rows n", title="noise alone, prediction dotted")
    left.legend(fontsize=7)
    right.legend(fontsize=7)
    known = grid.iloc[0]
    return figure, (
        f"Error of one sketch (B = {known.logit_bound:g}, degree {known.degree:g}, r = {known.feature_count}): it "
        "falls as 1/n "
        "until the truncation error is reached. Right: its noise against the predicted standard deviation. Bands "
        "span the seeds."
    )


def temperature(sweep: pd.DataFrame) -> Captioned:
    """Draw bias and noise against B and against the degree."""
    figure, (left, middle, right) = _panels(3, 3.7)
    taylor = sweep[sweep.features == "taylor"]
    for colour, (degree, group) in zip(COLOURS, taylor.groupby("degree"), strict=False):
        _curve(left, group, "logit_bound", "truncation", colour, label=f"bias, g = {degree:g}")
        _curve(left, group, "logit_bound", "noise", colour, linestyle="--", marker="")
    left.set(
        xscale="log", yscale="log", xlabel="B", ylabel="RMSE", title="bias (solid), noise (dashed)", ylim=(1e-12, None)
    )
    left.legend(fontsize=7)
    for colour, (bound, group) in zip(COLOURS, taylor.groupby("logit_bound"), strict=False):
        _curve(middle, group, "degree", "truncation", colour, label=f"B = {bound:g}")
        _curve(middle, group, "degree", "noise", colour, linestyle="--", marker="")
    middle.set(yscale="log", xlabel="degree g", title="where bias and noise cross", ylim=(1e-12, None))
    middle.legend(fontsize=7)
    kinds = [kind for kind in sweep.kind.unique() if "Taylor" not in kind] + sorted(
        (kind for kind in sweep.kind.unique() if "Taylor" in kind), key=lambda kind: int(kind.split()[1])
    )
    for colour, kind in zip(COLOURS, kinds, strict=False):
        _curve(right, sweep[sweep.kind == kind], "logit_bound", "rmse", colour, label=kind)
    right.set(xscale="log", yscale="log", xlabel="B", title="error in all")
    for axis in (left, right):
        _named_ticks(axis, sorted(sweep.logit_bound.unique()))
    right.legend(fontsize=7)
    return figure, (
        "Temperature at ε = 1: truncation bias and noise by B and degree; they cross where a higher degree no longer "
        "pays. Right: "
        "error in all by feature map. Bands span the seeds."
    )


def accuracy(table: pd.DataFrame) -> Captioned:
    """Draw accuracy against ε for every data set and B."""
    names, bounds = list(table.dataset.unique()), sorted(table.logit_bound.dropna().unique())
    figure = Figure(figsize=(3.4 * len(bounds), 3.1 * len(names)), layout="constrained")
    axes = np.atleast_2d(figure.subplots(len(names), len(bounds), sharex=True, sharey="row", squeeze=False))
    private = ["Taylor sketch", "random sketch", "exact kernel", "noise for each query", "class means", "mean value"]
    public = {"exact attention, not private": "--", "Taylor sketch, not private": ":"}
    for row, name in zip(axes, names, strict=True):
        for axis, bound in zip(row, bounds, strict=True):
            chosen = table[(table.dataset == name) & (table.logit_bound.isna() | (table.logit_bound == bound))]
            for colour, method in zip(COLOURS, private, strict=False):
                group = chosen[(chosen.method == method) & chosen.epsilon.notna()]
                _curve(axis, group.assign(epsilon=group.epsilon.round(3)), "epsilon", "accuracy", colour, label=method)
            for method, line in public.items():
                level = chosen[chosen.method == method].accuracy.mean()
                axis.axhline(level, color="black", linestyle=line, linewidth=1, label=method)
            axis.set(xscale="log", title=f"{name}, B = {bound:g}")
            axis.set_xscale("log", base=2)
        row[0].set_ylabel("accuracy")
    for axis in axes[-1]:
        axis.set_xlabel("ε")
    axes[0][-1].legend(fontsize=6, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure, (
        "Classification from a private memory against ε; bands span the seeds. Horizontal lines are not private. "
        "Class means and "
        "the mean value do not depend on B."
    )


def trees(routes: pd.DataFrame, alphas: pd.DataFrame, prefixes: pd.DataFrame) -> Captioned:
    """Draw noise of both routes, the trade-off in α, and the growth of a prefix sum's noise."""
    figure, (left, middle, right) = _panels(3, 3.7)
    wide = routes.groupby(["d", "g", "n", "route"], sort=False).noise.mean().unstack("route", sort=False)
    for place, (colour, route) in enumerate(zip(COLOURS, wide, strict=False)):
        left.bar(np.arange(len(wide)) + 0.2 * place, wide[route], 0.2, color=colour, label=route)
    left.set_xticks(np.arange(len(wide)) + 0.3, [f"d={d}, g={g}\nn={n}" for d, g, n in wide.index], fontsize=7)
    left.set(yscale="log", ylabel="noise of a numerator / n", title="trees and one sketch")
    left.set_ylim(top=left.get_ylim()[1] * 30)
    left.legend(fontsize=6)
    _curve(middle, alphas, "alpha", "noise", COLOURS[0], label="noise")
    _curve(middle, alphas, "alpha", "bias", COLOURS[1], label="largest relative bias")
    x = np.sort(alphas.alpha.unique())
    first = alphas[alphas.alpha == x[0]].noise.mean()
    middle.plot(x, first * np.sqrt(x[0] / x), color="black", linestyle=":", label="α^(−1/2)")
    middle.set(xscale="log", yscale="log", xlabel="α", title="distance bands")
    middle.legend(fontsize=7)
    right.plot(prefixes.bins, prefixes.rms, color=COLOURS[0], marker="o", label="prefix sum of a tree")
    right.plot(prefixes.bins, prefixes.one_sum, color=COLOURS[2], marker="o", label="one noisy sum")
    law = np.log2(prefixes.bins) ** 1.5
    right.plot(prefixes.bins, law * prefixes.rms.iloc[0] / law.iloc[0], color="black", linestyle=":", label="log^1.5 N")
    right.set(xscale="log", yscale="log", xlabel="bins N", title="noise rms at ε = 1", ylim=(1, None))
    right.legend(fontsize=7)
    return figure, (
        "The paper's trees. Left: noise at equal rows, features, ε and δ. Middle: narrower bands lower the bias and "
        "raise the noise. "
        "Right: a prefix sum's noise grows as log^1.5 N; one sum needs no tree."
    )


def audits(table: pd.DataFrame) -> Captioned:
    """Draw the lower bounds on μ over the claimed μ."""
    shown = table.assign(ratio=table.mu_lower_bound / table.claimed_mu)
    grouped = (
        shown.groupby(["kind", "mechanism", "claimed_epsilon"], sort=False)
        .ratio.agg(["mean", "min", "max"])
        .reset_index()
    )
    figure = Figure(figsize=(7.2, 0.3 * len(grouped) + 0.9), layout="constrained")
    axis = figure.subplots()
    places = np.arange(len(grouped))[::-1]
    colours = [COLOURS[1] if kind == "planted" else COLOURS[0] for kind in grouped.kind]
    errors = np.stack([grouped["mean"] - grouped["min"], grouped["max"] - grouped["mean"]])
    axis.barh(places, grouped["mean"], xerr=errors, color=colours, height=0.7)
    axis.set_yticks(
        places, [f"{row.mechanism}, ε = {row.claimed_epsilon:g}" for row in grouped.itertuples()], fontsize=7
    )
    axis.axvline(1.0, color="black", linestyle=":")
    axis.set(xscale="log", xlabel="lower bound on μ over the claimed μ")
    _named_ticks(axis, [0.5, 0.75, 1, 1.5, 2, 4, 8])
    return figure, (
        "Audits: lower bounds on μ over what is claimed, mean with least and largest over repeats; mechanisms as "
        "they are (blue) and "
        "planted bugs (orange). Beyond the dotted line the claim is refuted."
    )


def adaptive(attacks: pd.DataFrame, grown: pd.DataFrame) -> Captioned:
    """Draw what gradient search finds, and the noise of growing memories."""
    figure, (left, right) = _panels(2)
    names = {"random": "random", "searched": "searched", "net": "net bound", "cauchy_schwarz": "Cauchy–\nSchwarz"}
    for place, (colour, name) in enumerate(zip(COLOURS, names, strict=False)):
        left.bar(place, attacks[name].mean(), color=colour)
        left.scatter(np.full(len(attacks), place), attacks[name], color="black", s=6, zorder=3)
    left.set_xticks(range(len(names)), list(names.values()), fontsize=8)
    left.set(ylabel="largest noise in its own sd", title="adaptive queries")
    end = grown[grown.time == grown.horizon]
    for colour, (name, label) in zip(
        COLOURS,
        {"noise_tree": "tree over time", "noise_anew": "anew at every step", "noise_once": "once, at the end"}.items(),
        strict=False,
    ):
        _curve(right, end, "horizon", name, colour, label=label)
    right.set(
        xscale="log", yscale="log", xlabel="horizon T", ylabel="noise RMSE at T", title="rows that arrive over time"
    )
    right.legend(fontsize=7)
    return figure, (
        "Left: the largest noise among random queries and after gradient search, and what bounds it; dots are "
        "sketches. Right: error "
        "at the end of a horizon when all times share one budget."
    )


def scaling(table: pd.DataFrame) -> Captioned:
    """Draw times against n."""
    figure, (left, right) = _panels(2)
    exact = table[table.method == "exact attention"]
    left.loglog(exact.n, exact.query_seconds, color="black", marker="o", label="exact attention")
    sketches = table[table.method == "one sketch"]
    for colour, (degree, group) in zip(COLOURS, sketches.groupby("degree"), strict=False):
        label = f"sketch, g = {degree}, r = {group.feature_count.iloc[0]}"
        left.loglog(group.n, group.query_seconds, color=colour, marker="o", label=label)
        right.loglog(group.n, group.build_seconds, color=colour, marker="o", label=label)
    left.set(xlabel="rows n", ylabel="seconds", title="one batch of queries")
    right.set(xlabel="rows n", title="building and releasing")
    left.legend(fontsize=7)
    return (
        figure,
        "Time against rows: queries of the sketch do not depend on n, building does once. One run, one machine.",
    )
