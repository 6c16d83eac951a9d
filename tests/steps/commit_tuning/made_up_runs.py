"""Trainings with known effects, by a seeded generator, in the files in which the steps write them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from steps.commit_tuning.estimates import Evidence
from steps.commit_tuning.measurements import JUDGED, REGIMES, REWARD_KNOB, STRONG
from steps.commit_tuning.runs import TuningRun, write_runs
from steps.step.json_files import write_json

TASKS = tuple(JUDGED.values())
RATIOS = (0.1, 0.3, 1.0, 3.0, 10.0)
SEEDS = tuple(range(8))
CHOSEN = {
    "ratio_chosen": 3.0,
    "rate_chosen": 3e-3,
    "validation_loss_by_rate_and_method": {"commit": {"0.001": 1.3, "0.003": 1.2, "0.01": 1.195}},
    "rate_by_method": {"constant": 3e-3, "commit": 3e-3},
    "at_edge": False,
    "rate_at_edge": False,
    "ratio_at_edge": False,
    "validation_loss_by_ratio": {"0.1": 1.5, "0.3": 1.4, "1": 1.2, "3": 1.1, "10": 1.3},
    "validation_loss_by_rate": {"0.001": 1.3, "0.003": 1.2, "0.01": 1.25},
    "updates_charged": 440,
    "seeds": [0, 1, 2],
}
REGIME = {"factor_chosen": 3.0, "at_edge": False}
UPDATES = 40
RAISED = {0.1: 3.0, 0.3: 1.4, 1.0: 1.4, 3.0: 1.0}  # a scheduler's mean rate of the encoder over the constant one
METHODS = (
    *(
        "constant",
        "tuned_constant",
        "half_rate",
        "feature_cd",
        "language_cd",
        "clr",
        "commit",
        "regulariser",
        "placebo",
    ),
)
COST = {0.1: 0.4, 0.3: 0.2, 1.0: 0.1, 3.0: 0.0, 10.0: 0.3}  # nats beyond the tuned constant
IMBALANCE = {0.1: 4.0, 0.3: 1.8, 1.0: 0.9, 3.0: 0.2, 10.0: 1.2}  # |log κ| of the constant rate
GAINS: Mapping[str, float] = {  # nats below the constant rate, where there is something to gain
    **{"tuned_constant": 1.0, "half_rate": 0.1, "feature_cd": -0.5, "language_cd": -0.3},
    **{"clr": 1.0, "commit": 1.5, "regulariser": 0.2, "placebo": 0.3},
}


@dataclass(frozen=True)
class World:
    """What is planted. ``gains``: shares of the headroom that a method takes; ``held``: |log κ| over the constant's."""

    gains: Mapping[str, float] = field(default_factory=lambda: dict(GAINS))
    cost: Mapping[float, float] = field(default_factory=lambda: dict(COST))
    held: Mapping[str, float] = field(
        default_factory=lambda: {"clr": 0.4, "commit": 0.4, "placebo": 0.8, "constant": 1.0}
    )
    imbalance: Mapping[float, float] = field(default_factory=lambda: dict(IMBALANCE))
    skill: float = 0.3  # of right names beyond the blind ones
    reward_share: float = 0.05
    blind_loss: float = 2.0
    shift: float = 0.0  # of log κ at constant rates, with its sign
    noise: float = 0.01
    seeds: tuple[int, ...] = SEEDS
    fast: Mapping[str, float] = field(default_factory=lambda: {"kappa": 0.5, "rate": 1.5, "loss": 0.2})


def run_of(world: World, task: str, method: str, ratio: float, seed: int, **more: Any) -> TuningRun:
    """Return one training; what a seed adds is the same for all methods, but for a little noise."""
    place = METHODS.index(method)
    generator = np.random.default_rng([seed, place, round(1000 * ratio), TASKS.index(task)])
    shared = np.random.default_rng([seed, TASKS.index(task)]).normal(0, 0.1)
    noise = world.noise * generator.normal(size=4)
    headroom = world.cost[ratio]
    gain = 0.0 if ratio == 10.0 and method == "clr" else headroom * world.gains.get(method, 0.0)
    auc = 1.2 + shared + headroom - gain + noise[0]
    tuned = method == "tuned_constant"
    imbalance = world.imbalance[3.0 if tuned else ratio] * world.held.get(method, 1.0)
    sign = -1.0 if ratio > 1 else 1.0
    fast = ratio == 10.0
    if fast:
        sign = float(np.sign(world.fast["kappa"]) or 1)
    scheduled = method in ("clr", "commit", "placebo")
    names = 0.1 + world.skill * (1 + gain - headroom / 4) + noise[1] / 3
    given = {
        **{"task": task, "method": method, "ratio": ratio, "knob": None, "value": None, "optimiser": "adamw"},
        **{"adaptation": "full", "equal": "updates", "seed": seed, "updates": UPDATES},
        **{"parameter_updates_X": UPDATES, "parameter_updates_S": UPDATES, "auc": auc, "log_auc": np.log(auc)},
        **{"loss_last": auc / 2, "updates_to": None if auc > 1.7 else int(20 * auc)},
        "held_out_loss": auc - 0.2 + noise[2] + (world.fast["loss"] if fast and method == "clr" else 0.0),
        **{
            "accuracy": 0.5 + names / 3,
            "accuracy_names": names,
            "blind_accuracy_names": 0.1,
            "blind_loss": world.blind_loss,
        },
        **{"log_kappa_last": imbalance + abs(noise[3]), "ema_last": imbalance + noise[3] / 2},
        "log_kappa_mean": sign * imbalance + noise[3] + (world.shift if method == "constant" else 0.0),
        "clipped_share": min(1.0, imbalance / 1.7) + noise[3] / 10,
        **{"estimates": 10, "undefined": 0},
        "reward_share": world.reward_share * (1 + noise[1]) if method in ("commit", "regulariser") else None,
        "rate_X": 3e-3,
        "rate_S": 3e-3 * ratio * ((world.fast["rate"] if fast else RAISED[ratio]) if scheduled else 1.0),
        **{"start_sha256": f"start {task} {seed}", "order_sha256": f"order {task} {seed}", "validation_loss": auc},
    }
    if method in ("feature_cd", "language_cd"):
        given |= {"parameter_updates_X": UPDATES // 2, "parameter_updates_S": UPDATES // 2}
        given |= {
            "log_kappa_last": None,
            "ema_last": None,
            "log_kappa_mean": None,
            "clipped_share": None,
            "estimates": 0,
            "undefined": 10,
        }
    given = {key: float(one) if isinstance(one, np.floating) else one for key, one in given.items()}
    return TuningRun(**{**given, **more})  # type: ignore[arg-type]


def main_study(world: World) -> Iterator[TuningRun]:
    """Yield what `tune` trains: all methods at the ratios that claims are about, two of them at all."""
    for task in TASKS:
        for seed in world.seeds:
            for ratio in (0.1, 0.3, 1.0):
                yield from (run_of(world, task, method, ratio, seed) for method in METHODS)
            yield from (run_of(world, task, method, 10.0, seed) for method in ("constant", "clr", "tuned_constant"))
            for ratio in (0.1, 1.0):
                for method in ("feature_cd", "language_cd"):
                    longer = run_of(world, task, method, ratio, seed)
                    counts = {"updates": 2 * UPDATES, "parameter_updates_X": UPDATES, "parameter_updates_S": UPDATES}
                    yield replace(longer, equal="parameter_updates", **counts)


def search(world: World) -> list[TuningRun]:
    """Return what `search_rates` trains: the constant rate at every ratio, and other rates of the LLM."""
    found = [run_of(world, task, "constant", ratio, seed) for task in TASKS for seed in world.seeds for ratio in RATIOS]
    other = {"knob": "rate", "value": "0.01"}
    return found + [run_of(world, task, "constant", 1.0, 0, **other) for task in TASKS]


def ablations(world: World) -> list[TuningRun]:
    """Return what `ablate` trains: other optimisers, LoRA, strong rewards, and another smoothing."""
    found = []
    for task in TASKS:
        for seed in world.seeds:
            for knob, value in REGIMES.values():
                lora = {"adaptation": "lora", "start_sha256": f"lora {seed}"} if value == "lora" else {}
                for method, ratio in (("constant", 0.1), ("clr", 0.1), ("placebo", 0.1), ("constant", 0.3)):
                    found.append(run_of(world, task, method, ratio, seed, knob=knob, value=value, **lora))
            for value in STRONG:
                found.append(run_of(world, task, "commit", 1.0, seed, knob=REWARD_KNOB, value=value))
            found.append(run_of(world, task, "clr", 1.0, seed, knob="smoothing", value="0.5"))
    return found


def language(world: World) -> list[TuningRun]:
    """Return what `tune_language_model` trains."""
    methods, more = ("constant", "clr", "commit"), {"adaptation": "lora"}
    return [run_of(world, task, one, 0.1, seed, **more) for task in TASKS for one in methods for seed in (0, 1, 2)]


def evidence(
    world: World | None = None, chosen: Mapping[str, Any] | None = None, regime: Mapping[str, Any] | None = None
) -> Evidence:
    """Return all trainings of the small model."""
    own = World() if world is None else world
    searched = {task: {**CHOSEN, **(chosen or {})} for task in TASKS}
    regimes = {task: {value: {**REGIME, **(regime or {})} for _, value in REGIMES.values()} for task in TASKS}
    return Evidence.of([*main_study(own), *ablations(own), *search(own)], searched, regimes)


SPEED = {
    "task": "cifar10",
    "copied_share": 1.0,
    "rows": [
        *(
            {"what": "estimate", "every": every, "words": f"an estimate after each {every}-th update", "timed": 4}
            | {"share": 0.9 / every, "low": 0.8 / every, "high": 1.1 / every}
            for every in (1, 4, 16)
        ),
        {"what": "reward", "every": 1, "words": "the reward at every update", "timed": 4}
        | {"share": 0.6, "low": 0.5, "high": 0.7},
    ],
}


def write_trace(path: Path, run: TuningRun) -> None:
    """Write a trace whose loss falls and whose balance settles."""
    generator = np.random.default_rng([run.seed, len(run.method)])
    rows, ema = [], 0.0
    for update in range(1, run.updates + 1):
        due = update % 4 == 0 and run.estimates > 0
        log_kappa = (run.log_kappa_mean or 0.0) + 0.3 * generator.normal() if due else None
        ema = ema if log_kappa is None else 0.8 * ema + 0.2 * log_kappa
        rows.append(
            {
                **{"update": update, "loss": 0.5 + 2 * run.auc * np.exp(-update / 15) + 0.05 * generator.normal()},
                **{"log_kappa": log_kappa, "ema": ema, "K_X": 1e-3 if due else None, "K_S": 1e-4 if due else None},
                **{"lr_X": run.rate_X * np.exp(-0.5 * ema), "lr_S": run.rate_S * np.exp(0.5 * ema)},
                **{"factor_X": 1.0, "factor_S": 1.0, "undefined": False if due else None},
                **{"g_X": 2 * np.exp(-update / 30) + 0.1, "g_S": np.exp(-update / 30) + 0.1 * generator.random()},
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_inputs(root: Path, world: World | None = None) -> dict[str, Any]:
    """Write what the steps before `evaluate` write, and return its inputs."""
    own = World() if world is None else world
    found: dict[str, list[Path]] = {"searched": [], "tuned": [], "ablated": []}
    made = {"searched": search(own), "tuned": list(main_study(own)), "ablated": ablations(own)}
    for modality, task in JUDGED.items():
        for name, runs in made.items():
            folder = root / f"{name}-{modality}"
            folder.mkdir(parents=True)
            write_runs(folder, [run for run in runs if run.task == task])
            found[name].append(folder)
        write_json(root / f"searched-{modality}" / "chosen.json", {task: CHOSEN})
        regimes = {value: REGIME for _, value in REGIMES.values()}
        write_json(root / f"ablated-{modality}" / "chosen.json", {task: regimes})
        for run in made["tuned"]:
            if run.task == task and run.seed < 3:
                write_trace(root / f"tuned-{modality}" / run.trace, run)
    for name in ("language", "timings"):
        (root / name).mkdir()
    write_runs(root / "language", language(own))
    write_json(root / "timings" / "speed.json", SPEED)
    return {**found, "language": root / "language", "timings": root / "timings"}
