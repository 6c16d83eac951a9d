"""Figures of NTK-Attention, each with its caption."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

Drawn = tuple[Figure, str]


def arms(table: pd.DataFrame, title: str) -> Drawn:
    """Draw every method's test score at its searched rate, one panel a task, a dot a seed."""
    chosen = table[table.setting == "searched"]
    tasks = list(chosen.task.unique())
    figure = Figure(figsize=(3.4 * len(tasks) + 1.4, 3.4), layout="constrained")
    for axis, task in zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True):
        part = chosen[chosen.task == task]
        methods = list(dict.fromkeys(part.method))[::-1]
        for place, method in enumerate(methods):
            scores = part[part.method == method].test_score
            colour = "C3" if method == "ntk" else "C0"
            axis.plot(scores, [place] * len(scores), "o", color=colour, alpha=0.7)
            axis.plot([scores.mean()], [place], "|", color=colour, markersize=18)
        axis.set_yticks(range(len(methods)), methods)
        axis.set_title(task)
        axis.set_xlabel(f"test {part.metric.iloc[0]}")
        axis.grid(axis="x", alpha=0.3)
    return figure, f"{title}: every method at the rate that validation chose, a dot a seed. NTK-Attention in red."


def errors(table: pd.DataFrame) -> Drawn:
    """Draw the approximation error against m, one panel a scale and kind of prefix."""
    kinds, scales = sorted(table.kind.unique()), sorted(table.scale.unique())
    figure = Figure(figsize=(3 * len(scales), 2.6 * len(kinds)), layout="constrained")
    axes = figure.subplots(len(kinds), len(scales), squeeze=False, sharex=True)
    for row, kind in enumerate(kinds):
        for column, scale in enumerate(scales):
            axis, part = axes[row][column], table[(table.kind == kind) & (table.scale == scale)]
            for phi, rows in part.groupby("phi"):
                mean = rows.groupby("m").error.median()
                axis.loglog(mean.index, mean.to_numpy(), "o-", label=str(phi), markersize=3)
            without = part.groupby("m").without.median()
            axis.loglog(without.index, without.to_numpy(), "k--", label="no prefix")
            axis.set_title(f"{kind}, entries of {scale:g}", fontsize=9)
            axis.grid(alpha=0.3)
    axes[-1][0].set_xlabel("prefix length m")
    axes[0][0].set_ylabel("‖error‖∞")
    axes[0][-1].legend(fontsize=7)
    return figure, "Error of attention by (Z, k) against attention with the prefix, median over the seeds (T2, E5)."


def descent(curves: pd.DataFrame, table: pd.DataFrame) -> Drawn:
    """Draw T1's loss curves and smallest eigenvalues."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for m, part in curves.groupby("m"):
        left.semilogy(part["update"], part["loss"], label=f"m = {m}")
    left.set_xlabel("update")
    left.set_ylabel("loss")
    left.legend(fontsize=8)
    for name, label in (
        ("lambda_min", "smallest eigenvalue"),
        ("largest_move", "largest move of a row"),
        ("kernel_drift", "drift of the kernel"),
    ):
        mean = table.groupby("m")[name].mean()
        right.loglog(mean.index, mean.clip(lower=1e-9), "o-", label=label)
    right.set_xlabel("prefix length m")
    right.legend(fontsize=8)
    return (
        figure,
        "One layer with a shared prefix (T1): loss of one seed; eigenvalue, motion and drift, means over seeds.",
    )


def timing(table: pd.DataFrame) -> Drawn:
    """Draw the time of one layer against the prefix's length."""
    figure = Figure(figsize=(4.5, 3), layout="constrained")
    axis = figure.subplots()
    prefix = table[table.method == "prefix"].sort_values("m")
    axis.loglog(prefix.m, 1000 * prefix.seconds, "o-", label="prefix")
    reference = table[table.method != "official"]
    for place, name in enumerate(("no prefix", "merged", "marker", "eager")):
        row = reference[reference.method == name]
        if len(row):
            axis.axhline(1000 * row.seconds.iloc[0], color=f"C{place + 1}", linestyle="--", label=name)
    axis.set_xlabel("prefix length m")
    axis.set_ylabel("milliseconds, forward")
    axis.legend(fontsize=8)
    return figure, "One attention layer, 2 × 8 heads of 64: the sums' cost does not depend on m (E4)."


def loss_by_length(searches: pd.DataFrame) -> Drawn:
    """Draw the training loss against the parameters, a line a rate for prefixes, a cross for NTK-Attention."""
    prefixes = searches[searches.method.str.startswith("prefix")]
    tasks = [task for task, part in prefixes.groupby("task") if part.method.nunique() > 1]
    figure = Figure(figsize=(4 * max(len(tasks), 1), 3), layout="constrained")
    for axis, task in zip(figure.subplots(1, max(len(tasks), 1), squeeze=False)[0], tasks, strict=False):
        part = searches[searches.task == task]
        for number, (rate, rows) in enumerate(part.groupby("learning_rate")):
            prefixes = rows[rows.method.str.startswith("prefix")].sort_values("parameters")
            ours = rows[rows.method == "ntk"]
            axis.semilogx(prefixes.parameters, prefixes.train_loss, "o-", color=f"C{number}", label=f"rate {rate:g}")
            axis.semilogx(ours.parameters, ours.train_loss, "x", color=f"C{number}", markersize=9)
        axis.set_title(str(task))
        axis.set_xlabel("trained parameters")
        axis.set_ylabel("training loss at the end")
        axis.legend(fontsize=7)
    return figure, "Training loss of prefixes of growing length at each rate, and of NTK-Attention (crosses)."
