"""The ablations (A2 to A5, A7 to A9), each by its name: what CLR or CoMMIT becomes when one thing is changed.

A1 (CLR, the regulariser alone, both) and A10 (the placebo) stand in the main study, A6 in the search of rates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from steps.commit_tuning.arms import REGIME_KNOBS, Arm, TuningParams, knob_arms
from steps.commit_tuning.jobs import clear_jobs
from steps.commit_tuning.runs import TuningRun, write_runs
from steps.commit_tuning.search_rates import CHOSEN, chosen_rates, validation_loss
from steps.commit_tuning.study import Study
from steps.commit_tuning.tasks import Task, tasks_of
from steps.step.json_files import write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run

FACTOR_KNOB = "rate_factor"
AT_PAPERS_RATIO = ("weight", "cap")  # the reward's, which C5 asks about; the other ablations are of the mechanism


class AblateParams(Params):
    """Which ablations are made, on which tasks, and from how many seeds.

    ``values``: of each ablation. ``imbalanced``: the ratio η0_S / η0_X of all but the reward's. ``rate_factors``: grids
    of what the base rates are multiplied by under another optimiser or adaptation, searched at constant rates and ratio
    1 on validation from ``rate_seeds`` seeds. ``tasks``: of those that were prepared.
    """

    ablations: list[str]
    tasks: list[str]
    seeds: Count
    imbalanced: Positive
    values: dict[str, list[float | str]]
    rate_factors: dict[str, list[Positive]]
    rate_seeds: Count
    tuning: TuningParams


def ablate(prepared: Path, pretrained: Path, searched: Path, *, out: Path, params: AblateParams, run: Run) -> None:
    """Train the arms of the ablations from every seed, as the main study trains its own.

    Reads   prepared/<task>, prepared/tasks.json; pretrained/starts/<task>-<seed>; searched/chosen.json
    Writes  runs.jsonl, traces/; chosen.json: by task and optimiser or adaptation, the factor of the base rates
    Logs    <task>/<arm>/loss (nats per token of the answers), <task>/<arm>/balance (ℓ), of the first seed
    Raises  UnknownTask, UnknownArm, MissingSeed, UnequalStarts, Diverged, InvalidScheduler
    """
    rows: list[TuningRun] = []
    chosen: dict[str, Any] = {}
    for task in tasks_of(prepared, run.variant):
        if task.name not in params.tasks or not params.ablations:
            continue
        study = Study(run, prepared, pretrained, task, params.tuning, chosen_rates(searched, task.name)[0])
        for knob in params.ablations:
            ratio = 1.0 if knob in AT_PAPERS_RATIO else params.imbalanced
            values = params.values.get(knob, [])
            factors: dict[str, float] = {}
            for value in map(str, values) if knob in REGIME_KNOBS else ():
                known = _factor(study, task, knob, value, params)
                chosen.setdefault(task.name, {})[value] = known
                factors[value] = known["factor_chosen"]
            arms = knob_arms(knob, values, ratio, factors)
            found = study.trained(arms, params.seeds)
            study.keep_traces(found, out)
            rows += found
    clear_jobs(run)
    write_runs(out, rows)
    write_json(out / CHOSEN, chosen)


def _factor(study: Study, task: Task, knob: str, value: str, params: AblateParams) -> dict[str, Any]:
    """Return the factor of the base rates, and what it was chosen by: constant rates at ratio 1, on validation."""
    from tenfold.commit_tuning.baselines import tune_ratio

    changed: dict[str, Any] = {knob: value}
    arms = {
        factor: Arm("constant", 1.0, FACTOR_KNOB, f"{value}x{factor:g}", rate_factor=factor, **changed)
        for factor in params.rate_factors[value]
    }
    seeds = min(params.rate_seeds, params.seeds)
    rows = study.trained(list(arms.values()), seeds, may_diverge=True)
    losses = {factor: validation_loss(rows, seeds, "value", arm.value) for factor, arm in arms.items()}
    best = tune_ratio(list(arms), losses.__getitem__, updates=params.tuning.updates * seeds)
    study.run.say(f"{task.name}, {value}: {best.ratio:g} times the rates of AdamW, of {sorted(arms)}")
    return {
        "factor_chosen": best.ratio,
        "at_edge": best.at_edge,
        "validation_loss_by_factor": {f"{one:g}": loss if loss < float("inf") else None for one, loss in best.losses},
        "seeds": list(range(seeds)),
        "updates_charged": best.updates,
    }
