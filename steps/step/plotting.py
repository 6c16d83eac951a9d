"""The one house style of figures: palette, panels, bands, dots, logarithmic ticks, audits and sheets of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from matplotlib.transforms import ScaledTranslation
from scipy import stats

# Okabe and Ito's colours, which colour-blind readers tell apart
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, BLACK, GREY = COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#999999",
)
STYLE: Any = {  # Matplotlib's settings, of panels that are made under them
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
SMALL = 7.5  # points, of legends
Band = Literal["range", "student", "middle 90 %"]


def panels(
    count: int, *, columns: int | None = None, width: float = 4.2, height: float = 3.4, **share: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure with ``count`` panels, row by row, ``columns`` in a row (all, if it is not given).

    ``width`` and ``height`` are of one panel, in inches; ``share`` takes sharex and sharey as Figure.subplots does.
    """
    columns = min(columns or count, count)
    rows = -(-count // columns)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
        axes = list(figure.subplots(rows, columns, squeeze=False, **share).ravel())
    for axis in axes[count:]:
        axis.remove()
    return figure, axes[:count]


def curve(axis: Axes, table: pd.DataFrame, x: str, y: str, colour: str, *, band: Band = "range", **style: Any) -> None:
    """Draw the mean of ``y`` over the rows that share ``x``, and a band around it.

    The band reaches from the least to the largest value, over Student's interval at 95 %, or over the middle 90 %.
    """
    groups = table.groupby(x)[y]
    mean = groups.mean()
    match band:
        case "range":
            low, high = groups.min(), groups.max()
        case "student":
            half = stats.t.ppf(0.975, np.maximum(groups.size() - 1, 1)) * groups.sem()
            low, high = mean - half, mean + half
        case "middle 90 %":
            low, high = groups.quantile(0.05), groups.quantile(0.95)
    axis.fill_between(mean.index, low, high, color=colour, alpha=0.2, linewidth=0)
    line: dict[str, Any] = {"marker": "o", "markersize": 3, **style}
    axis.plot(mean.index, mean, color=colour, **line)


def dots(
    axis: Axes,
    groups: Mapping[str, Sequence[float]],
    *,
    colours: Mapping[str, str] | None = None,
    horizontal: bool = True,
) -> None:
    """Draw a dot per value and a stroke at the mean, one named place per group; the first stands on top or left."""
    places = np.arange(len(groups))
    for place, (name, values) in zip(places, groups.items(), strict=True):
        colour = (colours or {}).get(name, BLUE)
        at, mean = np.full(len(values), place), [np.mean(values)]
        if horizontal:
            axis.plot(values, at, "o", color=colour, alpha=0.6, markersize=4)
            axis.plot(mean, [place], "|", color=colour, markersize=14, markeredgewidth=1.5)
        else:
            axis.plot(at, values, "o", color=colour, alpha=0.6, markersize=4)
            axis.plot([place], mean, "_", color=colour, markersize=14, markeredgewidth=1.5)
    if horizontal:
        axis.set_yticks(places, list(groups))
        axis.set_ylim(len(groups) - 0.5, -0.5)
    else:
        axis.set_xticks(places, list(groups))
        axis.set_xlim(-0.5, len(groups) - 0.5)


def error_bars(
    axis: Axes,
    places: Sequence[float],
    values: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    colour: str,
    *,
    label: str | None = None,
    horizontal: bool = False,
) -> None:
    """Draw a dot per value with a bar from ``low`` to ``high``."""
    errors = np.stack([np.subtract(values, low), np.subtract(high, values)])
    style: dict[str, Any] = {
        "fmt": "o",
        "color": colour,
        "markersize": 4,
        "capsize": 2,
        "elinewidth": 1.2,
        "label": label,
    }
    if horizontal:
        axis.errorbar(values, places, xerr=errors, **style)
    else:
        axis.errorbar(places, values, yerr=errors, **style)


def log_ticks(axis: Axes, values: Sequence[float], *, which: Literal["x", "y"] = "x", base: float = 10) -> None:
    """Make an axis logarithmic with a tick at exactly each of ``values``, named with three significant digits."""
    ticks = np.unique(np.asarray(values, dtype=float))
    (axis.set_xscale if which == "x" else axis.set_yscale)("log", base=base)
    names = [f"{tick:,.0f}" if tick >= 1000 else f"{tick:.3g}" for tick in ticks]
    (axis.set_xticks if which == "x" else axis.set_yticks)(ticks, names)
    (axis.xaxis if which == "x" else axis.yaxis).set_minor_locator(NullLocator())


def legend(axis: Axes, *, columns: int = 2) -> None:
    """Put the legend of one panel below it, where it covers no data."""
    handles, labels = axis.get_legend_handles_labels()
    figure = axis.figure.get_figure(root=True)
    assert figure is not None
    below = ScaledTranslation(0, -0.42, figure.dpi_scale_trans)  # inches, for ticks and label
    axis.legend(
        handles,
        labels,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=axis.transAxes + below,
        ncols=min(columns, len(labels)),
        fontsize=SMALL,
        frameon=False,
    )


def shared_legend(figure: Figure, *, columns: int = 4) -> None:
    """Put one legend of all panels below them: each label once, as first drawn."""
    entries: dict[str, Any] = {}
    for axis in figure.axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=min(columns, len(entries)),
        fontsize=SMALL,
        frameon=False,
    )


def audit(
    audits: pd.DataFrame,
    bound: str,
    names: Sequence[str],
    kinds: Mapping[str, tuple[str, str]],
    *,
    claimed: float,
    label: str,
    ticks: Sequence[float],
) -> Figure:
    """Draw the lower bounds of audits, mean and range over repeats, a row per mechanism, and what is claimed.

    ``bound`` names the column of lower bounds and ``names`` the columns that tell a row from others. ``kinds`` maps
    the values of the column ``kind`` to what the legend says of them and their colour. ``label`` names the x axis,
    which is logarithmic with ``ticks``; where 0 is one of them, it is linear up to 1.
    """
    table = audits.groupby(["kind", *names], sort=False)[bound].agg(["mean", "min", "max"]).reset_index()
    figure, (axis,) = panels(1, width=7.4, height=0.26 * len(table) + 1.2)
    places = np.arange(len(table))
    for kind, (words, colour) in kinds.items():
        rows = table.kind == kind
        if rows.any():
            of = table[rows]
            error_bars(axis, places[rows], of["mean"], of["min"], of["max"], colour, label=words, horizontal=True)
    axis.axvline(claimed, color=BLACK, linestyle=":", label="claimed")
    axis.set_yticks(places, [" · ".join(str(row[name]) for name in names) for _, row in table.iterrows()])
    axis.set_ylim(len(table) - 0.5, -0.5)
    if 0 in ticks:
        axis.set_xscale("symlog", linthresh=1, linscale=0.4)
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlim(left=0)
    else:
        log_ticks(axis, ticks)
    axis.set_xlabel(label)
    shared_legend(figure)
    return figure


def image_sheet(sheet: np.ndarray, side: int, *, rows: Sequence[str] = ()) -> Figure:
    """Draw a sheet of images of ``side`` pixels, (height, width) grey or (height, width, 3), uint8; name its rows."""
    height, width = sheet.shape[0] / side, sheet.shape[1] / side
    figure = Figure(figsize=(0.5 * width + 1.1, 0.5 * height + 0.1), layout="constrained")
    axis = figure.subplots()
    axis.imshow(sheet, cmap="gray", interpolation="nearest", vmin=0, vmax=255)
    axis.set_xticks([])
    axis.set_yticks((np.arange(len(rows)) + 0.5) * side, rows, fontsize=8)
    axis.tick_params(length=0)
    return figure
