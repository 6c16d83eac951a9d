"""Rates, searched on validation: the LLM's at a constant rate and under schedulers, then the encoder's over it (A6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from steps.commit_tuning.arms import Arm, TuningParams
from steps.commit_tuning.jobs import clear_jobs
from steps.commit_tuning.runs import Method, TuningRun, write_runs
from steps.commit_tuning.scores import mean
from steps.commit_tuning.study import SETTINGS, Study
from steps.commit_tuning.tasks import Task, seeds_of, tasks_of
from steps.commit_tuning.training import Rates
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run

CHOSEN, RATE_KNOB = "chosen.json", "rate"


class InvalidGrid(ValueError):
    """A grid of rates or ratios has too few of them."""


class SearchRatesParams(Params):
    """Grids of the LLM's rate at ratio 1 and of the ratio η_S / η_X, and from how many seeds, by task, each is trained.

    ``coordinated``: methods whose rate is searched, too, in the same grid; they are compared at the constant's all the
    same, and that it is their own best, or that it is not, is measured.
    ``updates`` are charged: those of all trainings of the search together.
    """

    rates: list[Positive]
    rate_seeds: Count
    coordinated: list[Method]
    ratios: list[Positive]
    seeds: dict[str, Count]
    tuning: TuningParams


def search_rates(prepared: Path, pretrained: Path, *, out: Path, params: SearchRatesParams, run: Run) -> None:
    """Choose constant rates on the validation part: the LLM's, then the encoder's over it.

    The test part is scored, too, and no choice reads it. A rate or ratio at which a training diverges loses.

    Reads   prepared/<task>, prepared/tasks.json; pretrained/starts/<task>-<seed>
    Writes  runs.jsonl: the grid of rates (knob "rate") and that of ratios (knob null, a row per ratio and seed);
            traces/; chosen.json: the chosen rate and ratio of each task, what they were chosen by, and their cost;
            tuning.json: how all were tuned
    Logs    <task>/<arm>/loss (nats per token of the answers), <task>/<arm>/balance (ℓ), of the first seed
    Raises  UnknownTask, InvalidGrid
    """
    if len(params.rates) < 2 or len(set(params.rates)) < len(params.rates):
        raise InvalidGrid(f"a grid has at least two rates, none of them twice, not {params.rates}")
    rows: list[TuningRun] = []
    chosen: dict[str, Any] = {}
    for task in tasks_of(prepared, run.variant):
        searched, chosen[task.name] = _searched(task, prepared, pretrained, out, params, run)
        rows += searched
    clear_jobs(run)
    write_runs(out, rows)
    write_json(out / CHOSEN, chosen)
    write_json(out / SETTINGS, params.tuning.model_dump(mode="json"))


def chosen_rates(searched: Path, task: str) -> tuple[Rates, float]:
    """Return the chosen rate of the LLM, and the ratio of the tuned constant."""
    found = read_json(searched / CHOSEN)[task]
    return Rates(found["rate_chosen"]), found["ratio_chosen"]


def _searched(
    task: Task, prepared: Path, pretrained: Path, out: Path, params: SearchRatesParams, run: Run
) -> tuple[list[TuningRun], dict[str, Any]]:
    from tenfold.commit_tuning.baselines import tune_ratio

    seeds = seeds_of(params.seeds, task)
    study = Study(run, prepared, pretrained, task, params.tuning, Rates(1.0))
    rates, by_method = _rates(study, params, min(params.rate_seeds, seeds))
    by_rate = by_method["constant"]
    own = {method: min(found, key=lambda one: (found[one], one)) for method, found in by_method.items()}
    rate = own["constant"]
    study.rates = Rates(rate)
    again = [replace(row, knob=None, value=None) for row in rates if row.value == f"{rate:g}"]
    for row in again:  # at ratio 1 the chosen rate's trainings are those of the main study
        trace = study.known[Arm(row.method, 1.0, RATE_KNOB, f"{rate:g}").name, row.seed][1]
        study.known[Arm(row.method, 1.0).name, row.seed] = row, trace
    ratios = study.trained([Arm("constant", ratio) for ratio in sorted(params.ratios)], seeds, may_diverge=True)
    ratios += [row for row in again if row.method != "constant"]
    study.keep_traces([*rates, *ratios], out)
    cost = params.tuning.updates * seeds
    constant = [row for row in ratios if row.method == "constant"]
    losses = {ratio: validation_loss(constant, seeds, "ratio", ratio) for ratio in params.ratios}
    best = tune_ratio(params.ratios, losses.__getitem__, updates=cost)
    rate_at_edge = rate in (min(by_rate), max(by_rate))
    run.say(f"{task.name}: rate {rate:g}, ratio {best.ratio:g} of {params.ratios}")
    return [*rates, *ratios], {
        "rate_chosen": rate,
        "ratio_chosen": best.ratio,
        "at_edge": best.at_edge or rate_at_edge,
        "rate_at_edge": rate_at_edge,
        "ratio_at_edge": best.at_edge,
        "rate_by_method": own,
        "validation_loss_by_rate": _finite(by_rate),
        "validation_loss_by_rate_and_method": {method: _finite(found) for method, found in by_method.items()},
        "validation_loss_by_ratio": _finite(dict(best.losses)),
        "seeds": list(range(seeds)),
        "updates_charged": best.updates + params.tuning.updates * len(params.rates) * min(params.rate_seeds, seeds),
    }


def _rates(
    study: Study, params: SearchRatesParams, seeds: int
) -> tuple[list[TuningRun], dict[str, dict[float, float]]]:
    """Train each method at ratio 1 at each rate; return the rows, and by method the validation loss by rate."""
    grid = sorted(params.rates)
    methods: list[Method] = ["constant", *params.coordinated]
    arms = [Arm(method, 1.0, RATE_KNOB, f"{rate:g}", rate_factor=rate) for method in methods for rate in grid]
    rows = study.trained(arms, seeds, may_diverge=True)
    found = {}
    for method in methods:
        own = [row for row in rows if row.method == method]
        found[str(method)] = {rate: validation_loss(own, seeds, "value", f"{rate:g}") for rate in grid}
    return rows, found


def validation_loss(rows: Sequence[TuningRun], seeds: int, name: str, value: Any) -> float:
    """Return the mean validation loss, over seeds, of rows whose field ``name`` is this; infinite if one diverged."""
    losses = [row.validation_loss for row in rows if getattr(row, name) == value]
    return mean(losses) if len(losses) == seeds else math.inf


def _finite(losses: dict[float, float]) -> dict[str, float | None]:
    """Return losses as JSON has them; null where a training diverged."""
    return {f"{one:g}": loss if math.isfinite(loss) else None for one, loss in losses.items()}
