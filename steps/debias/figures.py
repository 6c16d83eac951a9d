"""The published figures, each with its caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from steps.debias import rounds
from steps.debias.answer_sets import AnswerSets
from steps.debias.estimates import (
    CENTRALIZED,
    CONTROL,
    DECENTRALIZED,
    SINGLE,
    VOTE,
    draws,
    group_differences,
    score_of,
)
from steps.debias.measurements import published_deviations
from steps.step import plotting
from steps.step.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, SKY, YELLOW
from steps.step.publish import CaptionedFigure
from tenfold.debias.published import DIFFERING

COLOURS = {
    SINGLE: GREY,
    CONTROL: YELLOW,
    VOTE: PINK,
    DECENTRALIZED: ORANGE,
    CENTRALIZED: BLUE,
    "silent": SKY,
    "shuffled_peers": GREEN,
    "self_refine": BLACK,
}
SHOWN = (SINGLE, CONTROL, VOTE, DECENTRALIZED, CENTRALIZED)
KIND_COLOURS = {"target": ORANGE, "other": SKY, "unknown": GREEN, "none": GREY}
BIAS = "bias score, s_AMB × 100"


def distributions(of_regime: Mapping[str, AnswerSets], what: str) -> CaptionedFigure:
    """Draw the bootstrap distributions of the bias score, as the paper's Figure 1a does; a panel per regime."""
    figure, axes = plotting.panels(max(len(of_regime), 1), columns=3, width=4.2, height=3.0)
    for axis, (regime, sets) in zip(axes, of_regime.items(), strict=False):
        drawn = {name: values[~np.isnan(values)] for name in SHOWN if len(values := draws(sets, name, "s_amb"))}
        drawn = {name: values for name, values in drawn.items() if len(values)}
        if drawn:
            _histograms(axis, drawn)
        axis.axvline(0, color=BLACK, linewidth=0.8, linestyle=":")
        axis.set(title=regime, xlabel=BIAS, yticks=[])
    axes[0].set_ylabel("share of resamples")
    _shared_legend(axes)
    return figure, (
        f"{what}: the bias score in resamples of templates. The best control is the least biased, in each resample, of "
        "those with as many calls; the vote has fewer."
    )


def _histograms(axis: Axes, drawn: Mapping[str, np.ndarray]) -> None:
    every = np.concatenate(list(drawn.values()))
    bins = np.linspace(every.min(), every.max() + 1e-9, 61)
    for name, values in drawn.items():
        options: dict[str, Any] = {
            "bins": bins,
            "color": COLOURS[name],
            "weights": np.full(len(values), 1 / len(values)),
        }
        axis.hist(values, alpha=0.35, histtype="stepfilled", label=name, **options)
        axis.hist(values, histtype="step", linewidth=1.1, **options)


def over_rounds(of_regime: Mapping[str, AnswerSets]) -> CaptionedFigure:
    """Draw bias and accuracy after each round, a column per regime."""
    regimes = list(of_regime)
    columns = max(len(regimes), 1)
    figure, axes = plotting.panels(2 * columns, columns=columns, width=3.6, height=2.6)
    for place, regime in enumerate(regimes):
        table = rounds.by_round(of_regime[regime])
        for row, (column, label) in enumerate((("bias", BIAS), ("accuracy_disambiguated", "disambiguated accuracy"))):
            axis = axes[row * columns + place]
            for protocol, part in table.groupby("protocol", sort=False):
                colour = COLOURS.get(str(protocol), BLACK)
                axis.plot(part["round"], part[column], "o-", color=colour, label=protocol, markersize=3)
            if row:
                axis.set_ylim(0, 1.02)
            else:
                axis.axhline(0, color=BLACK, linewidth=0.8, linestyle=":")
            axis.set(title=regime if row == 0 else "", xlabel="round", ylabel=label if place == 0 else "")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _shared_legend(axes)
    return figure, "Bias and accuracy of agents' answers after each round, means over agents; round 0 is alone."


def forest(of_regime: Mapping[str, AnswerSets]) -> CaptionedFigure:
    """Draw by group how much more bias a single agent has than the decentralized conversation, a panel per regime."""
    found = {regime: group_differences(sets, SINGLE, DECENTRALIZED, "s_amb") for regime, sets in of_regime.items()}
    most = max((len(rows) for rows in found.values()), default=1)
    figure, axes = plotting.panels(max(len(found), 1), columns=3, width=4.6, height=0.24 * most + 1.1)
    for axis, (regime, rows) in zip(axes, found.items(), strict=False):
        overall = score_of(of_regime[regime], SINGLE, "s_amb"), score_of(of_regime[regime], DECENTRALIZED, "s_amb")
        places = list(range(len(rows)))
        intervals = [row.difference.interval for row in rows]
        values = [row.difference.value for row in rows]
        if rows:
            low, high = zip(*intervals, strict=True)
            plotting.error_bars(axis, places, values, low, high, ORANGE, horizontal=True)
        names = [f"{row.group}{' *' if row.adjusted_p_value < 0.05 else ''}" for row in rows]
        axis.set_yticks(places, names)
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.axvline(0, color=BLACK, linewidth=0.8)
        if None not in overall:
            axis.axvline(overall[0].value - overall[1].value, color=GREY, linestyle="--")  # type: ignore[union-attr]
        axis.set(title=regime, xlabel="points of bias, single less decentralized")
    return figure, (
        "Bias of a single agent less that of the decentralized conversation by group, 95 % over templates. Dashed: all "
        "groups pooled. A star: p < .05 by Holm's rule over the groups. Right of 0 the conversation is less biased."
    )


def flips(of_regime: Mapping[str, AnswerSets]) -> CaptionedFigure:
    """Draw what agents' first answers to ambiguous questions became, a panel per regime."""
    figure, axes = plotting.panels(max(len(of_regime), 1), columns=2, width=5.6, height=3.0)
    for axis, (regime, sets) in zip(axes, of_regime.items(), strict=False):
        table = rounds.flips(sets)
        _became(axis, table[table.condition == "ambiguous"])
        axis.set(title=regime, xlabel="share of all answers")
    _shared_legend(axes)
    return figure, (
        "First answers to ambiguous questions (the length of a bar) and what they were in the last round (its "
        "colours), all agents. target: what a stereotyping reader says; unknown: the right answer."
    )


def _became(axis: Axes, table: pd.DataFrame) -> None:
    bars = [
        (f"{protocol}: {first}", part.set_index("last").answers)
        for (protocol, first), part in table.groupby(["protocol", "first"], sort=False)
        if part.answers.sum()
    ]
    totals = table.groupby("protocol").answers.sum()
    for place, (name, answers) in enumerate(bars):
        left, total = 0.0, totals[name.partition(":")[0]]
        for kind, colour in KIND_COLOURS.items():
            width = answers.get(kind, 0) / total
            axis.barh(place, width, left=left, color=colour, label=f"became {kind}", height=0.75)
            left += width
    axis.set_yticks(range(len(bars)), [name for name, _ in bars], fontsize=7)
    axis.set_ylim(max(len(bars), 1) - 0.5, -0.5)


def recorded(sets: AnswerSets, *, stand_in: bool) -> CaptionedFigure:
    """Draw our scores of the recorded answers against those that are printed; nothing where they are a stand-in."""
    rows = [] if stand_in else published_deviations(sets)
    figure, (axis,) = plotting.panels(1, width=4.6, height=3.0)
    axis.axhline(0, color=GREY, linewidth=0.8)
    for different, colour, label in ((False, BLUE, "other categories"), (True, ORANGE, "Physical appearance")):
        own = [row for row in rows if (row[0] == DIFFERING) == different]
        if own:
            printed, deviations = zip(*(row[3:] for row in own), strict=True)
            axis.plot(printed, deviations, "o", color=colour, markersize=4, label=label)
    axis.set(xlabel="printed score × 100", ylabel="ours, from the released answers, less printed")
    if rows:
        plotting.legend(axis)
    return (
        figure,
        "UnifiedQA-11B on BBQ: how far printed bias scores are from those of the released answers, both conditions.",
    )


def _shared_legend(axes: list[Axes]) -> None:
    if any(axis.get_legend_handles_labels()[0] for axis in axes):
        plotting.shared_legend(axes[0].figure.get_figure(root=True), columns=6)
