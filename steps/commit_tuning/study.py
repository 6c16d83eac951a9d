"""Trainings of one task: each arm from each seed once, kept as it ends, with what other steps have trained already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from shutil import copyfile, rmtree
from typing import Any

from steps.commit_tuning.arms import AFTER_OTHERS, Arm, TuningParams
from steps.commit_tuning.jobs import child_run, side_by_side
from steps.commit_tuning.runs import TuningRun, read_runs, run_of
from steps.commit_tuning.scores import of_trace
from steps.commit_tuning.tasks import FACTS, Task
from steps.commit_tuning.training import Rates, TaskData, Training
from steps.step.json_files import read_json, write_json
from steps.step.run import Diverged, Run
from tenfold.commit_tuning.model import SmallModel
from tenfold.commit_tuning.trace import TraceWriter, balances_before, factors_of, read_trace

ROW, TRACE_FILE, MODEL = "row.json", "trace.jsonl", "model"
SETTINGS = "tuning.json"
POINTS = 25  # of a curve that is logged
Known = dict[tuple[str, int], tuple[TuningRun, Path]]


class MissingSeed(ValueError):
    """A training needs that of another seed, and there is none."""


class OtherSettings(ValueError):
    """Trainings that a step before this one has done were tuned by other settings."""


class UnequalStarts(ValueError):
    """Trainings of one seed started from other weights or saw other questions first."""


class Study:
    """Trains arms on one task. ``known`` are trainings of the main study that a step before this one has done."""

    def __init__(
        self, run: Run, prepared: Path, pretrained: Path, task: Task, settings: TuningParams, rates: Rates
    ) -> None:
        self.run, self.pretrained, self.task, self.settings, self.rates = run, pretrained, task, settings, rates
        facts = read_json(prepared / FACTS)[task.name]
        self.blind, self.blind_loss = facts["blind_accuracy"]["name"], facts["blind_loss"]
        first = SmallModel.from_pretrained(pretrained / "starts" / f"{task.name}-0")
        self.data = TaskData(prepared, task, first)
        self.known: Known = {}
        self.diverged: set[tuple[str, int]] = set()

    def take(self, folder: Path) -> None:
        """Take in a step's trainings of the main study with their traces. Raises InvalidRuns, OtherSettings."""
        theirs, own = read_json(folder / SETTINGS), self.settings.model_dump(mode="json")
        if differing := sorted(name for name in own if theirs.get(name) != own[name]):
            said = ", ".join(f"{name} = {theirs.get(name)} there and {own[name]} here" for name in differing)
            raise OtherSettings(f"{folder}: {said}; set the same `tuning` for all steps that train")
        for row in read_runs(folder):
            if row.task == self.task.name and row.knob is None and (folder / row.trace).is_file():
                self.known[Arm(row.method, row.ratio, equal=row.equal).name, row.seed] = row, folder / row.trace

    def trained(
        self, arms: Sequence[Arm], seeds: int, *, models: Iterable[str] = (), may_diverge: bool = False
    ) -> list[TuningRun]:
        """Return the rows of each arm from each seed; of ``models``, arms by name, that of seed 0 is kept, too.

        A training that diverges has no row where it may: it is in ``diverged``. Raises UnequalStarts, Diverged;
        MissingSeed for a placebo or half the rate without the training that it is made from.
        """
        kept = set(models)
        pairs = [(arm, seed) for arm in arms for seed in range(seeds)]
        for later in (False, True):  # placebos and mean rates come after what they are made from
            wanted = [
                (arm, seed)
                for arm, seed in pairs
                if (arm.method in AFTER_OTHERS) == later and not self._is_known(arm, seed, kept)
            ]
            jobs: dict[str, Any] = {
                f"{self.task.name}-{arm.name}-{seed}": (self._job, (arm, seed, seeds, arm.name in kept, may_diverge))
                for arm, seed in wanted
            }
            for (arm, seed), folder in zip(wanted, side_by_side(self.run, jobs), strict=True):
                if (found := read_json(folder / ROW)) is None:
                    self.diverged.add((arm.name, seed))
                    continue
                row = run_of(found, str(folder / ROW))
                self.known[arm.name, seed] = row, folder / TRACE_FILE
                if seed == 0:
                    self._log(arm, folder / TRACE_FILE)
        rows = [self.known[arm.name, seed][0] for arm, seed in pairs if (arm.name, seed) not in self.diverged]
        require_equal_starts(rows)
        for arm in arms:
            own = [self.known[arm.name, seed][0] for seed in range(seeds) if (arm.name, seed) in self.known]
            if len(own) < seeds:
                self.run.say(f"{self.task.name} {arm.name}: {seeds - len(own)} of {seeds} trainings diverged")
                continue
            auc, names = (sum(getattr(row, name) for row in own) / len(own) for name in ("auc", "accuracy_names"))
            self.run.say(f"{self.task.name} {arm.name}: loss {auc:.3f} over training, {names:.3f} of the names")
        return rows

    def keep_traces(self, rows: Iterable[TuningRun], out: Path) -> None:
        """Copy the traces of trainings below a step's output."""
        for row in rows:
            arm = Arm(row.method, row.ratio, row.knob, row.value, equal=row.equal)
            (out / row.trace).parent.mkdir(parents=True, exist_ok=True)
            copyfile(self.known[arm.name, row.seed][1], out / row.trace)

    def model_folder(self, arm: Arm) -> Path:
        """Return the folder of the model of seed 0 that was kept."""
        return self.known[arm.name, 0][1].parent / MODEL

    def _is_known(self, arm: Arm, seed: int, kept: set[str]) -> bool:
        """Return whether an arm needs no training, after taking it from the constant one that it is a copy of."""
        twin = replace(arm, method="constant")
        if arm.method == "tuned_constant" and (twin.name, seed) in self.known:
            row, trace = self.known[twin.name, seed]
            self.known[arm.name, seed] = replace(row, method=arm.method), trace
        if seed == 0 and arm.name in kept and (arm.name, 0) in self.known:
            return (self.known[arm.name, 0][1].parent / MODEL).is_dir()
        return (arm.name, seed) in self.known

    def _job(self, what: tuple[Arm, int, int, bool, bool], folder: Path) -> None:
        arm, seed, seeds, keep, may_diverge = what
        training = Training(
            child_run(self.run, folder),
            self.data,
            self.pretrained,
            arm,
            seed,
            self.settings,
            self.rates,
            balances=self._balances(arm, seed, seeds) if arm.method == "placebo" else (),
            factors=self._factors(arm, seed) if arm.method == "half_rate" else (),
        )
        try:
            training.train()
        except Diverged as error:
            if not may_diverge:
                raise
            self.run.say(str(error))
            write_json(folder / ROW, None)
            return
        (folder / TRACE_FILE).unlink(missing_ok=True)  # of a process that was killed as it wrote
        writer = TraceWriter(folder / TRACE_FILE)
        for row in training.trace.rows:
            writer.write(row)
        writer.close()
        if keep:
            rmtree(folder / MODEL, ignore_errors=True)
            training.model.save_pretrained(folder / MODEL)
        write_json(folder / ROW, asdict(self._row(training)))

    def _row(self, training: Training) -> TuningRun:
        arm, test = training.arm, training.test
        return TuningRun(
            task=self.task.name,
            method=arm.method,
            ratio=arm.ratio,
            knob=arm.knob,
            value=arm.value,
            optimiser=arm.optimiser,
            adaptation=arm.adaptation,
            equal=arm.equal,
            seed=training.seed,
            held_out_loss=test.loss,
            accuracy=test.accuracy,
            accuracy_names=test.names,
            blind_accuracy_names=self.blind,
            blind_loss=self.blind_loss,
            reward_share=training.shares.mean,
            start_sha256=training.start_sha256,
            order_sha256=training.order_sha256,
            validation_loss=training.validation.loss,
            **of_trace(training.trace.rows, self.settings.reached[self.task.name]),
        )

    def _balances(self, arm: Arm, seed: int, seeds: int) -> tuple[float, ...]:
        """Return ℓ before each update of the next seed's CLR, else the same; of one seed alone there is none."""
        other = (seed + 1) % seeds
        if other == seed:
            raise MissingSeed("a placebo takes the balances of another seed: train from two seeds or more")
        return balances_before(self._trace(replace(arm, method="clr"), other))

    def _factors(self, arm: Arm, seed: int) -> list[Any]:
        """Return the factors that CoMMIT used from the same seed at the same ratio."""
        return factors_of(self._trace(Arm("commit", arm.ratio), seed))

    def _trace(self, arm: Arm, seed: int) -> list[dict[str, Any]]:
        if (arm.name, seed) not in self.known:
            raise MissingSeed(f"{self.task.name}: {arm.name} is not trained from seed {seed}; add it to the methods")
        return read_trace(self.known[arm.name, seed][1])

    def _log(self, arm: Arm, path: Path) -> None:
        rows = read_trace(path)
        for row in rows[:: max(1, len(rows) // POINTS)]:
            name = f"{self.task.name}/{arm.name}".replace("@", "_at_").replace("=", "_")
            self.run.log({f"{name}/loss": row["loss"], f"{name}/balance": row["ema"]}, update=row["update"])


def require_equal_starts(rows: Iterable[TuningRun]) -> None:
    """Raise UnequalStarts unless all trainings of a task and seed start from the same weights and questions."""
    first: dict[tuple[str, int], TuningRun] = {}
    for row in rows:
        one = first.setdefault((row.task, row.seed), row)
        if (one.start_sha256, one.order_sha256) != (row.start_sha256, row.order_sha256):
            raise UnequalStarts(
                f"{row.task}, seed {row.seed}: {row.method} and {one.method} start from other weights or see other "
                "questions; run the steps again from pretrain on"
            )
