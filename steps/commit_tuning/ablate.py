"""The ablations (A2 to A5, A7 to A9), each by its name: what CLR or CoMMIT becomes when one thing is changed.

A1 (CLR, the regulariser alone, both) and A10 (the placebo) stand in the main study, A6 in the search of rates.
"""

from __future__ import annotations

from pathlib import Path

from steps.commit_tuning.arms import TuningParams, knob_arms
from steps.commit_tuning.jobs import clear_jobs
from steps.commit_tuning.runs import TuningRun, write_runs
from steps.commit_tuning.search_rates import chosen_rates
from steps.commit_tuning.study import Study
from steps.commit_tuning.tasks import tasks_of
from steps.step.params import Count, Params, Positive
from steps.step.run import Run

AT_PAPERS_RATIO = ("weight", "cap")  # the reward's, which C5 asks about; the other ablations are of the mechanism


class AblateParams(Params):
    """Which ablations are made, on which tasks, and from how many seeds.

    ``values``: of each ablation. ``imbalanced``: the ratio η0_S / η0_X of all but the reward's. ``rate_factors``: of
    the base rates under another optimiser or adaptation. ``tasks``: of those that were prepared.
    """

    ablations: list[str]
    tasks: list[str]
    seeds: Count
    imbalanced: Positive
    values: dict[str, list[float | str]]
    rate_factors: dict[str, Positive]
    tuning: TuningParams


def ablate(prepared: Path, pretrained: Path, searched: Path, *, out: Path, params: AblateParams, run: Run) -> None:
    """Train the arms of the ablations from every seed, as the main study trains its own.

    Reads   prepared/<task>, prepared/tasks.json; pretrained/starts/<task>-<seed>; searched/chosen.json
    Writes  runs.jsonl, traces/
    Logs    <task>/<arm>/loss (nats per token of the answers), <task>/<arm>/balance (ℓ), of the first seed
    Raises  UnknownTask, UnknownArm, MissingSeed, UnequalStarts, Diverged
    """
    rows: list[TuningRun] = []
    for task in tasks_of(prepared, run.variant):
        if task.name not in params.tasks or not params.ablations:
            continue
        study = Study(run, prepared, pretrained, task, params.tuning, chosen_rates(searched, task.name)[0])
        for knob in params.ablations:
            ratio = 1.0 if knob in AT_PAPERS_RATIO else params.imbalanced
            arms = knob_arms(knob, params.values.get(knob, []), ratio, params.rate_factors)
            found = study.trained(arms, params.seeds)
            study.keep_traces(found, out)
            rows += found
    clear_jobs(run)
    write_runs(out, rows)
