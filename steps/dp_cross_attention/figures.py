"""The published figures, each with its caption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from steps.step import plotting
from steps.step.plotting import BLACK, BLUE, COLOURS, GREEN, ORANGE
from steps.step.publish import CaptionedFigure

LEAST = 1e-12  # RMSE; what is below is rounding
DOTS: Any = {"marker": "o", "markersize": 4}


def error_grid(grid: pd.DataFrame) -> CaptionedFigure:
    """Draw the error against n for every ε, with its parts."""
    figure, (left, right) = plotting.panels(2, height=3.6)
    for colour, (epsilon, group) in zip(COLOURS, grid.groupby("epsilon"), strict=False):
        plotting.curve(left, group, "n", "rmse", colour, label=f"ε = {epsilon:g}")
        plotting.curve(right, group, "n", "noise", colour, label=f"ε = {epsilon:g}")
        mean = group.groupby("n").predicted.mean()
        right.plot(mean.index, mean, color=BLACK, linestyle=":", linewidth=1, label="predicted noise")
    floor = grid.groupby("n").truncation.mean()
    left.plot(floor.index, floor, color=BLACK, linestyle="--", linewidth=1, label="truncation")
    left.set(xscale="log", yscale="log", xlabel="rows n", ylabel="RMSE", title="against exact attention")
    right.set(xscale="log", yscale="log", xlabel="rows n", title="noise alone")
    plotting.shared_legend(figure, columns=5)
    known = grid.iloc[0]
    return figure, (
        f"Error of one sketch (B = {known.logit_bound:g}, degree {known.degree:g}, r = {known.feature_count}): it "
        "falls as 1/n until the truncation error is reached. Right: its noise against the predicted standard "
        "deviation. Bands span the seeds."
    )


def temperature(sweep: pd.DataFrame) -> CaptionedFigure:
    """Draw bias and noise against B and against the degree."""
    figure, (left, middle, right) = plotting.panels(3, width=3.8, height=4)
    taylor = sweep[sweep.features == "taylor"]
    for axis, x, by, name in ((left, "logit_bound", "degree", "g"), (middle, "degree", "logit_bound", "B")):
        for colour, (value, group) in zip(COLOURS, taylor.groupby(by), strict=False):
            plotting.curve(axis, group, x, "truncation", colour, label=f"{name} = {value:g}")
            plotting.curve(axis, group, x, "noise", colour, linestyle="--", marker="")
        axis.set(yscale="log", ylim=(LEAST, None))
    left.set(ylabel="RMSE", title="bias (solid), noise (dashed)")
    middle.set(xlabel="degree g", xticks=sorted(taylor.degree.unique()), title="where bias and noise cross")
    kinds = [kind for kind in sweep.kind.unique() if "Taylor" not in kind] + sorted(
        (kind for kind in sweep.kind.unique() if "Taylor" in kind), key=lambda kind: int(kind.split()[1])
    )
    for colour, kind in zip(COLOURS, kinds, strict=False):
        plotting.curve(right, sweep[sweep.kind == kind], "logit_bound", "rmse", colour, label=kind)
    right.set(yscale="log", title="error in all")
    for axis in (left, right):
        plotting.log_ticks(axis, sweep.logit_bound)
        axis.set_xlabel("logit bound B")
    for axis in (left, middle, right):
        plotting.legend(axis, columns=3)
    return figure, (
        "Temperature at ε = 1: truncation bias and noise by B and degree; they cross where a higher degree no longer "
        "pays. Right: error in all by feature map. Bands span the seeds."
    )


def accuracy(table: pd.DataFrame) -> CaptionedFigure:
    """Draw accuracy against ε for every data set and B."""
    names, bounds = list(table.dataset.unique()), sorted(table.logit_bound.dropna().unique())
    places = [(name, bound) for name in names for bound in bounds]
    figure, axes = plotting.panels(len(places), columns=len(bounds), width=3.4, height=2.9, sharex=True, sharey="row")
    private = ["Taylor sketch", "random sketch", "exact kernel", "noise for each query", "class means", "mean value"]
    public = {"exact attention, not private": "--", "Taylor sketch, not private": ":"}
    for axis, (name, bound) in zip(axes, places, strict=True):
        chosen = table[(table.dataset == name) & (table.logit_bound.isna() | (table.logit_bound == bound))]
        for colour, method in zip(COLOURS, private, strict=False):
            group = chosen[(chosen.method == method) & chosen.epsilon.notna()]
            group = group.assign(epsilon=group.epsilon.round(3))
            plotting.curve(axis, group, "epsilon", "accuracy", colour, label=method)
        for method, line in public.items():
            level = chosen[chosen.method == method].accuracy.mean()
            axis.axhline(level, color=BLACK, linestyle=line, linewidth=1, label=method)
        plotting.log_ticks(axis, table.epsilon.dropna().round(3), base=2)
        axis.set_title(f"{name}, B = {bound:g}")
    for axis in axes[:: len(bounds)]:
        axis.set_ylabel("accuracy")
    for axis in axes[-len(bounds) :]:
        axis.set_xlabel("ε")
    plotting.shared_legend(figure)
    return figure, (
        "Classification from a private memory against ε; bands span the seeds. Horizontal lines are not private. "
        "Class means and the mean value do not depend on B."
    )


def trees(routes: pd.DataFrame, alphas: pd.DataFrame, prefixes: pd.DataFrame) -> CaptionedFigure:
    """Draw noise of both routes, the trade-off in α, and the growth of a prefix sum's noise."""
    figure, (left, middle, right) = plotting.panels(3, width=3.8, height=4)
    cases = {case: place for place, case in enumerate(routes.groupby(["d", "g", "n"], sort=False).groups)}
    for colour, (route, group) in zip(COLOURS, routes.groupby("route", sort=False), strict=False):
        spread = group.groupby(["d", "g", "n"], sort=False).noise.agg(["mean", "min", "max"])
        places = [cases[case] for case in spread.index]
        plotting.error_bars(left, places, spread["mean"], spread["min"], spread["max"], colour, label=route)
    left.set_xticks(list(cases.values()), [f"d = {d}, g = {g}\nn = {n}" for d, g, n in cases])
    left.set(
        yscale="log", ylabel="noise of a numerator / n", title="trees and one sketch", xlim=(-0.5, len(cases) - 0.5)
    )
    plotting.curve(middle, alphas, "alpha", "noise", BLUE, label="noise")
    plotting.curve(middle, alphas, "alpha", "bias", ORANGE, label="largest relative bias")
    x = np.sort(alphas.alpha.unique())
    first = alphas[alphas.alpha == x[0]].noise.mean()
    middle.plot(x, first * np.sqrt(x[0] / x), color=BLACK, linestyle=":", label="α^(−½)")
    middle.set(xscale="log", yscale="log", xlabel="relative width α of a band", title="distance bands")
    right.plot(prefixes.bins, prefixes.rms, color=BLUE, label="prefix sum of a tree", **DOTS)
    right.plot(prefixes.bins, prefixes.one_sum, color=GREEN, label="one noisy sum", **DOTS)
    law = np.log2(prefixes.bins) ** 1.5
    right.plot(prefixes.bins, law * prefixes.rms.iloc[0] / law.iloc[0], color=BLACK, linestyle=":", label="log^1.5 N")
    right.set(yscale="log", title="noise rms at ε = 1", ylim=(1, None))
    plotting.log_ticks(right, prefixes.bins)
    right.set_xlabel("bins N")
    for axis in (left, middle, right):
        plotting.legend(axis)
    return figure, (
        "The paper's trees. Left: noise at equal rows, features, ε and δ, mean and range over seeds. Middle: narrower "
        "bands lower the bias and raise the noise. Right: a prefix sum's noise grows as log^1.5 N; one sum needs no "
        "tree."
    )


def audits(table: pd.DataFrame) -> CaptionedFigure:
    """Draw the lower bounds on μ over the claimed μ."""
    shown = table.assign(
        ratio=table.mu_lower_bound / table.claimed_mu, claim=table.claimed_epsilon.map("ε = {:g}".format)
    )
    kinds = {
        "repeat": ("mechanism as it is", BLUE),
        "correct": ("mechanism as it is", BLUE),
        "planted": ("planted bug", ORANGE),
    }
    figure = plotting.audit(
        shown,
        "ratio",
        ("mechanism", "claim"),
        kinds,
        claimed=1.0,
        label="lower bound on μ over the claimed μ",
        ticks=[0.5, 0.75, 1, 1.5, 2, 4, 8],
    )
    return figure, (
        "Audits: lower bounds on μ over what is claimed, mean and range over repeats. Beyond the dotted line the "
        "claim is refuted."
    )


def adaptive(attacks: pd.DataFrame, grown: pd.DataFrame) -> CaptionedFigure:
    """Draw what gradient search finds, and the noise of growing memories."""
    figure, (left, right) = plotting.panels(2, height=3.7)
    names = {"random": "random", "searched": "searched", "net": "net bound", "cauchy_schwarz": "Cauchy–\nSchwarz"}
    plotting.dots(left, {label: attacks[name] for name, label in names.items()}, horizontal=False)
    left.set(ylabel="largest noise in its own sd", title="adaptive queries", ylim=(0, None))
    end = grown[grown.time == grown.horizon]
    columns = {"noise_tree": "tree over time", "noise_anew": "anew at every step", "noise_once": "once, at the end"}
    for colour, (name, label) in zip(COLOURS, columns.items(), strict=False):
        plotting.curve(right, end, "horizon", name, colour, label=label)
    plotting.log_ticks(right, end.horizon)
    right.set(yscale="log", xlabel="horizon T", ylabel="noise RMSE at T", title="rows that arrive over time")
    plotting.legend(right, columns=3)
    return figure, (
        "Left: the largest noise among random queries and after gradient search, and what bounds it; dots are "
        "sketches, strokes their means. Right: error at the end of a horizon when all times share one budget; bands "
        "span the seeds."
    )


def scaling(table: pd.DataFrame) -> CaptionedFigure:
    """Draw times against n."""
    figure, (left, right) = plotting.panels(2, height=3.7)
    exact = table[table.method == "exact attention"]
    left.loglog(exact.n, exact.query_seconds, color=BLACK, label="exact attention", **DOTS)
    sketches = table[table.method == "one sketch"]
    for colour, (degree, group) in zip(COLOURS, sketches.groupby("degree"), strict=False):
        label = f"sketch, g = {degree}, r = {group.feature_count.iloc[0]}"
        left.loglog(group.n, group.query_seconds, color=colour, label=label, **DOTS)
        right.loglog(group.n, group.build_seconds, color=colour, label=label, **DOTS)
    left.set(xlabel="rows n", ylabel="seconds", title="one batch of queries")
    right.set(xlabel="rows n", title="building and releasing")
    plotting.shared_legend(figure)
    return figure, (
        "Time against rows: queries of the sketch do not depend on n, building does once. One run, one machine."
    )
