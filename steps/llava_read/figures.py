"""The published figures, each with its caption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pandas as pd
from matplotlib.axes import Axes

from steps.llava_read.estimates import OVER, Asked, Estimated, difference, share
from steps.llava_read.measurements import BLIND, FULL, MAIN
from steps.llava_read.predictions import Answers
from steps.llava_read.probe_measurements import (
    ENGINES,
    LETTERS,
    RECALL,
    VISUAL,
    Axis,
    common_cells,
    pages_of,
    reader_estimate,
    readers_of,
)
from steps.llava_read.tables import LATER, judged, reference_of
from steps.step import plotting
from steps.step.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, PINK, SKY, YELLOW
from steps.step.publish import CaptionedFigure

# One colour for one thing in every figure: what low resolution gives is orange, what PP-OCRv6 reads is blue.
READER_COLOURS = dict(zip((*VISUAL, *ENGINES), (ORANGE, YELLOW, PINK, BLUE, SKY, BLACK), strict=True))
READER_NAMES = {
    "low": "low resolution (probe)",
    "high": "high resolution (probe)",
    "merged": "both merged (probe)",
    "ppocr6": "PP-OCRv6",
    "ppocr4": "PP-OCRv4",
    "tesseract": "Tesseract",
}
ARM_COLOURS = dict(zip(MAIN, (ORANGE, PINK, GREEN, BLUE, GREY), strict=True))
ARM_NAMES = {
    "low_only": "low resolution only (A1)",
    "both_resolutions": "both resolutions (A2)",
    "full": "both and OCR text (A5)",
    "ocr_only": "OCR text only (A6)",
    "blind": "question only",
}
KINDS = ("text", "relation", "chart", "colour", "object")
KIND_NAMES = {
    "text": "text\nlooked up",
    "relation": "text above\nor below",
    "chart": "charts",
    "colour": "colours",
    "object": "shapes",
    "text_rich": "questions about text",
    "sight": "questions about colours and shapes",
}
AXIS_LABELS: dict[Axis, str] = {"text_size": "text size (pixels per em)", "words": "words on the page"}
READ = {LETTERS: "letters read × 100", RECALL: "words read × 100"}
SOURCES = ("oracle", "ppocr6", "ppocr4", "tesseract", "corrupted_05", "corrupted_15", "corrupted_30")
INTERVALS = f"Bars: 95 % over {OVER}; with one seed over pages alone."
CHARTS = "Charts: questions about a chart's names and values; those about a bar's colour are among the colours."
CUTS = {"plain": "--", "space": "-"}  # a layout's line
KEPT = {"head": "o", "head_tail": "s"}  # what a cut keeps
KINDS_OF_TEXT = {"text": ("-", "o"), "relation": ("--", "s"), "chart": (":", "^")}


def reading(recall: pd.DataFrame) -> CaptionedFigure | None:
    """Draw what each reader reads by size of the text and by number of words; None where nothing was read."""
    readers, pages = readers_of(recall), pages_of(recall)
    if not readers:
        return None
    figure, axes = plotting.panels(4, columns=2, width=4.4, height=2.9, sharey="row")
    for axis_panel, (column, along) in zip(axes, ((c, a) for c in READ for a in AXIS_LABELS), strict=True):
        cells, values = common_cells(pages, along), pages[along]
        ticks = sorted(values[cells].unique())
        present = [name for name in READER_COLOURS if name in readers]
        for place, name in enumerate(present):
            found = {
                tick: reader_estimate(readers[name], pages, cells & (values == tick).to_numpy(), column)
                for tick in ticks
            }
            _line(axis_panel, found, READER_COLOURS[name], READER_NAMES[name], 1.012 ** (place - len(present) / 2))
        if ticks:
            plotting.log_ticks(axis_panel, ticks, base=2)
        axis_panel.set(xlabel=AXIS_LABELS[along], ylim=(-4, 104))
        if along == "text_size":
            axis_panel.set_ylabel(READ[column])
    plotting.shared_legend(figure, columns=3)
    probes, engines = (any(name in readers for name in names) for names in (VISUAL, ENGINES))
    who = " and ".join(["frozen visual features"] * probes + ["OCR engines"] * engines)
    told = "Probes are told where each word stands. " if probes else ""
    return figure, (
        f"What {who} read of black words on white, over cells that are there all along the axis. {told}Letters: word "
        "by word, one less the edit distance over the longer text, above chance; words: as words of their own. "
        f"{INTERVALS}"
    )


def _line(
    axis: Axes,
    found: dict[float, Estimated | None],
    colour: str,
    label: str,
    shift: float = 1.0,
    style: tuple[str, str] = ("-", "o"),
) -> None:
    known = {tick: one for tick, one in found.items() if one is not None}
    if not known:
        return
    places = [tick * shift for tick in known]
    values = [one.value for one in known.values()]
    low, high = zip(*(one.interval for one in known.values()), strict=True)
    axis.plot(places, values, color=colour, linewidth=1.2, linestyle=style[0])
    plotting.error_bars(axis, places, values, low, high, colour, label=label)
    _last_dots(axis).set_marker(style[1])


def _last_dots(axis: Axes) -> Any:
    """Return the dots that were drawn last with their bars."""
    return cast(Any, axis.containers[-1])[0]


def arms(asked: Asked) -> CaptionedFigure | None:
    """Draw the exact answers of the main arms by kind of question; None where there is none of them."""
    models = [(name, one) for name in MAIN for one in judged(asked, name)]
    if not models:
        return None
    figure, (axis,) = plotting.panels(1, width=8.4, height=3.6)
    width = 0.8 / len(models)
    for place, (name, model) in enumerate(models):
        for number, kind in enumerate(KINDS):
            found = share(asked, model, asked.group(kind))
            if found is not None:
                at, (low, high) = number + (place - (len(models) - 1) / 2) * width, found.interval
                label = ARM_NAMES[name]
                axis.bar(at, found.value, 0.92 * width, color=ARM_COLOURS[name], label=label)
                axis.vlines(at, low, high, color=BLACK, linewidth=1)
    for number, kind in enumerate(KINDS):
        chosen = asked.group(kind)
        if chosen.any():
            chance = 100 * float(asked.chance[chosen].mean())
            axis.hlines(chance, number - 0.44, number + 0.44, color=BLACK, linestyle=":", linewidth=1.2, label="chance")
        if asked.by_naming[chosen].any():
            naming = 100 * float(asked.by_naming[chosen].mean())
            label = "any of the page's"
            axis.hlines(naming, number - 0.44, number + 0.44, color=BLACK, linestyle="--", linewidth=1.2, label=label)
    axis.set_xticks(range(len(KINDS)), [KIND_NAMES[kind] for kind in KINDS])
    axis.grid(visible=False, axis="x")
    axis.set(ylabel="exact answers × 100", ylim=(0, 100))
    plotting.shared_legend(figure, columns=3)
    return figure, (
        "Exact answers of the main arms by kind of question; dotted: the commonest answer, which needs no page; "
        "dashed: one of the page's colours, shapes, or texts of the kind that is asked for, drawn at random. "
        f"{CHARTS} {INTERVALS}"
    )


def ablations(asked: Asked) -> CaptionedFigure | None:
    """Draw what each ablated arm and OCR source differs by from its full arm; None where there is none."""
    rows = [(model, reference) for model in asked.answers if (reference := reference_of(asked, model)) is not None]
    rows = [(one, other) for one, other in rows if one.code.startswith("A") or one.arm == BLIND]
    if not rows:
        return None
    rows.sort(key=lambda pair: (_code_place(pair[0].code), pair[0].arm, _source_place(pair[0].ocr_source)))
    figure, axes = plotting.panels(2, width=4.6, height=0.24 * len(rows) + 1.1, sharey=True)
    for axis, group in zip(axes, ("text_rich", "sight"), strict=True):
        for place, (model, reference) in enumerate(rows):
            found = difference(asked, model, reference, asked.group(group))
            if found is not None:
                low, high = found.interval
                label = "several seeds" if found.seeds > 1 else "one seed"
                plotting.error_bars(axis, [place], [found.value], [low], [high], BLACK, label=label, horizontal=True)
                _last_dots(axis).set_markerfacecolor(BLACK if found.seeds > 1 else "white")
        axis.axvline(0, color=BLACK, linewidth=0.8)
        axis.set(title=KIND_NAMES[group], xlabel="exact answers × 100, less the full arm's")
    axes[0].set_yticks(range(len(rows)), [_row_name(model) for model, _ in rows])
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    plotting.shared_legend(figure)
    codes = sorted({model.code for model, _ in rows}, key=_code_place)
    later = [code for code in codes if code in LATER]
    beside = f"; {_listed(later)} from the full arm that was trained beside them" if later else ""
    return figure, (
        f"What each arm ({_listed(codes)}) differs by from the full arm, paired by page and seed{beside}. Questions "
        f"about colours and shapes: all that need eyes, those about a bar's colour among them. {INTERVALS}"
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _code_place(code: str) -> int:
    """Return where an arm's code stands; one without a number, that of the question alone, last."""
    return int(code[1:]) if code.startswith("A") else 99


def _source_place(source: str) -> tuple[int, str]:
    return (SOURCES.index(source) if source in SOURCES else len(SOURCES), source)


def _row_name(model: Answers) -> str:
    name = model.arm.replace("_", " ")
    if model.arm == BLIND:
        return ARM_NAMES[BLIND]
    return f"{model.code} {'OCR: ' + model.ocr_source.replace('_', ' ') if model.code == 'A12' else name}"


def budgets(asked: Asked, budget_of: dict[str, int], statistics: pd.DataFrame) -> CaptionedFigure | None:
    """Draw what an OCR budget costs: answers that survive the cut, and exact answers of arms trained with it.

    ``budget_of`` says which arm has which budget. None where no survival is known.
    """
    survived, trained = _survival(statistics), _of_budgets(asked, budget_of)
    if survived.empty:
        return None
    figure, axes = plotting.panels(2 if trained else 1, width=4.6, height=3.2)
    for name, line in survived.groupby("line", sort=False):
        layout, policy = line.layout.iloc[0], line.policy.iloc[0]
        style: dict[str, Any] = {"linestyle": CUTS[layout], "marker": KEPT[policy], "markersize": 4, "label": str(name)}
        axes[0].plot(line.budget, 100 * line.survived, color=READER_COLOURS["ppocr6"], **style)
    axes[0].set(ylabel="read answers that the cut left × 100", title="OCR text of test pages")
    for kind, marks in KINDS_OF_TEXT.items() if trained else ():
        found = {budget: share(asked, model, asked.group(kind)) for budget, model in trained.items()}
        _line(axes[1], found, ARM_COLOURS[FULL], KIND_NAMES[kind].replace("\n", " "), style=marks)
    if trained:
        axes[1].set(ylabel="exact answers × 100", title="arms trained with the budget (A13)")
    for axis, ticks in zip(axes, (survived.budget, list(trained)), strict=False):
        plotting.log_ticks(axis, list(ticks), base=2)
        axis.set(xlabel="OCR budget (characters)", ylim=(-3, 103))
    plotting.shared_legend(figure, columns=4 if trained else 2)
    asked_so = (
        f"; exact answers of arms that were trained and asked with that budget. {CHARTS} {INTERVALS}"
        if trained
        else "."
    )
    return figure, (
        "What an OCR budget costs: answers that PP-OCRv6 read and are still in the prompt after the cut, by layout "
        f"and what the cut keeps{asked_so}"
    )


def _survival(statistics: pd.DataFrame) -> pd.DataFrame:
    """Return the survival of the answers that the engine read on test pages, a line per layout and kind of cut."""
    known = statistics.budget.notna() & statistics.survived.notna()
    own = statistics[known & (statistics.part == "test") & (statistics.source == "ppocr6")]
    own = own[own.layout.isin(("plain", "space"))].sort_values("budget", kind="stable")
    names = [f"{row.layout}, {row.policy.replace('_', ' and ')} kept" for row in own.itertuples()]
    return own.assign(line=names)


def _of_budgets(asked: Asked, budget_of: dict[str, int]) -> dict[float, Answers]:
    """Return the arms of A13 and their full arm by budget; none if there are fewer than two."""
    models: Sequence[Answers] = [one for one in asked.answers if one.code == "A13"]
    beside = [one for one in (reference_of(asked, model) for model in models[:1]) if one is not None]
    known = {float(budget_of[one.arm]): one for one in (*beside, *models) if one.arm in budget_of}
    return dict(sorted(known.items())) if len(known) > 1 else {}
