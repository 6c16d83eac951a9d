"""The published figures, each with its caption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

Captioned = tuple[Figure, str]
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")  # Okabe–Ito


TITLES = {
    "cifar_two": "CIFAR-10, two classes",
    "cifar_ten": "CIFAR-10",
    "fashion_mnist": "Fashion-MNIST",
    "digits": "digits",
    "trec": "TREC questions",
    "breast_cancer": "breast cancer",
    "quadratic": "quadratic",
    "relu": "ReLU",
}


def _panels(count: int, width: float = 4.0, height: float = 3.4) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width * count, height), layout="constrained")
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def _curve(axis: Axes, frame: pd.DataFrame, colour: str, label: str, x: str = "epsilon", **style: Any) -> None:
    """Draw means with Student's interval at 95 % over draws."""
    groups = frame.groupby(x).accuracy
    means, half = groups.mean(), stats.t.ppf(0.975, np.maximum(groups.size() - 1, 1)) * groups.sem()
    axis.fill_between(means.index, means - half, means + half, color=colour, alpha=0.25, linewidth=0)
    axis.plot(means.index, means, color=colour, marker="o", markersize=3, label=label, **style)


def _log_axis(axis: Axes, values: Any) -> None:
    """Make x logarithmic with a tick at each of ``values``."""
    ticks = np.unique(np.asarray(values, dtype=float))
    axis.set_xscale("log")
    axis.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks], fontsize=8)
    axis.minorticks_off()


def close(curve: pd.DataFrame) -> Captioned:
    """Draw accuracy against total ε in the paper's setting, controls beside it."""
    names = list(curve.dataset.unique())
    figure, axes = _panels(len(names), 5.2, 3.8)
    for axis, name in zip(axes, names, strict=True):
        mine = curve[curve.dataset == name]
        kinds = mine[mine.method.str.startswith("sampling")].groupby(["method", "rule"], sort=False)
        for colour, ((method, rule), group) in zip(COLOURS, kinds, strict=False):
            style = {"linestyle": "--"} if rule.startswith("published") else {}
            _curve(axis, group, colour, f"{method}, {rule}", **style)
        for colour, (beta, group) in zip(COLOURS[4:6], mine[mine.method == "input"].groupby("closeness"), strict=False):
            _curve(axis, group, colour, f"input, β = {beta:g}", linestyle="-.")
        for method, line in (("non-private", "-"), ("no solve", ":")):
            level = mine[mine.method == method].accuracy.mean()
            axis.axhline(level, color="black", linestyle=line, linewidth=1, label=method)
        _log_axis(axis, mine.epsilon.dropna().round(6))
        axis.set(xlabel="total ε (δ = 10⁻³ a release)", title=TITLES[name])
        axis.legend(fontsize=6)
    axes[0].set_ylabel("test accuracy")
    return figure, (
        "The paper's setting, a record that moves by β = 10⁻⁶ (input noise: also 10⁻²), labels public: "
        "accuracy against the total ε, means with 95 % intervals over draws. The no-solve control K(x, X)Y (dotted) "
        "answers with raw records and solves nothing."
    )


def record(record: pd.DataFrame, baselines: pd.DataFrame) -> Captioned:
    """Draw accuracy against ε at record level, all methods, one panel a data set."""
    names = list(record.dataset.unique())
    rows = -(-(len(names) + 1) // 3)  # the last place is the legend's
    figure = Figure(figsize=(11.5, 3.4 * rows), layout="constrained")
    axes = figure.subplots(rows, 3, squeeze=False).ravel()
    everything = pd.concat([record, baselines])
    for axis, name in zip(axes, names, strict=False):
        mine = everything[everything.dataset == name]
        for colour, (method, group) in zip(
            COLOURS, mine[mine.epsilon.notna()].groupby("method", sort=False), strict=False
        ):
            _curve(axis, group, colour, method)
        for method, line in (("non-private kernel", "-"), ("no solve", ":")):
            level = mine[mine.method == method].accuracy.mean()
            axis.axhline(level, color="black", linestyle=line, linewidth=1, label=method)
        _log_axis(axis, mine.epsilon.dropna())
        axis.set(xlabel="ε (δ = 10⁻⁵)", title=TITLES[name], ylim=(0, 1.02))
    for axis in axes[::3]:
        axis.set_ylabel("test accuracy")
    for axis in axes[len(names) :]:
        axis.axis("off")
    axes[len(names)].legend(*axes[0].get_legend_handles_labels(), loc="center", fontsize=9)
    return figure, (
        "Record level: one record and its label replaced by any other. Accuracy against ε at the same δ and the same "
        "adjacency, means with 95 % intervals over draws; lines without privacy in black (the no-solve control dotted)."
    )


def account(pairs: pd.DataFrame) -> Captioned:
    """Draw the exact Δ and ε against β beside the bounds that calibrate k."""
    figure, (left, right) = _panels(2, 4.8, 3.6)
    means = pairs.groupby("closeness").mean(numeric_only=True)
    bounds = {"exact_deviation": "exact", "proven_bound": "proven bound", "published_bound": "published nβ/η"}
    for colour, (column, words) in zip(COLOURS, bounds.items(), strict=False):
        left.loglog(means.index, means[column], marker="o", markersize=3, color=colour, label=words)
    left.set(xlabel="β", ylabel="Δ", title="how far the whitened kernel moves")
    left.legend(fontsize=7)
    for colour, (k, group) in zip(COLOURS, pairs.groupby("samples"), strict=False):
        mean = group.groupby("closeness").mean(numeric_only=True)
        right.loglog(
            mean.index,
            mean.exact_epsilon.clip(lower=1e-6),
            marker="o",
            markersize=3,
            color=colour,
            label=f"exact, k = {k}",
        )
        right.loglog(mean.index, mean.proven_epsilon, linestyle=":", color=colour, label=f"theorem, k = {k}")
    right.set(xlabel="β", ylabel="ε at δ = 10⁻³", title="what k samples lose", ylim=(1e-6, None))
    right.legend(fontsize=6)
    return figure, (
        "Sensitivity bound against exact loss. Left: Δ of real pairs and its bounds. Right: the exact ε of k samples "
        "(solid; 0 is drawn at 10⁻⁶) and the ε of the theorem with the proven Δ (dotted). β = 2 is a replaced record."
    )


def audits(audits: pd.DataFrame) -> Captioned:
    """Draw the lower bounds on ε, correct mechanisms beside planted bugs."""
    groups = audits.groupby(["kind", "mechanism", "canary"], sort=False)
    table = groups.epsilon_lower_bound.agg(["mean", "min", "max"]).reset_index()
    figure = Figure(figsize=(7.6, 0.32 * len(table) + 0.9), layout="constrained")
    axis = figure.subplots()
    colours = {"correct": COLOURS[0], "planted": COLOURS[1], "replacement": COLOURS[4]}
    places = np.arange(len(table))[::-1]
    errors = np.stack([table["mean"] - table["min"], table["max"] - table["mean"]])
    axis.barh(places, table["mean"], xerr=errors, color=[colours[kind] for kind in table.kind], height=0.7)
    axis.set_yticks(places, [f"{row.mechanism} · {row.canary}" for row in table.itertuples()], fontsize=7)
    axis.axvline(audits.claimed_epsilon.iloc[0], color="black", linestyle=":")
    axis.set(xlabel="lower bound on ε (symlog)", xscale="symlog")
    return figure, (
        "Audits: lower bounds on ε over seeds (bars: range), correct modes (blue), planted bugs (orange), and the "
        "paper's mechanism on a replaced record (yellow). Dotted: the claimed ε. Too small an n is caught by the "
        "theorem's own ε."
    )


def convergence(width: pd.DataFrame, samples: pd.DataFrame) -> Captioned:
    """Draw the error against width and against the number of samples."""
    figure, (left, right) = _panels(2, 4.4, 3.4)
    for colour, (name, group) in zip(COLOURS, width.groupby("activation", sort=False), strict=False):
        mean = group.groupby("width").error.mean()
        left.loglog(mean.index, mean, marker="o", color=colour, label=TITLES[name])
        left.loglog(mean.index, mean.iloc[0] * (mean.index / mean.index[0]) ** -0.5, linestyle=":", color=colour)
    left.set(xlabel="width m", ylabel="relative error of K", title="finite width to the limit")
    left.legend(fontsize=7)
    mean = samples.groupby("samples").mean(numeric_only=True)
    errors = {"spectral": "spectral error", "bound": "bound ρ", "prediction": "error of f̃ (rms)"}
    for colour, (column, words) in zip(COLOURS, errors.items(), strict=False):
        right.loglog(mean.index, mean[column], marker="o", color=colour, label=words)
    right.set(xlabel="samples k", title=f"k samples, n = {samples.n.iloc[0]}")
    right.legend(fontsize=7)
    return figure, (
        "Left: finite kernels reach their limits as m^−½ (dotted). Right: the spectral error of k samples and the "
        "error of the predictor fall as k^−½, below the paper's ρ, where k is far above n²."
    )
