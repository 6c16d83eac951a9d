"""The published figures, each with its caption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steps.artist.arm_setup import ARTIST, VISUAL_ONLY
from steps.artist.canvas_sets import PromptRow, real_composites
from steps.artist.compared_arms import Arm, Budget
from steps.artist.estimates import ENGINE, OVER, Evidence, Measure, accuracy
from steps.artist.plan import CHAT, FORMS, REGEX, TAGGER
from steps.artist.planning_measurements import planner_estimate, planners_of, recall
from steps.artist.sample import rendered, seen_face
from steps.step import plotting
from steps.step.plotting import BLACK, BLUE, GREEN, GREY, ORANGE, SKY, YELLOW
from steps.step.publish import CaptionedFigure

INTERVALS = f"Bars: 95 % over {OVER}; with one seed over prompts alone."
MEASURED: dict[Measure, str] = {"words": "words read exactly × 100", "letters": "letters read right × 100"}
COLUMNS = 5  # images of a row
FRAME = 1  # white pixels around an image
LINES: tuple[tuple[str, Budget, str], ...] = (
    (ARTIST, "equal", BLUE),
    (VISUAL_ONLY, "equal", ORANGE),
    (VISUAL_ONLY, "compute", YELLOW),
)
PLANNER_NAMES = {REGEX: "quotation marks", TAGGER: "keyword tagger", CHAT: "SmolLM2"}
PLANNER_COLOURS = {REGEX: GREY, TAGGER: BLUE, CHAT: GREEN}


def samples(evidence: Evidence, prepared: Path, images: Mapping[str, Path], stage: str, size: int) -> CaptionedFigure:
    """Draw the images of every arm of a stage and size for the same prompts, from the same noise."""
    arms = [arm for key, arm in evidence.arms.items() if (key.stage, key.size) == (stage, size)]
    prompts = shown_prompts(evidence.prompts, COLUMNS)
    real, face = real_composites(prepared, stage).images, seen_face(prepared)
    rows = {
        "layout": [_coloured(rendered(one.layout, face)) for one in prompts],
        "real composite": [real[one.number] for one in prompts],
    }
    seed = 0
    for arm in arms:
        seed = arm.seeds[0]
        with np.load(images[arm.name(seed)]) as arrays:
            places = [one.number for one in prompts]  # the first images of all prompts come first
            if arm.key.arm == ARTIST and "text" in arrays.files:
                rows["its text module"] = [_coloured(arrays["text"][place]) for place in places]
            rows[f"{arm.label}\n{arm.updates} updates"] = [arrays["test"][place] for place in places]
    side = rows["layout"][0].shape[0] + 2 * FRAME
    sheet = np.concatenate([np.concatenate([_framed(one) for one in row], axis=1) for row in rows.values()])
    figure = plotting.image_sheet(sheet, side, rows=list(rows))
    asked = "; ".join(" ".join(one.keywords) for one in prompts)
    return figure, (
        f"The first image of each arm for the same {len(prompts)} test prompts (words: {asked}), stage {stage}, visual "
        f"set of {size} images, seed {seed}; all arms have the same layout and start from the same noise. Real "
        "composites of stage colour have other words. Words of the test stand in no training image. Not chosen by what "
        "is on them: at equal distances among the prompts."
    )


def shown_prompts(prompts: Sequence[PromptRow], count: int) -> list[PromptRow]:
    """Return at most ``count`` prompts at equal distances."""
    number = min(count, len(prompts))
    return [prompts[place * len(prompts) // number] for place in range(number)]


def accuracies(evidence: Evidence, size: int) -> CaptionedFigure | None:
    """Draw what is read of every arm, a panel per stage and measure, beside the ceiling; None without arms."""
    stages = list(dict.fromkeys(key.stage for key in evidence.arms if key.size == size))
    of_stage = {stage: [arm for key, arm in evidence.arms.items() if key[1:3] == (stage, size)] for stage in stages}
    if not stages:
        return None
    most = max(map(len, of_stage.values()))
    figure, axes = plotting.panels(2 * len(stages), columns=2, width=4.6, height=0.3 * most + 1.1, sharey="row")
    for axis, (stage, measure) in zip(axes, ((s, m) for s in stages for m in MEASURED), strict=True):
        for place, arm in enumerate(of_stage[stage]):
            found = accuracy(evidence, arm, measure)
            if found is not None:
                (low, high), colour = found.interval, BLUE if found.seeds > 1 else SKY
                label = "several seeds" if found.seeds > 1 else "one seed"
                plotting.error_bars(axis, [place], [found.value], [low], [high], colour, label=label, horizontal=True)
        _ceiling_line(axis, evidence, stage, measure, axis.axvline)
        axis.set_yticks(range(len(of_stage[stage])), [_with_updates(arm) for arm in of_stage[stage]])
        axis.set_ylim(len(of_stage[stage]) - 0.5, -0.5)
        axis.set(title=f"stage {stage}", xlabel=MEASURED[measure], xlim=(-3, 103))
    plotting.shared_legend(figure)
    return figure, (
        f"What {ENGINE} reads in the boxes of the words, prompts of one word in seen proportions, visual set of {size} "
        f"images, by arm and visual updates; dotted: what the same reader reads on real composites. {INTERVALS}"
    )


def sizes(evidence: Evidence) -> CaptionedFigure | None:
    """Draw what is read by the size of the visual set; None for fewer than two sizes of any arm."""
    lines = {
        (stage, arm, budget): sorted(
            (key.size, found) for key, found in evidence.arms.items() if key[:2] == (arm, stage) and key[3] == budget
        )
        for stage in dict.fromkeys(key.stage for key in evidence.arms)
        for arm, budget, _ in LINES
    }
    stages = list(dict.fromkeys(stage for (stage, _, _), line in lines.items() if len(line) > 1))
    if not stages:
        return None
    figure, axes = plotting.panels(2 * len(stages), columns=2, width=4.4, height=3.0)
    for axis, (stage, measure) in zip(axes, ((s, m) for s in stages for m in MEASURED), strict=True):
        for arm, budget, colour in LINES:
            known = [(size, one, accuracy(evidence, one, measure)) for size, one in lines[stage, arm, budget]]
            points = [(size, one, found) for size, one, found in known if found is not None]
            if points:
                ends = list(zip(*(found.interval for _, _, found in points), strict=True))
                places, values = [size for size, _, _ in points], [found.value for _, _, found in points]
                axis.plot(places, values, color=colour, linewidth=1.2)
                plotting.error_bars(axis, places, values, ends[0], ends[1], colour, label=points[0][1].label)
        _ceiling_line(axis, evidence, stage, measure, axis.axhline)
        plotting.log_ticks(axis, sorted({key.size for key in evidence.arms if key.stage == stage}), base=2)
        axis.set(title=f"stage {stage}", xlabel="images of the visual set", ylabel=MEASURED[measure], ylim=(-3, 103))
    plotting.shared_legend(figure)
    return figure, (
        "What is read by the number of images that the visual modules were trained on, at equal visual updates for all "
        f"sizes; dotted: the reader's ceiling. Text modules learn from drawn text alone. {INTERVALS}"
    )


def planners(plans: Sequence[Mapping[str, Any]]) -> CaptionedFigure | None:
    """Draw the recall of each planner on real prompts, with quotes and without; None without plans."""
    names = planners_of(plans)
    if not names:
        return None
    figure, (axis,) = plotting.panels(1, width=5.2, height=3.0)
    for place, name in enumerate(names):
        for number, form in enumerate(FORMS):
            found = planner_estimate(plans, name, form, recall)
            if found is not None:
                at = number + (place - (len(names) - 1) / 2) * 0.8 / len(names)
                label = PLANNER_NAMES[name]
                axis.bar(at, found.value, 0.74 / len(names), color=PLANNER_COLOURS[name], label=label)
                axis.vlines(at, *found.interval, color=BLACK, linewidth=1)
    axis.set_xticks(range(len(FORMS)), ["with quotes", "quotes taken off"])
    axis.grid(visible=False, axis="x")
    axis.set(ylabel="wanted words that are found × 100", ylim=(0, 103))
    plotting.shared_legend(figure)
    return figure, (
        "Wanted words that each planner finds in GlyphControl's real prompts, averaged within templates. Without "
        "quotes a rule about quotes finds nothing by construction. Lines: 95 % over templates and seeds."
    )


def _ceiling_line(axis: Any, evidence: Evidence, stage: str, measure: Measure, line: Any) -> None:
    ceiling = evidence.ceiling(stage, measure=measure)
    if ceiling is not None:
        line(ceiling.value, color=BLACK, linestyle=":", label="the reader's ceiling")


def _with_updates(arm: Arm) -> str:
    return f"{arm.label} ({arm.updates})"


def _coloured(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def _framed(image: np.ndarray) -> np.ndarray:
    return np.pad(image, ((FRAME, FRAME), (FRAME, FRAME), (0, 0)), constant_values=255)
