"""Constant rates, searched on validation: the LLM's own, then the ratio of the encoder's to it (A6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from steps.commit_tuning.arms import Arm, TuningParams
from steps.commit_tuning.jobs import clear_jobs
from steps.commit_tuning.runs import TuningRun, write_runs
from steps.commit_tuning.scores import mean
from steps.commit_tuning.study import Study
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

    ``updates`` are charged: those of all trainings of the search together.
    """

    rates: list[Positive]
    rate_seeds: Count
    ratios: list[Positive]
    seeds: dict[str, Count]
    tuning: TuningParams


def search_rates(prepared: Path, pretrained: Path, *, out: Path, params: SearchRatesParams, run: Run) -> None:
    """Choose constant rates on the validation part: the LLM's, then the encoder's over it.

    The test part is scored, too, and no choice reads it.

    Reads   prepared/<task>, prepared/tasks.json; pretrained/starts/<task>-<seed>
    Writes  runs.jsonl: the grid of rates (knob "rate") and that of ratios (knob null, a row per ratio and seed);
            traces/; chosen.json: the chosen rate and ratio of each task, what they were chosen by, and their cost
    Logs    <task>/<arm>/loss (nats per token of the answers), <task>/<arm>/balance (ℓ), of the first seed
    Raises  UnknownTask, InvalidGrid, Diverged
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
    grid = [Arm("constant", 1.0, RATE_KNOB, f"{rate:g}", rate_factor=rate) for rate in sorted(params.rates)]
    rates = study.trained(grid, min(params.rate_seeds, seeds))
    study.keep_traces(rates, out)
    by_rate = {rate: validation_loss(rates, "value", f"{rate:g}") for rate in sorted(params.rates)}
    rate = min(by_rate, key=lambda one: (by_rate[one], one))

    study.rates = Rates(rate)
    for row in rates:  # at ratio 1 the chosen rate's trainings are those of the grid of ratios
        if row.value == f"{rate:g}":
            trace = study.known[Arm("constant", 1.0, RATE_KNOB, row.value).name, row.seed][1]
            study.known[Arm("constant", 1.0).name, row.seed] = replace(row, knob=None, value=None), trace
    ratios = study.trained([Arm("constant", ratio) for ratio in sorted(params.ratios)], seeds)
    study.keep_traces(ratios, out)
    cost = params.tuning.updates * seeds
    best = tune_ratio(params.ratios, lambda ratio: validation_loss(ratios, "ratio", ratio), updates=cost)
    rate_at_edge = rate in (min(by_rate), max(by_rate))
    run.say(f"{task.name}: rate {rate:g}, ratio {best.ratio:g} of {params.ratios}")
    return [*rates, *ratios], {
        "rate_chosen": rate,
        "ratio_chosen": best.ratio,
        "at_edge": best.at_edge or rate_at_edge,
        "rate_at_edge": rate_at_edge,
        "ratio_at_edge": best.at_edge,
        "validation_loss_by_rate": {f"{one:g}": loss for one, loss in by_rate.items()},
        "validation_loss_by_ratio": {f"{one:g}": loss for one, loss in best.losses},
        "seeds": list(range(seeds)),
        "updates_charged": best.updates + params.tuning.updates * len(rates),
    }


def validation_loss(rows: Sequence[TuningRun], name: str, value: Any) -> float:
    """Return the mean validation loss, over seeds, of the rows whose field ``name`` has this value."""
    return mean([row.validation_loss for row in rows if getattr(row, name) == value])
