"""The published figures of traces: κ, rates, gradients and losses by update, median and band over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from steps.commit_tuning.estimates import Cell, Evidence, values
from steps.commit_tuning.figures import COLOURS, NAMES, RATIOS
from steps.commit_tuning.measurements import FAST, JUDGED, SLOWER
from steps.step import plotting
from steps.step.plotting import BLACK, BLUE, GREY, ORANGE
from steps.step.publish import CaptionedFigure
from tenfold.commit_tuning.trace import read_trace

BANDS = "Lines: median over seeds; bands: least and largest."
LOSSES = ("constant", "tuned_constant", "feature_cd", "language_cd", "clr", "commit")
SMOOTHED = 10  # updates of a running mean


@dataclass(frozen=True)
class Traces:
    """The traces below the outputs of several steps, as tables with a column ``seed``."""

    evidence: Evidence
    folders: Sequence[Path]

    def of(self, cell: Cell) -> pd.DataFrame:
        """Return the traces of a cell, one below the other; without rows where none was kept."""
        found = []
        for seed, run in self.evidence.by_seed(cell).items():
            place = next((folder / run.trace for folder in self.folders if (folder / run.trace).exists()), None)
            if place is not None:
                found.append(pd.DataFrame(read_trace(place)).assign(seed=seed))
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def balance(traces: Traces) -> CaptionedFigure | None:
    """Draw ℓ, rates and gradient norms by update at a ratio of 0.1; None where no trace was kept."""
    known = _known(traces, ("constant", "clr"), SLOWER)
    if not known:
        return None
    figure, axes = plotting.panels(3 * len(known), columns=3, width=3.6, height=2.7)
    for row, (modality, of) in enumerate(known.items()):
        kappa, rates, norms = axes[3 * row : 3 * row + 3]
        _kappa(kappa, of, modality)
        _pair(rates, of["clr"], ("lr_X", "lr_S"), relative=False)
        _pair(norms, of["clr"], ("g_X", "g_S"), relative=True)
        rates.set(title="rates as used (CLR)")
        norms.set(title="gradient norms over their first (CLR)")
        _logarithmic(rates, norms)
    plotting.shared_legend(figure)
    return figure, (
        f"Where the encoder's rate starts at a tenth of the LLM's: the average ℓ of log κ, above 0 where the LLM "
        f"moves the answers more; the rates that CoMMIT's scheduler (CLR) uses; the gradient norms of both components. "
        f"{BANDS}"
    )


def losses(traces: Traces) -> CaptionedFigure | None:
    """Draw the training loss by update less that of the constant rate from the same seed.

    A row per modality, a column per ratio; None where no trace was kept.
    """
    tasks = [task for task in JUDGED.values() if traces.evidence.by_seed(Cell(task, "constant"))]
    found = {
        (task, ratio): {method: table for method in LOSSES if len(table := traces.of(Cell(task, method, ratio)))}
        for task in tasks
        for ratio in RATIOS
    }
    ratios = [ratio for ratio in RATIOS if any(found[task, ratio].get("constant") is not None for task in tasks)]
    if not ratios:
        return None
    figure, axes = plotting.panels(len(tasks) * len(ratios), columns=len(ratios), width=3.8, height=2.8, sharey="row")
    for axis, (task, ratio) in zip(axes, ((task, ratio) for task in tasks for ratio in ratios), strict=True):
        axis.axhline(0, color=COLOURS["constant"], linewidth=1.2, label=NAMES["constant"])
        reference = found[task, ratio].get("constant")
        for method, table in found[task, ratio].items() if reference is not None else ():
            if method != "constant":
                _band(axis, _less(table, reference), "loss", COLOURS[method], NAMES[method], change=_smoothed)
        axis.set(title=f"{task}, ratio {ratio:g}", xlabel="update")
        if ratio == ratios[0]:
            axis.set_ylabel("training loss less the\nconstant rate's (nats per token)")
    plotting.shared_legend(figure, columns=3)
    return figure, (
        f"Training loss by update less that of the constant rate from the same seed on the same questions, a running "
        f"mean over {SMOOTHED}, at one rate for both components and at an encoder's rate set badly on purpose; below 0 "
        f"is better. {BANDS}"
    )


def failure(traces: Traces) -> CaptionedFigure | None:
    """Draw what happens where the encoder's rate is ten times the LLM's; None where no trace was kept."""
    known = _known(traces, ("constant", "clr"), FAST)
    if not known:
        return None
    figure, axes = plotting.panels(3 * len(known), columns=3, width=3.6, height=2.7)
    for row, (modality, of) in enumerate(known.items()):
        kappa, rates, held_out = axes[3 * row : 3 * row + 3]
        _kappa(kappa, of, modality)
        for method, table in of.items():
            _band(rates, table, "lr_S", COLOURS[method], NAMES[method])
        rates.set(title="encoder's rate as used", xlabel="update")
        _logarithmic(rates)
        task = JUDGED[modality]
        cells = {NAMES[method]: Cell(task, method, FAST) for method in ("constant", "clr", "tuned_constant")}
        dots = {
            name: list(values(traces.evidence.by_seed(cell), "held_out_loss").values()) for name, cell in cells.items()
        }
        colours = {NAMES[method]: COLOURS[method] for method in COLOURS}
        plotting.dots(held_out, {name: of for name, of in dots.items() if of}, colours=colours)
        held_out.set(title="loss on test questions", xlabel="nats per token")
    plotting.shared_legend(figure)
    return figure, (
        "Where the encoder's rate starts at ten times the LLM's: the average ℓ of log κ, the encoder's rate as used, "
        f"and the loss on test questions, a dot per seed. A scheduler that trusts κ raises the rate where "
        f"ℓ is above 0. {BANDS}"
    )


def _less(table: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Return the losses less those of the same seed and update of another method."""
    both: Any = table.merge(reference[["seed", "update", "loss"]], on=["seed", "update"], suffixes=("", "_reference"))
    return both.assign(loss=both.loss - both.loss_reference)


def _known(traces: Traces, methods: Sequence[str], ratio: float) -> dict[str, dict[str, pd.DataFrame]]:
    """Return the traces by modality and method, of modalities that have them all."""
    found = {
        modality: {method: traces.of(Cell(task, method, ratio)) for method in methods}
        for modality, task in JUDGED.items()
    }
    return {modality: of for modality, of in found.items() if all(len(table) for table in of.values())}


def _kappa(axis: Axes, of: Mapping[str, pd.DataFrame], modality: str) -> None:
    axis.axhline(0, color=GREY, linewidth=0.8)
    for method, table in of.items():
        _band(axis, table[table.log_kappa.notna()], "ema", COLOURS[method], NAMES[method])
    axis.set(title=f"{modality}: ℓ, the average of log κ", xlabel="update")


def _pair(axis: Axes, table: pd.DataFrame, columns: tuple[str, str], *, relative: bool) -> None:
    for column, colour, name in zip(columns, (BLUE, ORANGE), ("LLM", "encoder"), strict=True):
        own = table
        if relative:
            first = table.groupby("seed")[column].transform("first")
            own = table.assign(**{column: table[column] / first.where(first > 0)})
        _band(axis, own, column, colour, name, change=_smoothed if relative else None)
    axis.axhline(1, color=BLACK, linewidth=0.5) if relative else None
    axis.set_xlabel("update")


def _band(
    axis: Axes,
    table: pd.DataFrame,
    column: str,
    colour: str,
    label: str,
    *,
    change: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> None:
    """Draw the median over seeds by update, and a band from the least to the largest."""
    wide: Any = table.pivot(index="update", columns="seed", values=column).astype(float)
    wide = (wide if change is None else change(wide)).dropna(how="all")
    axis.fill_between(wide.index, wide.min(axis=1), wide.max(axis=1), color=colour, alpha=0.18, linewidth=0)
    axis.plot(wide.index, wide.median(axis=1), color=colour, linewidth=1.3, label=label)


def _logarithmic(*axes: Axes) -> None:
    """Make the y axes logarithmic, with ticks as plain numbers."""
    for axis in axes:
        axis.set_yscale("log")
        axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        for formatted in (axis.yaxis.set_major_formatter, axis.yaxis.set_minor_formatter):
            formatted(FuncFormatter(lambda value, _: f"{value:g}"))


def _smoothed(wide: pd.DataFrame) -> pd.DataFrame:
    return wide.rolling(SMOOTHED, min_periods=1).mean()
