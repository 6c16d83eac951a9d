"""What the estimate of κ and the reward cost, as shares of an update's CPU time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from steps.commit_tuning.arms import Arm, TuningParams
from steps.commit_tuning.pretrain import start_folder
from steps.commit_tuning.tasks import task_named
from steps.step.json_files import write_json
from steps.step.params import Count, Params
from steps.step.run import Run

NEVER = 10**9  # updates between two estimates that no training reaches
PLAIN, REWARD = "plain", "reward"


class MissingStart(ValueError):
    """No pretrained model of the timed task is there."""


class MeasureSpeedParams(Params):
    """The task, after every how many updates κ is estimated, how long each training is, and how often it is timed."""

    task: str
    every: list[Count]
    updates: Count
    repeats: Count
    tuning: TuningParams


def measure_speed(prepared: Path, pretrained: list[Path], *, out: Path, params: MeasureSpeedParams, run: Run) -> None:
    """Time trainings with constant rates, all in turn: plain, with an estimate after each m-th update, with the reward.

    Reads   prepared/<task>; pretrained/starts/<task>-0
    Writes  speed.json: rows of what, every, words, share (median over repeats), low, high, timed; plain_seconds (per
            update); bytes of copies, of trained and of all tensors
    Raises  MissingStart, UnknownTask
    """
    import torch

    from steps.commit_tuning.training import TaskData
    from tenfold.commit_tuning.model import SmallModel

    task = task_named(params.task)
    own = next((one for one in pretrained if start_folder(one, task.name, 0).is_dir()), None)
    if own is None:
        raise MissingStart(f"no pretrained model of {task.name}: prepare the task, or time another one")
    data = TaskData(prepared, task, SmallModel.from_pretrained(start_folder(own, task.name, 0)))
    arms = {PLAIN: Arm("constant", every=NEVER)} | {f"m{every}": Arm("constant", every=every) for every in params.every}
    arms[REWARD] = Arm("regulariser", every=NEVER)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seconds, copied = _timed(arms, data, own, params, run)
    finally:
        torch.set_num_threads(threads)
    rows = [_row(name, arms[name], seconds[name], seconds[PLAIN]) for name in arms if name != PLAIN]
    write_json(
        out / "speed.json",
        {
            "task": task.name,
            "updates": params.updates,
            "plain_seconds": median(seconds[PLAIN]),
            "copied_share": copied["copied_bytes"] / copied["trained_bytes"],
            **copied,
            "rows": rows,
        },
    )
    for row in rows:
        run.say(f"{row['words']}: {100 * row['share']:.1f} % of an update's CPU time more")


def _timed(
    arms: Mapping[str, Arm], data: Any, pretrained: Path, params: MeasureSpeedParams, run: Run
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Return the CPU seconds per update of each arm and repeat, all arms in turn, and the bytes of what is copied."""
    from steps.commit_tuning.training import Rates, Training

    settings = params.tuning.model_copy(update={"updates": params.updates, "share_every": NEVER})
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    copied: dict[str, int] = {}
    for repeat in range(params.repeats + 1):
        for name, arm in arms.items():
            alone = Run(run.paper, run.step, out=run.out, profile=run.profile, seed=run.seed)  # without checkpoints
            training = Training(alone, data, pretrained, arm, 0, settings, Rates(1e-3))
            started = time.process_time()
            training.train()
            if repeat:  # the first one warms up
                seconds[name].append((time.process_time() - started) / params.updates)
            if name == REWARD:
                copied = _bytes(training)
    return seconds, copied


def _bytes(training: Any) -> dict[str, int]:
    """Return the bytes of the copies of parameters that an estimate or the reward keeps, and of the model's tensors."""
    parameters = list(training.model.parameters())
    return {
        "copied_bytes": sum(one.nbytes for one in training.tuning.previous.values()),
        "trained_bytes": sum(one.nbytes for one in parameters if one.requires_grad),
        "model_bytes": sum(one.nbytes for one in parameters),
    }


def _row(name: str, arm: Arm, found: list[float], plain: list[float]) -> dict[str, Any]:
    shares = [one / other - 1 for one, other in zip(found, plain, strict=True)]
    known = {"share": median(shares), "low": min(shares), "high": max(shares), "timed": len(shares)}
    if name == REWARD:
        return {"what": "reward", "every": 1, "words": "the reward at every update", **known}
    each = "every update" if arm.every == 1 else f"each {arm.every}th update"
    return {"what": "estimate", "every": arm.every, "words": f"an estimate after {each}", **known}
