"""Trainings by seed, and what pairs of them differ by: mean over seeds, Student's interval at 95 %.

Two methods of one seed start from the same weights and see the same batches, so that differences are within seeds.

Legend:  ℓ the average of log κ · ratio η0_S / η0_X, the encoder's rate over the LLM's
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from steps.commit_tuning.runs import TuningRun
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import difference_of, mean_of, unavailable

LEAST_SEEDS = 3  # below which nothing is averaged
CLOSE = 1e-6  # ratios that differ by less are one
ALIKE = 1e-3  # relative: mean losses of one training that two steps made, perhaps on other processors
UNITS = {
    "auc": "nats per token",
    "log_auc": "log of nats per token",
    "loss_last": "nats per token",
    "held_out_loss": "nats per token",
    "accuracy": "share",
    "accuracy_names": "share",
    "log_kappa_last": "mean |log κ|",
    "log_kappa_mean": "mean log κ",
    "ema_last": "mean |ℓ|",
    "clipped_share": "share",
    "reward_share": "share",
    "rate_S": "rate",
}
WORDS = {
    "auc": "mean training loss per update",
    "log_auc": "mean log of the training loss",
    "loss_last": "training loss of the last tenth",
    "held_out_loss": "loss on test questions",
    "accuracy": "right answers",
    "accuracy_names": "right names",
    "log_kappa_last": "mean |log κ| of the last ten estimates",
    "log_kappa_mean": "mean log κ",
    "ema_last": "mean |ℓ| at the last ten estimates",
    "clipped_share": "share of updates at which |ℓ| is at the clip",
    "reward_share": "share of the reward in the loss's gradient norm",
    "rate_S": "mean rate of the encoder",
}
BySeed = Mapping[int, TuningRun]
Kind = tuple[str, str, str | None, str | None, str]


class TooFewSeeds(ValueError):
    """Fewer seeds than an average is made of: train more."""


class TwoRuns(ValueError):
    """Two different trainings claim one place."""


@dataclass(frozen=True)
class Cell:
    """What all trainings that are compared have in common but for their seed; ``knob`` is None in the main study."""

    task: str
    method: str
    ratio: float = 1.0
    knob: str | None = None
    value: str | None = None
    equal: str = "updates"

    @property
    def kind(self) -> Kind:
        """All but the ratio."""
        return (self.task, self.method, self.knob, self.value, self.equal)

    @property
    def words(self) -> str:
        """The cell in words, without its task."""
        said = f"{self.method.replace('_', ' ')} at ratio {self.ratio:g}"
        said += "" if self.knob is None else f", {self.knob.replace('_', ' ')} {self.value}"
        return said if self.equal == "updates" else f"{said}, equal {self.equal.replace('_', ' ')}"


def close(one: float, other: float) -> bool:
    """Say whether two ratios are one."""
    return math.isclose(one, other, rel_tol=CLOSE)


@dataclass(frozen=True)
class Evidence:
    """All trainings, and by task what a search of rates chose, ``regimes`` by optimiser or adaptation.

    Raises TwoRuns if two of one place differ.
    """

    runs: tuple[TuningRun, ...]
    chosen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    regimes: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        runs: Iterable[TuningRun],
        chosen: Mapping[str, Mapping[str, Any]] | None = None,
        regimes: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    ) -> Evidence:
        """Return the trainings, each once: what two steps trained alike counts as one. Raises TwoRuns."""
        found: dict[tuple[Any, ...], TuningRun] = {}
        for run in runs:
            known = found.setdefault(_place(run), run)
            if (known.start_sha256, known.order_sha256) != (run.start_sha256, run.order_sha256):
                raise TwoRuns(f"{_place(run)}: two trainings that start apart; a step's output is from other parts")
            if known.updates != run.updates or not math.isclose(known.auc, run.auc, rel_tol=ALIKE):
                raise TwoRuns(f"{_place(run)}: two trainings that go apart; a step's output is from other parameters")
        return cls(tuple(found.values()), dict(chosen or {}), dict(regimes or {}))

    def by_seed(self, cell: Cell) -> dict[int, TuningRun]:
        """Return the trainings of a cell by seed; those of the tuned constant at any ratio if none is at the cell's."""
        own = self._by_kind.get(cell.kind, [])
        found = [run for run in own if close(run.ratio, cell.ratio)]
        return {run.seed: run for run in found or (own if cell.method == "tuned_constant" else [])}

    @cached_property
    def _by_kind(self) -> dict[Kind, list[TuningRun]]:
        found: dict[Kind, list[TuningRun]] = {}
        for run in sorted(self.runs, key=lambda run: run.seed):
            found.setdefault((run.task, run.method, run.knob, run.value, run.equal), []).append(run)
        return found

    def ratios(self, task: str, method: str = "constant") -> list[float]:
        """Return the ratios at which a method was trained in the main study or in the search of ratios, in order."""
        return self.ratios_of(Cell(task, method))

    def ratios_of(self, cell: Cell) -> list[float]:
        """Return the ratios at which there are trainings that are like a cell's but for the ratio, in order."""
        return sorted({run.ratio for run in self._by_kind.get(cell.kind, [])})

    def by_task(self, task: str) -> list[TuningRun]:
        """Return all trainings of a task."""
        return [run for run in self.runs if run.task == task]

    def tasks(self) -> list[str]:
        """Return the tasks, as they come."""
        return list(dict.fromkeys(run.task for run in self.runs))


def _place(run: TuningRun) -> tuple[Any, ...]:
    return (run.task, run.method, run.ratio, run.knob, run.value, run.optimiser, run.adaptation, run.equal, run.seed)


def values(runs: BySeed, name: str) -> dict[int, float]:
    """Return a field's values by seed, of those that have one."""
    return {seed: float(value) for seed, one in runs.items() if (value := getattr(one, name)) is not None}


def aggregate(found: Sequence[float], what: str) -> tuple[float, ...]:
    """Return values to be averaged over seeds. Raises TooFewSeeds if there are fewer than three."""
    if not found:
        raise TooFewSeeds(f"this profile has no such training: {what}")
    if len(found) < LEAST_SEEDS:
        raise TooFewSeeds(f"{what}: {len(found)} seeds where an average takes {LEAST_SEEDS} or more; train more seeds")
    return tuple(found)


def averaged(make: Callable[[], Measurement]) -> Measurement:
    """Return what ``make`` measures; unavailable where there are too few seeds for it."""
    try:
        return make()
    except TooFewSeeds as error:
        return unavailable(str(error))


def mean(evidence: Evidence, cell: Cell, name: str) -> Measurement:
    """Return the mean of a field over the seeds of a cell."""
    detail = f"{WORDS[name]}, {cell.task}: {cell.words}"

    def make() -> Measurement:
        found = aggregate(list(values(evidence.by_seed(cell), name).values()), detail)
        return mean_of(found, UNITS[name], detail, seeds=len(found))

    return averaged(make)


def difference(evidence: Evidence, first: Cell, second: Cell, name: str) -> Measurement:
    """Return the mean over common seeds of a field of ``first`` less that of ``second``, paired by seed."""
    one, other = (values(evidence.by_seed(cell), name) for cell in (first, second))
    return paired(one, other, UNITS[name], f"{WORDS[name]}, {first.task}: {first.words}, less {second.words}")


def paired(one: Mapping[int, float], other: Mapping[int, float], unit: str, detail: str) -> Measurement:
    """Return the mean of differences over the seeds that both have."""

    def make() -> Measurement:
        seeds = sorted(set(one) & set(other))
        firsts = aggregate([one[seed] for seed in seeds], detail)
        return difference_of(firsts, [other[seed] for seed in seeds], unit, detail)

    return averaged(make)


def above_blind(evidence: Evidence, cell: Cell) -> Measurement:
    """Return by how much right names exceed those of a guess that knows the answers' frequencies alone."""
    runs = evidence.by_seed(cell)
    blind = values(runs, "blind_accuracy_names")
    detail = f"right names less the commonest one's share, {cell.task}: {cell.words}"
    return paired(values(runs, "accuracy_names"), blind, "share", detail)


def below_blind(evidence: Evidence, cell: Cell) -> Measurement:
    """Return by how much the loss on test questions is below that of a guess by the answers' frequencies."""
    runs = evidence.by_seed(cell)
    detail = f"loss of the questions alone less that on test questions, {cell.task}: {cell.words}"
    return paired(values(runs, "blind_loss"), values(runs, "held_out_loss"), UNITS["held_out_loss"], detail)
