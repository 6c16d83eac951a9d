"""The published figures, each with its caption."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from steps.mmr.estimates import Table
from steps.mmr.ranking import Stability
from steps.mmr.replies import SEEING, Kind
from steps.mmr.scored import Scored, ScoredSet
from steps.step import plotting
from steps.step.plotting import BLACK, BLUE, COLOURS, GREEN, GREY, ORANGE, PINK, SKY, STYLE, YELLOW
from steps.step.publish import CaptionedFigure
from tenfold.mmr.tasks import COLUMNS, GROUNDING, Column

KIND_COLOURS: dict[Kind, str] = {
    "oracle": BLACK,
    "blind": GREY,
    "dump": YELLOW,
    "rules": BLUE,
    "language": ORANGE,
    "trained": GREEN,
    "pretrained": PINK,
}
SHORT: dict[Column, str] = {
    "recognition_label": "label",
    "recognition_pos": "place",
    "font_size": "size",
    "font_color": "colour",
    "localize_o": "where object",
    "localize_t": "where text",
    "spatial_ot": "object–text",
    "spatial_oo": "object–object",
    "spatial_tt": "text–text",
    "grounding_o": "object box",
    "grounding_t text": "grounded text",
    "grounding_t box": "text box",
}
MOST_IN_RADAR = 6


def totals(sets: Mapping[str, ScoredSet]) -> CaptionedFigure:
    """Draw the share of the points of each plain model with its interval, a panel per set."""
    drawn = {name: own for name, own in sets.items() if own.plain}
    most = max(len(own.plain) for own in drawn.values())
    figure, axes = plotting.panels(len(drawn), width=4.4, height=0.28 * most + 1.1)
    for axis, (name, own) in zip(axes, drawn.items(), strict=True):
        table = own.table()
        ordered = sorted(own.plain, key=lambda one: -one.official.total)
        for place, one in enumerate(ordered):
            found = table.estimate(table.share(one.entry.named))
            if found is not None:
                low, high = found.interval
                colour = KIND_COLOURS[one.entry.kind]
                plotting.error_bars(
                    axis, [place], [found.value], [low], [high], colour, label=one.entry.kind, horizontal=True
                )
        axis.axvline(100 * chance_of(table), color=BLACK, linestyle=":", linewidth=0.8, label="choices by chance")
        axis.set_yticks(range(len(ordered)), [one.entry.named for one in ordered])
        axis.set(xlim=(-3, 103), title=f"{name}: {len(own.items)} items", xlabel="points of 100, as released")
        axis.set_ylim(len(ordered) - 0.5, -0.5)
    plotting.shared_legend(figure, columns=7)
    return figure, (
        "Share of the points under the scorer as released, 95 % over images. Dotted: what choosing by chance gives, a "
        "quarter of the choices and nothing else."
    )


def chance_of(table: Table) -> float:
    """Return the share of all points that choices by chance give."""
    possible = table.sums[:, -1].sum(axis=0)
    choices = sum(possible[COLUMNS.index(column)] for column in COLUMNS[2:9])
    return float(0.25 * choices / max(possible.sum(), 1))


def radar(sets: Mapping[str, ScoredSet]) -> CaptionedFigure:
    """Draw the share of each column, a radar per set with a line per kind of model."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4 * len(sets), 4.2), layout="constrained")
        axes = figure.subplots(1, len(sets), squeeze=False, subplot_kw={"projection": "polar"}).ravel()
    styles = _styles(one.entry.named for own in sets.values() for one in own.plain if one.entry.kind in SEEING)
    for axis, (name, own) in zip(axes, sets.items(), strict=True):
        possible = {column: most for column, most in own.items_possible.items() if most}
        turns = np.linspace(0, 2 * np.pi, len(possible), endpoint=False)
        for one in _one_per_kind(own):
            points = one.official.columns()
            shares = [100 * points[column] / most for column, most in possible.items()]
            colour = styles[one.entry.named]["color"] if one.entry.kind in SEEING else KIND_COLOURS[one.entry.kind]
            axis.plot([*turns, turns[0]], [*shares, shares[0]], color=colour, linewidth=1.4, label=one.entry.named)
            axis.fill([*turns, turns[0]], [*shares, shares[0]], color=colour, alpha=0.06)
        axis.set_xticks(turns, [SHORT[column] for column in possible], fontsize=7)
        axis.set(ylim=(0, 100), title=name)
        axis.set_yticks([25, 50, 75], ["25", "", "75"], fontsize=6)
    plotting.shared_legend(figure, columns=4)
    return figure, "Share of each column's points × 100 under the scorer as released; a model of each kind."


def _styles(names: Iterable[str]) -> dict[str, Any]:
    """Return colour and stroke of each name, the same in all panels of a figure."""
    strokes = [(stroke, colour) for stroke in ("-", "--", ":") for colour in COLOURS]
    known = list(dict.fromkeys(names))
    return {
        name: {"color": colour, "linestyle": stroke}
        for name, (stroke, colour) in zip(known, cycle(strokes), strict=False)
    }


def _one_per_kind(own: ScoredSet) -> list[Scored]:
    """Return the best plain model of each kind but the oracle, and every one that sees."""
    best: dict[str, Scored] = {}
    for one in own.plain:
        key = one.entry.named if one.entry.kind in SEEING else one.entry.kind
        if one.entry.kind != "oracle" and (key not in best or one.official.total > best[key].official.total):
            best[key] = one
    return sorted(best.values(), key=lambda one: -one.official.total)[:MOST_IN_RADAR]


def recall_by_size(recall: pd.DataFrame) -> CaptionedFigure | None:
    """Draw word recall by engine, view and size of text; None where none is known."""
    columns = [name for name in recall.columns if name.startswith("recall_")]
    known = recall.dropna(subset=columns, how="all") if columns else recall.iloc[:0]
    if known.empty:
        return None
    names = list(dict.fromkeys(known["items"]))
    figure, axes = plotting.panels(len(names), width=4.8, height=3.2)
    for axis, name in zip(axes, names, strict=True):
        part = known[known["items"] == name]
        labels = [f"{row.engine} · {row.view}" for row in part.itertuples()]
        shades = cycle((BLUE, SKY, ORANGE, YELLOW, GREEN, PINK))
        for column, colour in zip(columns, shades, strict=False):
            values = part[column].to_numpy(dtype=float)
            if not np.isnan(values).all():
                label = column.removeprefix("recall_").replace("_", " ")
                axis.plot(100 * values, range(len(part)), "o", color=colour, markersize=5, label=label)
        axis.set_yticks(range(len(part)), labels)
        axis.set_ylim(len(part) - 0.5, -0.5)
        axis.set(xlim=(-3, 103), title=name, xlabel="recall × 100")
    plotting.shared_legend(figure, columns=4)
    return figure, "Recall of words by OCR engine and form of the image, by size of the text where it is known."


def overlaps(sets: Mapping[str, ScoredSet]) -> CaptionedFigure | None:
    """Draw how boxes overlap with the right ones: the share of boxes above each IoU; None where no set has boxes."""
    found = [
        (name, task, own)
        for name, own in sets.items()
        for task in GROUNDING
        if (own.items.tasks == task).any() and own.plain
    ]
    if not found:
        return None
    figure, axes = plotting.panels(len(found), columns=3, width=3.6, height=2.8)
    styles = _styles(one.entry.named for own in sets.values() for one in own.plain)
    for axis, (name, task, own) in zip(axes, found, strict=True):
        chosen = own.items.tasks == task
        for one in own.plain:
            ious = np.nan_to_num(one.official.iou[chosen])
            if one.entry.kind == "oracle" or not ious.any():
                continue
            levels = np.linspace(0, 1, 101)
            above = [100 * (ious > level).mean() for level in levels]
            axis.plot(levels, above, linewidth=1.3, label=one.entry.named, **styles[one.entry.named])
        axis.axvline(0.3, color=BLACK, linestyle=":", linewidth=0.8, label="threshold")
        axis.set(title=f"{name}: {task}", xlabel="IoU", ylabel="share above × 100", ylim=(0, 100), xlim=(0, 1))
    plotting.shared_legend(figure, columns=4)
    return figure, "Boxes by their overlap with the right ones: how many lie above each IoU; dotted, the threshold."


def rank_stability(found: Mapping[str, Stability]) -> CaptionedFigure | None:
    """Draw how often resamples of the images keep the order of neighbours; None where there is no order."""
    if not found:
        return None
    most = max(len(own.models) for own in found.values())
    figure, axes = plotting.panels(len(found), width=4.8, height=0.28 * most + 1.1)
    for axis, (name, own) in zip(axes, found.items(), strict=True):
        axis.barh(range(len(own.kept)), [100 * kept for kept in own.kept], color=BLUE, height=0.7)
        axis.axvline(95, color=BLACK, linestyle=":", linewidth=0.8)
        axis.set_yticks(range(len(own.kept)), [f"{a} > {b}" for a, b in zip(own.models, own.models[1:], strict=False)])
        axis.set_ylim(len(own.kept) - 0.5, -0.5)
        mean = own.tau.mean() if len(own.tau) else np.nan
        axis.set(xlim=(0, 100), title=f"{name}: mean τ {mean:.2f}", xlabel="resamples that keep the order × 100")
    return figure, (
        "Neighbours in the order of models by points as released: the share of resamples of the images in which the "
        "better one stays better; dotted at 95. τ: Kendall's, of a resample's order with that of all images."
    )


def variants(shares: pd.DataFrame) -> CaptionedFigure | None:
    """Draw the share of each model by variant for the rows of the sensitivity table; None where there are none."""
    part = shares[(shares["items"] != "official") & shares.group.isin(("all", "choice", "recognition", "text box"))]
    rows = [row for row in dict.fromkeys(part.row) if part[part.row == row].variant.nunique() > 1]
    if not rows:
        return None
    figure, axes = plotting.panels(len(rows), columns=3, width=4.2, height=2.8)
    styles = _styles(part.model)
    for axis, row in zip(axes, rows, strict=True):
        own = part[part.row == row]
        one = own[(own["items"] == own["items"].iloc[0]) & (own.group == own.group.iloc[0])]
        names = list(dict.fromkeys(one.variant))
        for model, line in one.groupby("model", sort=False):
            places = [names.index(name) for name in line.variant]
            axis.plot(places, line.share, marker="o", markersize=3, linewidth=1, label=model, **styles[str(model)])
        axis.set_xticks(range(len(names)), names, rotation=20, ha="right", fontsize=6.5)
        axis.set(title=f"{row}: {one['items'].iloc[0]}, {one.group.iloc[0]}", ylabel="points of 100")
    plotting.shared_legend(figure, columns=4)
    return (
        figure,
        "What varied settings and scorers make of the same models: rows B1 to B11, one group of columns each.",
    )
