"""Join what all steps wrote into measurements, tables, figures and a page of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steps.artist import facts, figures, speed, tables
from steps.artist.background_distance import distances
from steps.artist.canvas_sets import prompt_rows
from steps.artist.compared_arms import Arm
from steps.artist.estimates import Evidence
from steps.artist.measurements import STAGES, arm_measurements
from steps.artist.pages import write_samples
from steps.artist.plan import read_plans
from steps.artist.planning_measurements import planning_measurements
from steps.artist.read import read_readings
from steps.artist.sample import read_images
from steps.artist.saved_arms import read_rows
from steps.step.params import Count, Params
from steps.step.publish import CaptionedFigure, CaptionedTable
from steps.step.run import Run
from tenfold.metrics.measurement import Measurement

HEADLINES = (
    "letters_artist_minus_visual_paper_grey",
    "letters_artist_minus_visual_compute_grey",
    "artist_of_ceiling_grey",
)


class EvaluateParams(Params):
    """The size of the visual set that claims are about, and how many images the page shows."""

    images: Count
    shown: Count


def evaluate(
    prepared: Path,
    planned: Path,
    text: Path,
    trained: list[Path],
    samples: list[Path],
    read: Path,
    classifiers: Path,
    timings: Path,
    *,
    out: Path,
    params: EvaluateParams,
    run: Run,
) -> None:
    """Publish what the paper's claims are tested by, and images to look at.

    Reads   prepared/prompts.jsonl, test/, about.json; planned/plans.jsonl; text/controls.json; rows.jsonl of each
            training; images/, conditioning.jsonl, swap.json of each sampling; read/readings.jsonl;
            classifiers/<stage>/classifier/; timings/speed.csv
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions; pages/samples.html
    Raises  AmbiguousModel, MissingReadings, MixedEngines
    """
    rows = read_rows(trained)
    evidence = Evidence.of(rows, prompt_rows(prepared), read_readings(read))
    plans, images, controls = read_plans(planned), read_images(samples), facts.text_controls(text)
    timed = speed.read_speed(timings)
    found, backgrounds = distances(evidence, prepared, classifiers, images, params.images)
    run.publish(
        claims=arm_measurements(evidence, params.images, text_searched=facts.text_searched(controls))
        | planning_measurements(plans, evidence, STAGES[0], params.images)
        | found
        | speed.speed_measurements(timed)
        | _facts(evidence, prepared, samples, controls),
        headlines=HEADLINES,
        tables=_arm_tables(evidence, rows)
        | {
            "text_modules": tables.text_modules(controls),
            "planners": tables.planners(plans),
            "backgrounds": (backgrounds, BACKGROUNDS),
            "speed": speed.table(timed),
        },
        figures=_figures(evidence, prepared, images, plans, params.images),
        timings=speed.TIMINGS,
    )
    (out / "pages").mkdir()
    write_samples(evidence, _shown(evidence, params.images), images, out / "pages" / "samples.html", shown=params.shown)


BACKGROUNDS = (
    "fd_bg of each model: the Fréchet distance of its backgrounds from those of real composites of as many prompts, "
    "words taken out, in features of a classifier trained on backgrounds alone. Neither FID nor comparable with it, "
    "nor between stages. Real composites, half against half: the floor, of half as many images, where a distance is "
    "larger. Low and high ends: 95 % over images, as if each had a photograph of its own: which one a composite was "
    "cut from is not recorded, so that the ends are too near."
)


def _arm_tables(evidence: Evidence, rows: list[dict[str, Any]]) -> dict[str, CaptionedTable]:
    """Return what is told of the trained arms, by the tables' names."""
    return {
        "arms": tables.arms(evidence),
        "differences": tables.differences(evidence),
        "training": tables.training(rows),
        "outside_ink": tables.outside(evidence),
    } | tables.benchmarks(evidence)


def _facts(
    evidence: Evidence, prepared: Path, samples: Sequence[Path], controls: list[dict[str, Any]]
) -> dict[str, Measurement]:
    return (
        facts.text_measurements(controls)
        | facts.arrived(samples)
        | {"wrong_words_read": facts.wrong_words(evidence, prepared), "moved_box": facts.moved(samples)}
    )


def _figures(
    evidence: Evidence, prepared: Path, images: dict[str, Path], plans: list[dict[str, Any]], size: int
) -> dict[str, CaptionedFigure]:
    """Return the figures that there is something to draw in."""
    stages = dict.fromkeys(key.stage for key in evidence.arms if key.size == size)
    drawn = {f"samples_{stage}": figures.samples(evidence, prepared, images, stage, size) for stage in stages}
    others = {
        "accuracies": figures.accuracies(evidence, size),
        "sizes": figures.sizes(evidence),
        "planners": figures.planners(plans),
    }
    return drawn | {name: figure for name, figure in others.items() if figure is not None}


def _shown(evidence: Evidence, size: int) -> list[Arm]:
    return [arm for key, arm in evidence.arms.items() if key.size == size and evidence.was_read(arm)]
