"""The published figures, each with its caption."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
    MAGNITUDE,
    SINGLE,
    VOTE,
    GroupDifference,
    difference,
    draws,
    group_differences,
)
from steps.debias.recorded_measurements import published_deviations
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
FOREST = {SINGLE: ORANGE, CONTROL: BLUE}
SHOWN = (SINGLE, CONTROL, VOTE, DECENTRALIZED, CENTRALIZED)
KIND_COLOURS = {"target": ORANGE, "other": SKY, "unknown": GREEN, "none": GREY}
TITLES = {
    "proposal": "taught to follow proposals",
    "majority": "taught to follow the majority",
    "gold": "taught the right answers",
    "none": "never taught to read others",
    "live": "SmolLM2",
}
UNTAUGHT = (
    "Agents “never taught to read others” learnt to answer alone: what they make of others' words is no deliberation."
)
BIAS = "bias score, s_AMB × 100"


def distributions(of_regime: Mapping[str, AnswerSets], what: str) -> CaptionedFigure | None:
    """Draw the bootstrap distributions of the bias score, as the paper's Figure 1a does; a panel per regime.

    None where no protocol of any regime has a score.
    """
    found = {regime: drawn for regime, sets in of_regime.items() if (drawn := _drawn(sets))}
    if not found:
        return None
    figure, axes = plotting.panels(len(found), columns=3, width=4.2, height=3.0)
    for axis, (regime, drawn) in zip(axes, found.items(), strict=True):
        _histograms(axis, drawn)
        axis.axvline(0, color=BLACK, linewidth=0.8, linestyle=":")
        axis.set(title=title(regime), xlabel=BIAS, yticks=[])
    axes[0].set_ylabel("share of resamples")
    _shared_legend(axes)
    return figure, (
        f"{what}: the bias score in resamples of templates, the mean over seeds of each. The best control is the least "
        "biased, in each seed and resample, of those with as many calls; the vote has fewer. What trainings differ by "
        f"is not in it.{_untaught(found)}"
    )


def title(regime: str) -> str:
    """Return a regime in words."""
    return TITLES.get(regime, regime)


def _untaught(regimes: Collection[str]) -> str:
    return f" {UNTAUGHT}" if "none" in regimes else ""


def _drawn(sets: AnswerSets) -> dict[str, np.ndarray]:
    """Return the defined bias scores in resamples of each protocol that has any."""
    drawn = {name: values[~np.isnan(values)] for name in SHOWN if len(values := draws(sets, name, "s_amb"))}
    return {name: values for name, values in drawn.items() if len(values)}


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


def over_rounds(of_regime: Mapping[str, AnswerSets]) -> CaptionedFigure | None:
    """Draw bias and accuracy after each round, a column per regime; None where no regime has rounds."""
    tables = {regime: table for regime, sets in of_regime.items() if len(table := rounds.by_round(sets))}
    if not tables:
        return None
    columns = len(tables)
    figure, axes = plotting.panels(2 * columns, columns=columns, width=3.6, height=2.6)
    for place, (regime, table) in enumerate(tables.items()):
        for row, (column, label) in enumerate((("bias", BIAS), ("accuracy_disambiguated", "disambiguated accuracy"))):
            axis = axes[row * columns + place]
            for protocol, part in table.groupby("protocol", sort=False):
                colour = COLOURS.get(str(protocol), BLACK)
                axis.plot(part["round"], part[column], "o-", color=colour, label=protocol, markersize=3)
            if row == 0:
                axis.axhline(0, color=BLACK, linewidth=0.8, linestyle=":")
            axis.set(title=title(regime) if row == 0 else "", xlabel="round", ylabel=label if place == 0 else "")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    _shared_legend(axes)
    return figure, (
        "Bias and accuracy of agents' answers after each round, means over agents; round 0 is alone. Axes span the "
        f"values.{_untaught(tables)}"
    )


def forest(of_regime: Mapping[str, AnswerSets]) -> CaptionedFigure | None:
    """Draw by group how much more bias a single agent and the best control have than decentralized conversation.

    A panel per regime; None where no group of any regime has a difference.
    """
    found = {
        regime: {first: group_differences(sets, first, DECENTRALIZED, MAGNITUDE) for first in (SINGLE, CONTROL)}
        for regime, sets in of_regime.items()
    }
    found = {regime: by_first for regime, by_first in found.items() if any(by_first.values())}
    if not found:
        return None
    groups = {regime: sorted({row.group for rows in of.values() for row in rows}) for regime, of in found.items()}
    most = max(len(names) for names in groups.values())
    figure, axes = plotting.panels(len(found), columns=3, width=4.6, height=0.3 * most + 1.1)
    for axis, (regime, by_first) in zip(axes, found.items(), strict=True):
        for shift, (first, rows) in zip((-0.16, 0.16), by_first.items(), strict=True):
            _differences(axis, groups[regime], rows, first, shift)
            pooled = difference(of_regime[regime], first, DECENTRALIZED, MAGNITUDE)
            if pooled is not None:
                axis.axvline(pooled.value, color=FOREST[first], linestyle="--", linewidth=0.9)
        sure = {row.group for row in by_first[SINGLE] if row.adjusted_p_value < 0.05}
        names = [f"{group}{' *' if group in sure else ''}" for group in groups[regime]]
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.axvline(0, color=BLACK, linewidth=0.8)
        axis.set(title=title(regime), xlabel="points of |bias| less decentralized")
    _shared_legend(axes)
    return figure, (
        "|Bias| of a single agent and of the best control less that of the decentralized conversation by group, 95 % "
        "over templates, all seeds pooled: what trainings differ by is not in it. The control is the one that is least "
        "biased over all groups. Dashed: all groups together, the mean over seeds. A star: p < .05 for the single "
        f"agent by Holm's rule over the groups. Right of 0 the conversation is less biased.{_untaught(found)}"
    )


def _differences(axis: Axes, groups: list[str], rows: list[GroupDifference], first: str, shift: float) -> None:
    if rows:
        low, high = zip(*(row.difference.interval for row in rows), strict=True)
        places, values = [groups.index(row.group) + shift for row in rows], [row.difference.value for row in rows]
        label = f"{'single agent' if first == SINGLE else first} less conversation"
        plotting.error_bars(axis, places, values, low, high, FOREST[first], label=label, horizontal=True)


def flips(of_regime: Mapping[str, AnswerSets]) -> CaptionedFigure | None:
    """Draw what agents' first answers to ambiguous questions became, a panel per regime; None where none has rounds."""
    tables = {regime: table[table.condition == "ambiguous"] for regime, table in _flips(of_regime).items()}
    tables = {regime: table for regime, table in tables.items() if table.answers.sum()}
    if not tables:
        return None
    figure, axes = plotting.panels(len(tables), columns=2, width=5.6, height=3.0)
    for axis, (regime, table) in zip(axes, tables.items(), strict=True):
        _became(axis, table)
        axis.set(title=title(regime), xlabel="share of all answers")
    _shared_legend(axes)
    return figure, (
        "First answers to ambiguous questions (the length of a bar) and what they were in the last round (its "
        "colours), all agents. target: what a stereotyping reader says; unknown: the right "
        f"answer.{_untaught(tables)}"
    )


def _flips(of_regime: Mapping[str, AnswerSets]) -> dict[str, pd.DataFrame]:
    return {regime: rounds.flips(sets) for regime, sets in of_regime.items()}


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


def recorded(sets: AnswerSets, *, stand_in: bool) -> CaptionedFigure | None:
    """Draw our scores of the recorded answers against those that are printed; None where they are a stand-in."""
    rows = [] if stand_in else published_deviations(sets)
    if not rows:
        return None
    figure, (axis,) = plotting.panels(1, width=4.6, height=3.0)
    axis.axhline(0, color=GREY, linewidth=0.8)
    for different, colour, label in ((False, BLUE, "other categories"), (True, ORANGE, "Physical appearance")):
        own = [row for row in rows if (row[0] == DIFFERING) == different]
        if own:
            printed, deviations = zip(*(row[3:] for row in own), strict=True)
            axis.plot(printed, deviations, "o", color=colour, markersize=4, label=label)
    axis.set(xlabel="printed score × 100", ylabel="ours, from the released answers, less printed")
    plotting.legend(axis)
    return (
        figure,
        "UnifiedQA-11B on BBQ: how far printed bias scores are from those of the released answers, both conditions.",
    )


def _shared_legend(axes: list[Axes]) -> None:
    if any(axis.get_legend_handles_labels()[0] for axis in axes):
        plotting.shared_legend(axes[0].figure.get_figure(root=True), columns=6)
