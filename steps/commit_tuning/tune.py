"""The main study: every method at every ratio of rates, from every seed."""

from __future__ import annotations

from pathlib import Path

from steps.commit_tuning.arms import Arm, TuningParams, main_arms
from steps.commit_tuning.jobs import clear_jobs
from steps.commit_tuning.runs import TuningRun, write_runs
from steps.commit_tuning.search_rates import chosen_rates
from steps.commit_tuning.study import Study
from steps.commit_tuning.tasks import Task, seeds_of, tasks_of
from steps.step.params import Count, Params
from steps.step.run import Run

CARD = """# A small model that was tuned on {task}: {said}

It answers "what is it ?", "is it PROPERTY ?" and "is it a CLASS ?" about {medium} of the ten classes of {task}, in the
words of its vocabulary; it knows nothing else. It got {names:.3f} of the names in the test part, of which {blind:.3f}
can be had without seeing or hearing. Made for the reproduction of "CoMMIT" (arXiv 2407.20454). License: Apache-2.0.
"""
SHOWN = {"constant": "constant rates", "commit": "CoMMIT's rates and reward"}


class TuneParams(Params):
    """The ratios of each method, and from how many seeds, by task, they are trained.

    The tuned constant has the ratio that the search chose. ``equal_parameter_updates``: coordinate descent once more,
    with as many updates of each component as the other methods.
    """

    seeds: dict[str, Count]
    methods: dict[str, list[float]]
    equal_parameter_updates: bool
    tuning: TuningParams


def tune(prepared: Path, pretrained: Path, searched: Path, *, out: Path, params: TuneParams, run: Run) -> None:
    """Train every method from every seed: within a seed from the same weights, on the same questions in one order.

    What the search of rates has trained is taken from there. A placebo has the next seed's ℓ, half the rate CoMMIT's
    mean rates from the same seed.

    Reads   prepared/<task>, prepared/tasks.json; pretrained/starts/<task>-<seed>; searched/chosen.json, runs.jsonl,
            traces/
    Writes  runs.jsonl, traces/; models/<task>-constant-0, models/<task>-commit-0
    Logs    <task>/<arm>/loss (nats per token of the answers), <task>/<arm>/balance (ℓ), of the first seed
    Raises  UnknownTask, UnknownArm, MissingSeed, UnequalStarts, Diverged; OtherSettings if the search tuned otherwise
    """
    rows: list[TuningRun] = []
    for task in tasks_of(prepared, run.variant):
        rates, ratio = chosen_rates(searched, task.name)
        study = Study(run, prepared, pretrained, task, params.tuning, rates)
        study.take(searched)
        arms = main_arms(params.methods, equal_parameter_updates=params.equal_parameter_updates)
        arms.append(Arm("tuned_constant", ratio))
        shown = [arm for arm in arms if arm.method in SHOWN and arm.ratio == 1 and arm.equal == "updates"]
        found = study.trained(arms, seeds_of(params.seeds, task), models=[arm.name for arm in shown])
        study.keep_traces(found, out)
        for arm in shown:
            _keep_model(run, study, arm, task)
        rows += found
    clear_jobs(run)
    write_runs(out, rows)


def _keep_model(run: Run, study: Study, arm: Arm, task: Task) -> None:
    row = study.known[arm.name, 0][0]
    medium = "images" if task.modality == "images" else "sounds"
    said = {"names": row.accuracy_names, "blind": row.blind_accuracy_names, "said": SHOWN[arm.method]}
    card = CARD.format(task=task.name, medium=medium, **said)
    run.model(f"{task.name}-{arm.method}-0", study.model_folder(arm), card=card)
