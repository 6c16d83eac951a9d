"""The published tables, each with its caption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from steps.commit_tuning.estimates import LEAST_SEEDS, Cell, Evidence, difference, values
from steps.commit_tuning.runs import METHODS, TuningRun
from steps.step.publish import CaptionedTable
from tenfold.metrics.intervals import student
from tenfold.metrics.measurement import Measurement

INTERVALS = f"Low and high: Student's at 95 % over seeds, from {LEAST_SEEDS} of them on."
COMPARED = ("auc", "log_auc", "loss_last", "held_out_loss", "accuracy_names")
SHOWN = (
    *(
        "auc",
        "log_auc",
        "loss_last",
        "held_out_loss",
        "accuracy",
        "accuracy_names",
        "blind_accuracy_names",
        "blind_loss",
    ),
    *("log_kappa_last", "log_kappa_mean", "ema_last", "clipped_share", "reward_share", "rate_X", "rate_S"),
)
RATE_KNOB = "rate"  # of the search of rates
COUNTED = ("updates", "parameter_updates_X", "parameter_updates_S")
CODES = {  # of ablations by their knob; a knob that is none of these stands under its own name
    "weight": "A2",
    "cap": "A2",
    "smoothing": "A3",
    "estimate": "A4",
    "form": "A5",
    "strength": "A5",
    "clip": "A5",
    "projector_group": "A7",
    "optimiser": "A8",
    "adaptation": "A9",
}


def methods(evidence: Evidence) -> CaptionedTable:
    """Return what each method came to in the main study, a row per task, ratio and amount of training."""
    rows = []
    for cell in cells(evidence):
        runs = evidence.by_seed(cell)
        reached = [run.updates_to for run in runs.values() if run.updates_to is not None]
        low, high = _ends(list(values(runs, "auc").values()))
        rows.append(
            {
                **_of_cell(cell),
                "seeds": len(runs),
                **{name: max(getattr(one, name) for one in runs.values()) for name in COUNTED},
                **{name: _mean(values(runs, name)) for name in SHOWN},
                "auc_over_blind": _mean(over_blind(runs)),
                "auc_low": low,
                "auc_high": high,
                "seeds_below_fixed_loss": len(reached),
                "median_updates_to_fixed_loss": float(np.median(reached)) if len(reached) == len(runs) else None,
                "undefined_share": _share(runs),
            }
        )
    return _frame(rows, ["task", "ratio", "method", "equal", "seeds"]), (
        "Means over seeds by method. Ratio: η0_S / η0_X, the encoder's rate over the LLM's; equal: what a training has "
        "as much of as the constant one, updates or updates of each component. auc: mean training loss per update "
        "(nats per token), auc_over_blind: less the loss that the questions alone give; "
        "log_kappa_last and ema_last: mean |log κ| and |ℓ| at the last ten defined estimates; "
        "blind_accuracy_names: the commonest name's share. The tuned constant's search is charged in the table "
        f"`search`. {INTERVALS}"
    )


def over_blind(runs: Mapping[int, TuningRun]) -> dict[int, float]:
    """Return the mean training loss beyond what the questions alone give, by seed; less than 0 is better than blind."""
    return {seed: run.auc - run.blind_loss for seed, run in runs.items() if run.blind_loss is not None}


def differences(evidence: Evidence) -> CaptionedTable:
    """Return what each method differs by from the constant rate at the same ratio, paired by seed."""
    rows = []
    compared = [cell for cell in cells(evidence) if cell.method not in ("constant", "tuned_constant")]
    places = [(task, ratio) for task in evidence.tasks() for ratio in evidence.ratios(task)]
    for cell in [*compared, *(Cell(task, "tuned_constant", ratio) for task, ratio in places)]:
        reference = Cell(cell.task, "constant", cell.ratio)
        for name in COMPARED:
            found = difference(evidence, cell, reference, name)
            if found.unavailable is None:
                rows.append({**_of_cell(cell), "measure": name, **_measured(found)})
    return _frame(rows, ["task", "ratio", "method", "equal", "measure", "difference", "low", "high", "seeds"]), (
        f"Each method less the constant rate at the same ratio, paired by seed: below 0 is better but for names. "
        f"{INTERVALS}"
    )


def headroom(evidence: Evidence) -> CaptionedTable:
    """Return by how much a tuned pair of constant rates is better than the constant one, by ratio."""
    rows = []
    for task in evidence.tasks():
        for ratio in evidence.ratios(task):
            constant, tuned = (Cell(task, method, ratio) for method in ("constant", "tuned_constant"))
            runs = evidence.by_seed(constant)
            row = {name: _mean(values(runs, name)) for name in ("auc", "log_kappa_mean", "log_kappa_last", "ema_last")}
            tuned_auc = _mean(values(evidence.by_seed(tuned), "auc"))
            found = _measured(difference(evidence, constant, tuned, "auc"))
            rows.append({"task": task, "ratio": ratio, **row, "tuned_auc": tuned_auc, **found})
    table = _frame(rows, ["task", "ratio", "auc", "tuned_auc", "difference", "low", "high", "seeds"])
    return table.rename(columns={"difference": "headroom"}), (
        "Headroom: the mean training loss per update of the constant pair of rates less that of the tuned one (nats "
        f"per token), paired by seed; where it holds 0, no scheduler has anything to gain there. {INTERVALS}"
    )


def ablations(evidence: Evidence) -> CaptionedTable:
    """Return what each ablation differs by from the same method of the main study, paired by seed."""
    rows = []
    knobs = [run for run in evidence.runs if run.knob not in (None, RATE_KNOB)]
    found = {(str(run.knob), str(run.value), run.task, run.method, run.ratio) for run in knobs}
    for knob, value, task, method, ratio in sorted(found, key=_ablation_place):
        cell = Cell(task, method, ratio, knob, value)
        runs, reference = evidence.by_seed(cell), Cell(task, method, ratio)
        if not runs:
            continue
        row: dict[str, Any] = {"code": CODES.get(knob, ""), "knob": knob, "value": value, **_of_cell(cell)}
        row |= {"seeds": len(runs)}
        row |= {name: _mean(values(runs, name)) for name in SHOWN}
        row |= {"ema_last_sd": _spread(values(runs, "ema_last")), "undefined_share": _share(runs)}
        for name in ("auc", "held_out_loss"):
            of = _measured(difference(evidence, cell, reference, name))
            row |= {f"{name}_{key}": of.get(key) for key in ("difference", "low", "high")}
        rows.append(row)
    return _frame(rows, ["code", "knob", "value", "task", "method", "ratio", "seeds"]), (
        "Ablations by knob and value: means over seeds, and what each differs by from the same method of the main "
        f"study at the same ratio, paired by seed. ema_last_sd: standard deviation of |ℓ| over seeds. {INTERVALS}"
    )


def search(evidence: Evidence) -> CaptionedTable:
    """Return the validation losses that rates were chosen by, and those by which schedulers would choose theirs."""
    rows = []
    for task, known in evidence.chosen.items():
        grids = [(what, known[f"{what}_chosen"], known[f"validation_loss_by_{what}"]) for what in ("rate", "ratio")]
        grids += [
            (f"rate of {method}", known["rate_by_method"][method], losses)
            for method, losses in known.get("validation_loss_by_rate_and_method", {}).items()
            if method != "constant"
        ]
        for what, chosen, losses in grids:
            known_at_edge = known.get(f"{what}_at_edge")
            at_edge = chosen in (min(map(float, losses)), max(map(float, losses)))
            more = {"at_edge": at_edge if known_at_edge is None else bool(known_at_edge)}
            more |= {"updates_charged": known.get("updates_charged")}
            for value, loss in losses.items():
                row = {"task": task, "searched": what, "value": float(value), "validation_loss": loss}
                rows.append({**row, "chosen": bool(np.isclose(float(value), chosen)), **more})
    return _frame(rows, ["task", "searched", "value", "validation_loss", "chosen", "at_edge", "updates_charged"]), (
        "The search of the tuned constant: validation loss (nats per token) by the LLM's rate at ratio 1, then by "
        "ratio. updates_charged: what this search of a task cost; a scheduler is spared that of ratios alone. Rates of "
        "schedulers: which one they would choose for themselves; they are compared at the constant's."
    )


def speed(content: Mapping[str, Any]) -> CaptionedTable:
    """Return what the estimator and the reward cost."""
    columns = ["what", "every", "share", "low", "high", "timed", "words"]
    return pd.DataFrame(content["rows"], columns=columns), (
        "CPU time that an estimate after each m-th update, or the reward, adds, as a share of an update without: "
        "median over repeats with their least and largest; batch and probe of one size."
    )


def cells(evidence: Evidence) -> list[Cell]:
    """Return the cells of the main study: tasks as they come, then ratios, then methods in their order."""
    found = {(run.task, run.ratio, METHODS.index(run.method), run.equal) for run in evidence.runs if run.knob is None}
    tasks = evidence.tasks()
    order = sorted(found, key=lambda one: (tasks.index(one[0]), one[1:3], one[3] != "updates"))
    return [Cell(task, METHODS[place], ratio, equal=equal) for task, ratio, place, equal in order]


def _of_cell(cell: Cell) -> dict[str, Any]:
    return {"task": cell.task, "ratio": cell.ratio, "method": cell.method, "equal": cell.equal}


def _ablation_place(key: tuple[Any, ...]) -> tuple[Any, ...]:
    knob, value, task, method, ratio = key
    code = CODES.get(knob, "A99")
    try:
        return (int(code[1:]), knob, 0, float(value), "", task, method, ratio)
    except ValueError:
        return (int(code[1:]), knob, 1, 0.0, value, task, method, ratio)


def _measured(found: Measurement) -> dict[str, Any]:
    if found.unavailable is not None:
        return {"difference": None, "low": None, "high": None, "seeds": None}
    low, high = found.interval or (None, None)
    return {"difference": found.value, "low": low, "high": high, "seeds": found.seeds}


def _ends(found: Sequence[float]) -> tuple[float | None, float | None]:
    interval = student(found) if len(found) >= LEAST_SEEDS else None
    return (None, None) if interval is None else interval


def _mean(found: Mapping[int, float]) -> float | None:
    return float(np.mean(list(found.values()))) if found else None


def _spread(found: Mapping[int, float]) -> float | None:
    return float(np.std(list(found.values()), ddof=1)) if len(found) > 1 else None


def _share(runs: Mapping[int, TuningRun]) -> float | None:
    """Return the share of estimates that are undefined; None where nothing was estimated."""
    undefined = sum(run.undefined for run in runs.values())
    total = undefined + sum(run.estimates for run in runs.values())
    return undefined / total if total else None


def _frame(rows: Sequence[Mapping[str, Any]] | Iterator[Mapping[str, Any]], first: Sequence[str]) -> pd.DataFrame:
    """Return rows as a table with these columns first; with these alone where there is no row."""
    found = pd.DataFrame(list(rows))
    return (
        found[[*first, *[name for name in found if name not in first]]] if len(found) else pd.DataFrame(columns=first)
    )
