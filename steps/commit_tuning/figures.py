"""The published figures of measurements by ratio and method, each with its caption; those of traces stand apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from steps.commit_tuning.estimates import Cell, Evidence, difference
from steps.commit_tuning.measurements import JUDGED, PAPERS, SLOW, SLOWER
from steps.step import plotting
from steps.step.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, SKY, YELLOW
from steps.step.publish import CaptionedFigure
from tenfold.metrics.measurement import Measurement

COLOURS = {
    "constant": BLACK,
    "tuned_constant": GREEN,
    "half_rate": GREY,
    "feature_cd": YELLOW,
    "language_cd": PINK,
    "clr": SKY,
    "commit": BLUE,
    "regulariser": ORANGE,
    "placebo": "#8c6bb1",
    "miles": "#a6761d",
}
NAMES = {
    "constant": "constant rate",
    "tuned_constant": "tuned constant",
    "half_rate": "half rate (control)",
    "feature_cd": "coordinate descent, encoder first",
    "language_cd": "coordinate descent, LLM first",
    "clr": "CoMMIT's scheduler (CLR)",
    "commit": "CoMMIT",
    "regulariser": "reward alone",
    "placebo": "placebo (control)",
    "miles": "MILES-like",
}
BARS = "Bars: Student's 95 % over seeds."
RATIO = "encoder's rate / LLM's, $η_S / η_X$"
RATIOS = (PAPERS, SLOW, SLOWER)


def headroom(evidence: Evidence) -> CaptionedFigure | None:
    """Draw by ratio what a tuned pair of rates and schedulers differ by from the constant pair, paired by seed.

    None with fewer than two ratios.
    """
    known = {modality: task for modality, task in JUDGED.items() if len(evidence.ratios(task)) > 1}
    if not known:
        return None
    figure, axes = plotting.panels(len(known), width=4.4, height=3.3)
    for axis, (modality, task) in zip(axes, known.items(), strict=True):
        ratios = evidence.ratios(task)
        axis.axhline(0, color=COLOURS["constant"], linewidth=1.2, label=NAMES["constant"])
        for place, method in enumerate(("tuned_constant", "clr", "commit")):
            cells = {ratio: (Cell(task, method, ratio), Cell(task, "constant", ratio)) for ratio in ratios}
            found = {ratio: difference(evidence, *pair, "auc") for ratio, pair in cells.items()}
            _paired(axis, found, COLOURS[method], NAMES[method], 1.05 ** (place - 1))
        plotting.log_ticks(axis, ratios)
        axis.set(title=f"{modality} ({task})", xlabel=RATIO)
    axes[0].set_ylabel("mean training loss per update\nless the constant rate's (nats per token)")
    plotting.shared_legend(figure)
    return figure, (
        "Headroom: what the mean training loss per update of a tuned constant pair of rates differs by from that of "
        "the constant pair, by the ratio of the two rates, and what a scheduler's does that starts from that pair; "
        f"paired by seed. Below 0 is better. {BARS}"
    )


def _paired(axis: Axes, found: Mapping[float, Measurement], colour: str, label: str, shift: float) -> None:
    known = {place * shift: one for place, one in found.items() if one.unavailable is None}
    if not known:
        return
    means = [one.number for one in known.values()]
    low, high = zip(*(one.interval or (one.number, one.number) for one in known.values()), strict=True)
    axis.plot(list(known), means, color=colour, linewidth=1.1)
    plotting.error_bars(axis, list(known), means, low, high, colour, label=label)


def differences(evidence: Evidence, measure: str = "auc") -> CaptionedFigure | None:
    """Draw what each method differs by from the constant rate at the same ratio, paired by seed; None without any."""
    rows = _forest(evidence, measure)
    if not rows:
        return None
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    count = max(sum(row["task"] == task for row in rows) for task in tasks)
    figure, axes = plotting.panels(len(tasks), width=4.6, height=0.19 * count + 1.3)
    for axis, task in zip(axes, tasks, strict=True):
        own = [row for row in rows if row["task"] == task]
        for place, row in enumerate(own):
            low, high = row["interval"]
            plotting.error_bars(axis, [place], [row["value"]], [low], [high], COLOURS[row["method"]], horizontal=True)
        axis.axvline(0, color=BLACK, linewidth=0.8)
        axis.set_yticks(range(len(own)), [row["name"] for row in own], fontsize=6.5)
        axis.set_ylim(len(own) - 0.5, -0.5)
        axis.set(title=f"{task}, {own[0]['seeds']} seeds", xlabel="mean training loss less the constant rate's")
    return figure, (
        "Paired differences of the mean training loss per update (nats per token) from the constant rate at the same "
        "ratio of rates: left of 0 is better. Twice: as many updates of each component as the constant rate makes. "
        f"{BARS}"
    )


def _forest(evidence: Evidence, measure: str) -> list[dict[str, Any]]:
    rows = []
    for task in JUDGED.values():
        for ratio in RATIOS:
            for method, name in NAMES.items():
                for equal, more in (("updates", ""), ("parameter_updates", ", twice")):
                    cell = Cell(task, method, ratio, equal=equal)
                    if method == "constant":
                        continue
                    found = difference(evidence, cell, Cell(task, "constant", ratio), measure)
                    if found.unavailable is None and evidence.by_seed(cell):
                        label = f"{name.replace('coordinate descent', 'CD')}{more} · {ratio:g}"
                        of = {"value": found.number, "interval": found.bounds, "seeds": found.seeds}
                        rows.append({"task": task, "method": method, "name": label, **of})
    return rows


def overhead(speed: Mapping[str, Any]) -> CaptionedFigure | None:
    """Draw what the estimator and the reward add to an update's CPU time."""
    rows: Sequence[Mapping[str, Any]] = speed["rows"]
    if not rows:
        return None
    figure, (axis,) = plotting.panels(1, width=4.8, height=0.34 * len(rows) + 1.0)
    for place, row in enumerate(rows):
        colour = ORANGE if row["what"] == "reward" else BLUE
        ends = ([100 * row["low"]], [100 * row["high"]])
        plotting.error_bars(axis, [place], [100 * row["share"]], *ends, colour, horizontal=True)
    axis.axvline(10, color=GREY, linestyle=":", label="a tenth")
    axis.set_yticks(range(len(rows)), [row["words"] for row in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set(xlabel="CPU time added to an update × 100", xlim=(0, None))
    plotting.shared_legend(figure)
    return figure, (
        "What an estimate of κ after each m-th update, and the reward at every update, add to the CPU time of an "
        "update; bars: least and largest of the repeats."
    )
