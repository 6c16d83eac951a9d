"""The published figures, each with its caption."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from steps.step import plotting
from steps.step.plotting import BLACK, BLUE, COLOURS, ORANGE, SKY, YELLOW
from steps.step.publish import CaptionedFigure

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


def _without_privacy(axis: Axes, accuracies: pd.DataFrame, exact: str) -> None:
    """Draw the levels without privacy: the exact predictor, and the control that solves nothing."""
    for method, line in ((exact, "-"), ("no solve", ":")):
        level = accuracies[accuracies.method == method].accuracy.mean()
        axis.axhline(level, color=BLACK, linestyle=line, linewidth=1, label=method)


def close(curve: pd.DataFrame) -> CaptionedFigure:
    """Draw accuracy against total ε in the paper's setting, controls beside it."""
    names = list(curve.dataset.unique())
    figure, axes = plotting.panels(len(names), width=5.2, height=4.2)
    for axis, name in zip(axes, names, strict=True):
        mine = curve[curve.dataset == name]
        kinds = mine[mine.method.str.startswith("sampling")].groupby(["method", "rule"], sort=False)
        for colour, ((method, rule), group) in zip(COLOURS, kinds, strict=False):
            line = "--" if rule.startswith("published") else "-"
            label = f"{method}, {rule}"
            plotting.curve(axis, group, "epsilon", "accuracy", colour, band="student", label=label, linestyle=line)
        for colour, (beta, group) in zip(
            (YELLOW, SKY), mine[mine.method == "input"].groupby("closeness"), strict=False
        ):
            label = f"input, β = {beta:g}"
            plotting.curve(axis, group, "epsilon", "accuracy", colour, band="student", label=label, linestyle="-.")
        _without_privacy(axis, mine, "non-private")
        plotting.log_ticks(axis, mine.epsilon.dropna().round(6))
        axis.set(xlabel="total ε (δ = 10⁻³ per release)", title=TITLES[name])
    axes[0].set_ylabel("test accuracy")
    plotting.shared_legend(figure)
    return figure, (
        "The paper's setting, a record that moves by β = 10⁻⁶ (input noise: also 10⁻²), labels public: "
        "accuracy against the total ε, means with 95 % intervals over draws. The no-solve control K(x, X)Y (dotted) "
        "answers with raw records and solves nothing."
    )


def record(record: pd.DataFrame, baselines: pd.DataFrame) -> CaptionedFigure:
    """Draw accuracy against ε at record level, all methods, one panel per data set."""
    names = list(record.dataset.unique())
    figure, axes = plotting.panels(len(names), columns=3, width=3.8, height=3.1)
    everything = pd.concat([record, baselines])
    private = everything[everything.epsilon.notna()]
    colours = dict(zip(private.method.unique(), COLOURS, strict=False))
    for axis, name in zip(axes, names, strict=True):
        for method, group in private[private.dataset == name].groupby("method", sort=False):
            plotting.curve(axis, group, "epsilon", "accuracy", colours[method], band="student", label=method)
        _without_privacy(axis, everything[everything.dataset == name], "non-private kernel")
        plotting.log_ticks(axis, private.epsilon)
        axis.set(xlabel="ε (δ = 10⁻⁵)", title=TITLES[name], ylim=(0, 1.02))
    for axis in axes[::3]:
        axis.set_ylabel("test accuracy")
    plotting.shared_legend(figure)
    return figure, (
        "Record level: one record and its label replaced by any other. Accuracy against ε at the same δ and the same "
        "adjacency, means with 95 % intervals over draws; lines without privacy in black (the no-solve control dotted)."
    )


def account(pairs: pd.DataFrame) -> CaptionedFigure:
    """Draw the exact Δ and ε against β beside the bounds that calibrate k."""
    figure, (left, right) = plotting.panels(2, width=4.8, height=4)
    means = pairs.groupby("closeness").mean(numeric_only=True)
    bounds = {"exact_deviation": "exact", "proven_bound": "proven bound", "published_bound": "published nβ/η"}
    for colour, (column, words) in zip(COLOURS, bounds.items(), strict=False):
        left.loglog(means.index, means[column], marker="o", markersize=3, color=colour, label=words)
    left.set(xlabel="β", ylabel="Δ", title="how far the whitened kernel moves")
    for colour, (k, group) in zip(COLOURS, pairs.groupby("samples"), strict=False):
        mean = group.groupby("closeness").mean(numeric_only=True)
        exact = mean.exact_epsilon.clip(lower=1e-6)
        right.loglog(mean.index, exact, marker="o", markersize=3, color=colour, label=f"exact, k = {k}")
        right.loglog(mean.index, mean.proven_epsilon, linestyle=":", color=colour, label=f"theorem, k = {k}")
    right.set(xlabel="β", ylabel="ε at δ = 10⁻³", title="what k samples lose", ylim=(5e-7, None))
    plotting.legend(left, columns=3)
    plotting.legend(right, columns=3)
    return figure, (
        "Sensitivity bound against exact loss. Left: Δ of real pairs and its bounds. Right: the exact ε of k samples "
        "(solid; 0 is drawn at 10⁻⁶) and the ε of the theorem with the proven Δ (dotted). β = 2 is a replaced record."
    )


def audits(audits: pd.DataFrame) -> CaptionedFigure:
    """Draw the lower bounds on ε, correct mechanisms beside planted bugs."""
    kinds = {
        "correct": ("correct mode", BLUE),
        "planted": ("planted bug", ORANGE),
        "replacement": ("the paper's mechanism, a record replaced", YELLOW),
    }
    figure = plotting.audit(
        audits,
        "epsilon_lower_bound",
        ("mechanism", "canary"),
        kinds,
        claimed=audits.claimed_epsilon.iloc[0],
        label="lower bound on ε",
        ticks=[0, 1, 2, 4, 8, 16, 32],
    )
    return figure, (
        "Audits: lower bounds on ε, mean and range over seeds. Dotted: the claimed ε. Too small an n is caught by "
        "the theorem's own ε."
    )


def convergence(width: pd.DataFrame, samples: pd.DataFrame) -> CaptionedFigure:
    """Draw the error against width and against the number of samples."""
    figure, (left, right) = plotting.panels(2, width=4.4, height=3.8)
    for colour, (name, group) in zip(COLOURS, width.groupby("activation", sort=False), strict=False):
        plotting.curve(left, group, "width", "error", colour, label=TITLES[name])
        mean = group.groupby("width").error.mean()
        law = mean.iloc[0] * (mean.index / mean.index[0]) ** -0.5
        left.plot(mean.index, law, linestyle=":", color=colour, label=f"{TITLES[name]}, m^(−½)")
    plotting.log_ticks(left, width.width)
    left.set(yscale="log", xlabel="width m", ylabel="relative error of K", title="finite width to the limit")
    errors = {"spectral": "spectral error", "bound": "bound ρ", "prediction": "error of f̃ (rms)"}
    for colour, (column, words) in zip(COLOURS, errors.items(), strict=False):
        plotting.curve(right, samples, "samples", column, colour, label=words)
    plotting.log_ticks(right, samples.samples)
    right.set(yscale="log", xlabel="samples k", title=f"k samples, n = {samples.n.iloc[0]}")
    plotting.legend(left)
    plotting.legend(right, columns=3)
    return figure, (
        "Left: finite kernels reach their limits as m^−½ (dotted). Right: the spectral error of k samples and the "
        "error of the predictor fall as k^−½, below the paper's ρ, where k is far above n². Bands span the draws."
    )
