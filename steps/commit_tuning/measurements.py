"""Measurements of the claims and facts, by name, from the rows of all trainings.

Names end in the modality, and in the ratio η0_S / η0_X where it matters: ``…_images_at_0_1``. A modality is judged by
its first task; the others stand in the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from steps.commit_tuning.diagnosis import (
    balance_signs,
    direction,
    direction_beyond_raising,
    felt,
    less_equal_rates,
    validity,
    worst_headroom,
)
from steps.commit_tuning.estimates import (
    Cell,
    Evidence,
    above_blind,
    below_blind,
    close,
    difference,
    mean,
    paired,
    values,
)
from steps.commit_tuning.runs import TuningRun
from tenfold.commit_tuning.schedulers import CLIP
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import measured, unavailable

MODALITIES = {"images": ("cifar10", "fashion_mnist"), "audio": ("fsdd", "fsdd_speakers", "esc10")}
JUDGED = {modality: tasks[0] for modality, tasks in MODALITIES.items()}
PAPERS, SLOW, SLOWER, RAISED, FAST = (
    1.0,
    0.3,
    0.1,
    3.0,
    10.0,
)  # ratios: one rate for both as in the paper, and set badly
REWARD_KNOB, STRONG = "weight", ("100", "10000")  # A2: λ
OPTIMISER_KNOB, ADAPTATION_KNOB = "optimiser", "adaptation"  # A8, A9
REGIMES = {  # C6, by the end of a measurement's name
    "sgd": (OPTIMISER_KNOB, "sgd"),
    "adafactor": (OPTIMISER_KNOB, "adafactor"),
    "lora": (ADAPTATION_KNOB, "lora"),
}
AGAINST = ("constant", "tuned_constant", "feature_cd", "language_cd", "half_rate", "placebo", "clr")
OF_ANSWERS = {"names": "accuracy_names", "held_out_loss": "held_out_loss"}
BLOCKS = ("feature_cd", "language_cd")
COORDINATED = ("commit",)  # whose own rates must have been searched before it is judged by its loss
BETTER = 0.01  # nats per token; two rates whose losses are closer are as good
LANGUAGE = ("constant", "clr", "commit")


def tuning_measurements(evidence: Evidence) -> dict[str, Measurement]:
    """Return all that trainings of the small model measure, by name."""
    found: dict[str, Measurement] = {}
    for modality, task in JUDGED.items():
        found |= _of_modality(evidence, modality, task)
        for ratio in (PAPERS, SLOW, SLOWER):
            end = f"{modality}_at_{named(ratio)}"
            found |= {f"{name}_{end}": one for name, one in _at_ratio(evidence, task, ratio)}
        for end, regime in REGIMES.items():
            found |= {f"{name}_{modality}_{end}": one for name, one in _in_regime(evidence, task, *regime)}
        for weight in STRONG:
            found |= {f"{name}_{modality}_weight_{weight}": one for name, one in _rewarded(evidence, task, weight)}
        found |= {f"{name}_{modality}_at_10": one for name, one in _fast(evidence, task)}
    return found


def named(ratio: float) -> str:
    """Return a ratio as it stands in a measurement's name."""
    return f"{ratio:g}".replace(".", "_")


def _of_modality(evidence: Evidence, modality: str, task: str) -> dict[str, Measurement]:
    own = [run for run in evidence.runs if (run.task, run.knob, run.adaptation) == (task, None, "full")]
    constant = {ratio: Cell(task, "constant", ratio) for ratio in (PAPERS, SLOWER)}
    return {
        f"validity_{modality}": validity(evidence, task),
        f"direction_{modality}": direction(evidence, task),
        f"balance_signs_{modality}": balance_signs(evidence, task),
        f"direction_beyond_raising_{modality}": direction_beyond_raising(evidence, task),
        f"headroom_worst_{modality}": worst_headroom(evidence, task),
        f"loss_below_blind_{modality}": below_blind(evidence, constant[PAPERS]),
        f"clipped_share_{modality}": mean(evidence, Cell(task, "clr", SLOWER), "clipped_share"),
        f"method_rates_elsewhere_{modality}": _elsewhere(evidence, task),
        f"log_kappa_slow_minus_equal_{modality}": difference(
            evidence, constant[SLOWER], constant[PAPERS], "log_kappa_mean"
        ),
        f"names_above_blind_{modality}": above_blind(evidence, constant[PAPERS]),
        f"rates_at_an_edge_{modality}": _edges(evidence, task),
        f"choices_not_by_validation_{modality}": _choices(evidence, task),
        f"starts_apart_{modality}": _starts(own, task),
        f"updates_apart_{modality}": _apart([run for run in own if run.equal == "updates"], task, ("updates",)),
        f"parameter_updates_apart_{modality}": _component_updates(own, task),
        f"average_beyond_clip_{modality}": _beyond_clip(evidence, task),
    }


def _at_ratio(evidence: Evidence, task: str, ratio: float) -> Iterator[tuple[str, Measurement]]:
    """Return what is measured at one ratio of rates, by the beginning of its name."""
    commit, clr, constant = (Cell(task, method, ratio) for method in ("commit", "clr", "constant"))
    yield "headroom", difference(evidence, constant, Cell(task, "tuned_constant", ratio), "auc")
    for other in AGAINST:
        yield f"auc_commit_minus_{other}", difference(evidence, commit, Cell(task, other, ratio), "auc")
    yield "auc_clr_minus_constant", difference(evidence, clr, constant, "auc")
    for name, field in OF_ANSWERS.items():
        for other in AGAINST:
            yield f"{name}_commit_minus_{other}", difference(evidence, commit, Cell(task, other, ratio), field)
        for other in BLOCKS:
            longer = Cell(task, other, ratio, equal="parameter_updates")
            yield f"{name}_commit_minus_{other}_equal_parameters", difference(evidence, commit, longer, field)
    yield "imbalance_constant", mean(evidence, constant, "log_kappa_last")
    yield "imbalance_clr_minus_constant", difference(evidence, clr, constant, "log_kappa_last")
    yield "imbalance_clr_minus_placebo", difference(evidence, clr, Cell(task, "placebo", ratio), "log_kappa_last")
    yield "imbalance_clr_minus_equal_rates", less_equal_rates(evidence, clr, "log_kappa_last")
    yield from _reward(evidence, commit, clr)


def _in_regime(evidence: Evidence, task: str, knob: str, value: str) -> Iterator[tuple[str, Measurement]]:
    """Return the sign of C2 under another optimiser or adaptation, and whether that learned anything."""
    clr, constant = (Cell(task, method, SLOWER, knob, value) for method in ("clr", "constant"))
    yield "imbalance_clr_minus_constant", difference(evidence, clr, constant, "log_kappa_last")
    yield "imbalance_clr_minus_placebo", difference(evidence, clr, replace(clr, method="placebo"), "log_kappa_last")
    yield "imbalance_clr_minus_equal_rates", less_equal_rates(evidence, clr, "log_kappa_last")
    yield "imbalance_constant", mean(evidence, constant, "log_kappa_last")
    yield "names_above_blind", above_blind(evidence, constant)
    yield "loss_below_blind", below_blind(evidence, constant)
    yield "rates_at_an_edge", _edge(evidence.regimes.get(task, {}).get(value), f"{task}, {value}")


def _rewarded(evidence: Evidence, task: str, weight: str) -> Iterator[tuple[str, Measurement]]:
    """Return what a reward that is not inactive adds to the scheduler."""
    commit, clr = Cell(task, "commit", PAPERS, REWARD_KNOB, weight), Cell(task, "clr", PAPERS)
    yield "auc_commit_minus_clr", difference(evidence, commit, clr, "auc")
    yield "names_commit_minus_clr", difference(evidence, commit, clr, "accuracy_names")
    yield from _reward(evidence, commit, clr)


def _reward(evidence: Evidence, commit: Cell, clr: Cell) -> Iterator[tuple[str, Measurement]]:
    """Return the reward's share of the gradient norm, and whether it is felt at all."""
    share = mean(evidence, commit, "reward_share")
    yield "reward_share", share
    detail = f"rewards that are a hundredth of the gradient norm or change the loss, {commit.task}: {commit.words}"
    yield "reward_felt", felt(share, difference(evidence, commit, clr, "auc"), detail)


def _fast(evidence: Evidence, task: str) -> Iterator[tuple[str, Measurement]]:
    """Return what happens where the encoder's rate is ten times the LLM's."""
    constant, clr = (Cell(task, method, FAST) for method in ("constant", "clr"))
    yield "log_kappa_constant", mean(evidence, constant, "log_kappa_mean")
    lower = Cell(task, "constant", RAISED)
    yield "log_kappa_less_that_at_3", difference(evidence, constant, lower, "log_kappa_mean")
    yield "held_out_loss_clr_minus_constant", difference(evidence, clr, constant, "held_out_loss")
    rates = [values(evidence.by_seed(cell), "rate_S") for cell in (clr, constant)]
    relative = {seed: rate / rates[1][seed] for seed, rate in rates[0].items() if rates[1].get(seed)}
    detail = f"mean rate of the encoder over the constant one, less 1, {task}: {clr.words}"
    yield "encoder_rate_raised", paired(relative, dict.fromkeys(relative, 1.0), "share", detail)


def _edges(evidence: Evidence, task: str) -> Measurement:
    return _edge(evidence.chosen.get(task), task)


def _edge(known: Mapping[str, Any] | None, what: str) -> Measurement:
    detail = f"searches of the rates of {what} whose winner is at the grid's edge"
    if known is None:
        return unavailable(f"no search of rates: {detail}")
    return measured(float(bool(known["at_edge"])), "searches", f"{detail}, of one")


def _choices(evidence: Evidence, task: str) -> Measurement:
    """Return of the rate and the ratio that were chosen, how many are others than validation says."""
    known = evidence.chosen.get(task)
    detail = f"rate and ratio of {task} that were chosen and have not the least validation loss"
    if known is None:
        return unavailable(f"no search of rates: {detail}")
    wrong = 0
    for what in ("rate", "ratio"):
        losses = {float(one): loss for one, loss in known[f"validation_loss_by_{what}"].items() if loss is not None}
        own = next((loss for one, loss in losses.items() if close(one, known[f"{what}_chosen"])), None)
        wrong += own is None or own > min(losses.values())
    return measured(float(wrong), "choices", f"{detail}, of two")


def _elsewhere(evidence: Evidence, task: str) -> Measurement:
    """Return how many schedulers would have done better at another rate of the grid than they were trained with."""
    known = evidence.chosen.get(task, {})
    found = known.get("validation_loss_by_rate_and_method", {})
    detail = f"methods whose validation loss at another rate is lower by {BETTER:g} and more, {task}: {COORDINATED[0]}"
    if missing := [method for method in COORDINATED if method not in found]:
        return unavailable(f"the rates of {', '.join(missing)} were not searched: {detail}")
    wrong = 0
    for method in COORDINATED:
        losses = {float(rate): loss for rate, loss in found[method].items() if loss is not None}
        own = next((loss for rate, loss in losses.items() if close(rate, known["rate_chosen"])), None)
        wrong += own is None or own - min(losses.values()) >= BETTER
    return measured(float(wrong), "methods", detail)


def _starts(runs: Iterable[TuningRun], task: str) -> Measurement:
    """Return of how many seeds the methods started from other weights or saw other batches at first."""
    marks: dict[int, set[tuple[str, str]]] = {}
    for run in runs:
        marks.setdefault(run.seed, set()).add((run.start_sha256, run.order_sha256))
    if not marks:
        return unavailable(f"this profile has no training of {task}")
    detail = f"seeds of {task} whose methods start from other weights or see other first ten batches"
    return measured(sum(len(own) > 1 for own in marks.values()), "seeds", detail, n=len(marks))


def _apart(runs: Iterable[TuningRun], task: str, names: tuple[str, ...]) -> Measurement:
    """Return by how many updates the trainings of one task differ, at most."""
    own = list(runs)
    if not own:
        return unavailable(f"this profile has no training of {task}")
    counts = {name: [getattr(one, name) for one in own] for name in names}
    spread = max(max(found) - min(found) for found in counts.values())
    return measured(spread, "updates", f"most less least, of all methods of {task} at equal updates", n=len(own))


def _component_updates(runs: Iterable[TuningRun], task: str) -> Measurement:
    """Return by how many updates of a component the longer coordinate descent differs from the constant rates."""
    own = [run for run in runs if run.equal == "parameter_updates" or run.method == "constant"]
    if not any(run.equal == "parameter_updates" for run in own):
        return unavailable(f"this profile has no training of {task} at equal parameter updates")
    return _apart(own, task, ("parameter_updates_X", "parameter_updates_S"))


def _beyond_clip(evidence: Evidence, task: str) -> Measurement:
    """Return by how much |ℓ| exceeds the scheduler's clip, where the encoder's rate is a tenth."""
    found = values(evidence.by_seed(Cell(task, "clr", SLOWER)), "ema_last")
    detail = f"mean |ℓ| at the last ten estimates less the clip c = {CLIP:g}, {task}: clr at ratio {SLOWER:g}"
    return paired(found, dict.fromkeys(found, CLIP), "mean |ℓ|", detail)


def language_measurements(evidence: Evidence) -> dict[str, Measurement]:
    """Return what trainings of the pretrained decoder measure, by name; its rates were not searched."""
    found: dict[str, Measurement] = {}
    for modality, task in JUDGED.items():
        ratios = evidence.ratios(task) or [PAPERS]
        constant, clr, commit = (Cell(task, method, ratios[0]) for method in LANGUAGE)
        own = {
            "imbalance_constant": mean(evidence, constant, "log_kappa_last"),
            "imbalance_clr_minus_constant": difference(evidence, clr, constant, "log_kappa_last"),
            "auc_commit_minus_constant": difference(evidence, commit, constant, "auc"),
            "names_commit_minus_constant": difference(evidence, commit, constant, "accuracy_names"),
            "names_above_blind": above_blind(evidence, constant),
            "headroom": difference(evidence, constant, Cell(task, "tuned_constant", ratios[0]), "auc"),
            "rates_at_an_edge": _edges(evidence, task),
            "starts_apart": _starts(evidence.by_task(task), task),
        }
        found |= {f"language_{name}_{modality}": one for name, one in own.items()}
    return found


def speed_measurements(speed: Mapping[str, object]) -> dict[str, Measurement]:
    """Return what the estimator and the reward cost, as shares of an update without them."""
    found: dict[str, Measurement] = {}
    for row in speed["rows"]:  # type: ignore[attr-defined]
        end = "reward" if row["what"] == "reward" else f"m{row['every']}"
        detail = f"CPU time of {row['words']}, over that of an update without it, {speed['task']}"
        found[f"overhead_{end}"] = measured(row["share"], "share", detail, n=row["timed"])
    detail = f"CPU time of an estimate after each fourth update and of the reward, over an update's, {speed['task']}"
    parts = [found[name].number for name in ("overhead_m4", "overhead_reward") if name in found]
    found["overhead_as_trained"] = (
        measured(sum(parts), "share", detail) if len(parts) == 2 else unavailable(f"not timed: {detail}")
    )
    copies = f"bytes of the copies that an estimate needs over the bytes of the trained tensors, {speed['task']}"
    found["copied_share"] = measured(float(speed["copied_share"]), "share", copies)  # type: ignore[arg-type]
    return found
