"""The published figures, each with its caption."""

from __future__ import annotations

import pandas as pd

from steps.step import plotting
from steps.step.plotting import BLACK, COLOURS, ORANGE
from steps.step.publish import CaptionedFigure


def arms(table: pd.DataFrame, title: str) -> CaptionedFigure:
    """Draw every method's test score at its searched rate, one panel per task, a dot per seed."""
    chosen = table[table.setting == "searched"]
    tasks = list(chosen.task.unique())
    longest = max(chosen[chosen.task == task].method.nunique() for task in tasks)
    figure, axes = plotting.panels(len(tasks), columns=3, width=4.2, height=0.22 * longest + 1)
    for axis, task in zip(axes, tasks, strict=True):
        part = chosen[chosen.task == task]
        scores = {method: rows.test_score.tolist() for method, rows in part.groupby("method", sort=False)}
        plotting.dots(axis, scores, colours={"ntk": ORANGE})
        axis.set(title=task, xlabel=f"test {part.metric.iloc[0]}")
    return figure, (
        f"{title}: every method at the rate that validation chose, a dot per seed, a stroke at the mean. "
        "NTK-Attention in orange."
    )


def approximation(table: pd.DataFrame) -> CaptionedFigure:
    """Draw the approximation error against m, one panel per kind of prefix and scale."""
    kinds, scales = sorted(table.kind.unique()), sorted(table.scale.unique())
    cells = [(kind, scale) for kind in kinds for scale in scales]
    figure, axes = plotting.panels(len(cells), columns=len(scales), width=3.2, height=2.8, sharex=True)
    colours = dict(zip(table.phi.unique(), COLOURS, strict=False))
    for axis, (kind, scale) in zip(axes, cells, strict=True):
        part = table[(table.kind == kind) & (table.scale == scale)]
        for phi, rows in part.groupby("phi", sort=False):
            median = rows.groupby("m").error.median()
            axis.plot(median.index, median, "o-", color=colours[phi], label=phi, markersize=3)
        without = part.groupby("m").without.median()
        axis.plot(without.index, without, "--", color=BLACK, label="no prefix")
        plotting.log_ticks(axis, table.m)
        axis.set(yscale="log", title=f"{kind}, entries of {scale:g}")
    for axis in axes[-len(scales) :]:
        axis.set_xlabel("prefix length m")
    for axis in axes[:: len(scales)]:
        axis.set_ylabel("‖error‖∞")
    plotting.shared_legend(figure, columns=6)
    return figure, "Error of attention by (Z, k) against attention with the prefix, median over the seeds (T2, E5)."


def descent(curves: pd.DataFrame, table: pd.DataFrame) -> CaptionedFigure:
    """Draw T1's loss curves, and eigenvalue, motion and drift against m."""
    figure, (left, right) = plotting.panels(2, width=4.2, height=3.6)
    for colour, (m, part) in zip(COLOURS, curves.groupby("m"), strict=False):
        left.plot(part["update"], part["loss"], color=colour, label=f"m = {m}")
    left.set(yscale="log", xlabel="update", ylabel="loss", title="training, one seed")
    means = table.groupby("m").mean(numeric_only=True)
    for colour, (column, words) in zip(
        COLOURS,
        {
            "lambda_min": "smallest eigenvalue",
            "largest_move": "largest move of a row",
            "kernel_drift": "drift of the kernel",
        }.items(),
        strict=False,
    ):
        right.plot(means.index, means[column].clip(lower=1e-9), "o-", color=colour, label=words, markersize=3)
    plotting.log_ticks(right, table.m)
    right.set(yscale="log", xlabel="prefix length m", title="means over seeds")
    plotting.legend(left)
    plotting.legend(right)
    return figure, (
        "One layer with a shared prefix (T1): loss of one seed; eigenvalue, motion and drift, means over seeds."
    )


def timing(table: pd.DataFrame) -> CaptionedFigure:
    """Draw the time of one layer against the length of the prefix."""
    figure, (axis,) = plotting.panels(1, width=5.2, height=3.6)
    prefix = table[table.method == "prefix"].sort_values("m")
    axis.plot(prefix.m, 1000 * prefix.seconds, "o-", color=COLOURS[0], label="prefix", markersize=3)
    for colour, name in zip(COLOURS[1:], ("no prefix", "merged", "marker", "eager"), strict=False):
        row = table[table.method == name]
        if len(row):
            axis.axhline(1000 * row.seconds.iloc[0], color=colour, linestyle="--", label=name)
    plotting.log_ticks(axis, prefix.m)
    axis.set(yscale="log", xlabel="prefix length m", ylabel="milliseconds, forward")
    plotting.legend(axis, columns=5)
    return figure, "One attention layer, 2 × 8 heads of 64: the sums' cost does not depend on m (E4)."


def loss_by_length(searches: pd.DataFrame) -> CaptionedFigure:
    """Draw the training loss against the parameters, a line per rate for prefixes, a cross for NTK-Attention."""
    prefixes = searches[searches.method.str.startswith("prefix")]
    tasks = [task for task, part in prefixes.groupby("task", sort=False) if part.method.nunique() > 1]
    colours = dict(zip(sorted(prefixes.learning_rate.unique()), COLOURS, strict=False))
    figure, axes = plotting.panels(max(len(tasks), 1), columns=3, width=4, height=3)
    for axis, task in zip(axes, tasks, strict=False):
        for rate, rows in prefixes[prefixes.task == task].groupby("learning_rate"):
            of_rate = {"color": colours[rate], "markersize": 3}
            line = rows.sort_values("parameters")
            axis.plot(line.parameters, line.train_loss, "o-", label=f"rate {rate:g}", **of_rate)
            ours = searches[(searches.task == task) & (searches.method == "ntk") & (searches.learning_rate == rate)]
            axis.plot(ours.parameters, ours.train_loss, "x", **(of_rate | {"markersize": 8}))
        axis.set(xscale="log", title=task, xlabel="trained parameters")
    axes[0].set_ylabel("training loss at the end")
    if tasks:
        plotting.shared_legend(figure, columns=6)
    return figure, "Training loss of prefixes of growing length at each rate, and of NTK-Attention (crosses)."
