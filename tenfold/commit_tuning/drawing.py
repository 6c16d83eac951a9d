"""A figure of a training log: log κ with its average, the two rates, the two gradient norms over their first values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tenfold.commit_tuning.inspection import Rows, series

LLM, ENCODER, GREY = "#0072B2", "#D55E00", "#999999"  # Okabe and Ito's, which colour-blind readers tell apart
STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.alpha": 0.25,
    "svg.hashsalt": "commit_tuning",  # the same log gives the same file
    "svg.fonttype": "none",
}


def draw(rows: Rows, path: Path, suffix: str) -> None:
    """Write the figure of a log to ``path`` as ``suffix`` says, .svg or .png; the same log gives the same bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 3.2), layout="constrained")
        kappa, rates, norms = figure.subplots(1, 3)
        _draw_kappa(kappa, rows)
        _draw_pair(rates, rows, ("lr_X", "lr_S"), "learning rate as used", relative=False)
        _draw_pair(norms, rows, ("g_X", "g_S"), "gradient norm over its first value", relative=True)
        for axis in (kappa, rates, norms):
            axis.set_xlabel("update")
        metadata = {"Date": None} if suffix == ".svg" else {"Software": None}
        figure.savefig(path, format=suffix[1:], dpi=150, metadata=metadata)


def _draw_kappa(axis: Axes, rows: Rows) -> None:
    axis.set_title("log κ: above 0 the LLM moves more")
    axis.axhline(0, color=GREY, linewidth=0.8)
    updates, values = series(rows, "log_kappa")
    axis.plot(updates, values, ".", color=GREY, markersize=4, label="estimates")
    axis.plot(*series(rows, "ema"), color=LLM, label="average")
    undefined = [row["update"] for row in rows if row["undefined"] is True]
    if undefined:
        axis.plot(undefined, [0] * len(undefined), "x", color=ENCODER, markersize=4, label="undefined")
    axis.legend(fontsize=7.5, frameon=False)


def _draw_pair(axis: Axes, rows: Rows, columns: tuple[str, str], title: str, *, relative: bool) -> None:
    axis.set_title(title)
    lowest = []
    for column, colour, name in zip(columns, (LLM, ENCODER), ("LLM", "encoder"), strict=True):
        updates, values = series(rows, column)
        first = next((value for value in values if value > 0), None) if relative else 1.0
        if values and first is not None:
            axis.plot(updates, [value / first for value in values], color=colour, label=name)
            lowest.append(min(values))
    if lowest and min(lowest) > 0:
        axis.set_yscale("log")
    if lowest:
        axis.legend(fontsize=7.5, frameon=False)
    else:
        axis.text(0.5, 0.5, "not logged", ha="center", transform=axis.transAxes)
