"""Join what all trainings came to into measurements, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steps.commit_tuning import figures, tables, trace_figures
from steps.commit_tuning.estimates import Evidence
from steps.commit_tuning.measurements import language_measurements, speed_measurements, tuning_measurements
from steps.commit_tuning.runs import read_runs
from steps.commit_tuning.trace_figures import Traces
from steps.step.json_files import read_json
from steps.step.publish import CaptionedFigure, CaptionedTable
from steps.step.run import Run

CHOSEN, SPEED = "chosen.json", "speed.json"
HEADLINES = (
    "imbalance_clr_minus_constant_images_at_0_1",
    "imbalance_clr_minus_constant_audio_at_0_1",
    "auc_commit_minus_constant_images_at_1",
)


def evaluate(
    searched: list[Path],
    tuned: list[Path],
    ablated: list[Path],
    language: Path,
    timings: Path,
    *,
    out: Path,
    run: Run,
) -> None:
    """Publish what the paper's claims are tested by.

    Reads   runs.jsonl of each step that trains, with the traces that it kept; chosen.json of each search of rates
            and of the ablations; speed.json
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions
    Raises  InvalidRuns, InvalidTrace, TwoRuns
    """
    trained = [*tuned, *ablated, *searched]  # the main study's own before what a search trained alike
    chosen = {task: known for folder in searched for task, known in read_json(folder / CHOSEN).items()}
    regimes = {task: known for folder in ablated for task, known in read_json(folder / CHOSEN).items()}
    evidence = Evidence.of((one for folder in trained for one in read_runs(folder)), chosen, regimes)
    with_language, speed = Evidence.of(read_runs(language)), read_json(timings / SPEED)
    costs, shown = speed_measurements(speed), _tables(evidence, with_language, speed)
    run.publish(
        claims=tuning_measurements(evidence) | language_measurements(with_language) | costs,
        headlines=HEADLINES,
        tables=shown,
        figures=_figures(evidence, trained, speed),
        timings=[name for name in (*costs, *shown) if name.startswith("overhead_") or name == "speed"],
    )


def _tables(evidence: Evidence, language: Evidence, speed: Mapping[str, Any]) -> dict[str, CaptionedTable]:
    """Return the tables that there is a row of."""
    found = {
        "methods": tables.methods(evidence),
        "differences": tables.differences(evidence),
        "headroom": tables.headroom(evidence),
        "ablations": tables.ablations(evidence),
        "search": tables.search(evidence),
        "language": tables.methods(language),
        "speed": tables.speed(speed),
    }
    return {name: one for name, one in found.items() if len(one[0])}


def _figures(evidence: Evidence, folders: Sequence[Path], speed: Mapping[str, Any]) -> dict[str, CaptionedFigure]:
    """Return the figures that there is something to draw in."""
    traces = Traces(evidence, folders)
    captioned = {
        "balance": trace_figures.balance(traces),
        "losses": trace_figures.losses(traces),
        "headroom": figures.headroom(evidence),
        "differences": figures.differences(evidence),
        "failure": trace_figures.failure(traces),
        "overhead": figures.overhead(speed),
    }
    return {name: found for name, found in captioned.items() if found is not None}
