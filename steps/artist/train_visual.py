"""Train visual modules: ARTIST on its frozen text module, a visual module alone, and the controls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps.artist.arm_setup import ARTIST, CONTROLS, VISUAL_ONLY, save_arm
from steps.artist.canvas_sets import Stage
from steps.artist.settings import TimesParams
from steps.artist.trainee import OptimiserParams
from steps.step.params import Count, Params, Positive
from steps.step.run import Run

if TYPE_CHECKING:
    from steps.artist.visual_training import ArmTraining, VisualData

MODELS, ROWS = "models", "rows.jsonl"


class StageParams(Params):
    """How many updates and seeds the arms have on the canvases of a stage."""

    updates: Count
    seeds: Count


class TrainVisualParams(Params):
    """Stages and their lengths, sizes of the visual set, grids of rates, and the controls with their seeds.

    ``images`` is the size of the visual set in all that is compared; ``sizes`` are others, for ARTIST and the visual
    module alone in the first stage, of ``size_seeds`` seeds. ``rates`` are searched in the first stage, from the first
    seed, by validation loss, at each length at which an arm is taken; of one rate nothing is searched. A control
    without rates of its own trains at ARTIST's rate in the middle of its grid.
    """

    stages: dict[Stage, StageParams]
    images: Count
    sizes: list[Count]
    size_seeds: Count
    optimiser: OptimiserParams
    times: TimesParams
    rates: dict[str, list[Positive]]
    controls: dict[str, Count]


def train_visual(prepared: Path, text: Path, *, out: Path, params: TrainVisualParams, run: Run) -> None:
    """Train the arms of a variant: artist; visual_only, taken at two lengths of the same training; or every control.

    Visual_only is taken after as many updates as ARTIST's, and where its operations and updates are those of ARTIST
    and its text module together.

    Reads   prepared/visual/<stage>/{train,validation}/; text/text/<pretraining>-<seed>/, train_text.json
    Writes  models/<arm>-<stage>-<size>-<seed>@<updates>/: averaged visual module, injector, a text module that is not
            the pretrained one; rows.jsonl: per model rate, its search (validation losses by rate, after how many
            updates), updates, samples, operations without and with pretraining, validation loss right, with letters
            exchanged and with the text branch's times moved, sha256 of the text module before and after
    Logs    <arm>-<stage>-<size>-<seed>-<rate>/loss; <model>/validation_loss
    Raises  FrozenChanged if a frozen text module is another one afterwards; TooFewComposites, InvalidModel, Diverged
    """
    from steps.artist.visual_training import VisualData

    arms = list(params.controls) if run.variant == CONTROLS else [str(run.variant)]
    (out / MODELS).mkdir()
    trainer = Trainer(VisualData(prepared, text, run.device, params.times), params, out, run)
    for arm in arms:
        trainer.train(arm)
    with (out / ROWS).open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in trainer.rows)


@dataclass(frozen=True)
class Search:
    """A learning rate, and the validation losses by rate after ``updates`` that it has the least of; none searched."""

    rate: float
    updates: int
    losses: dict[float, float]

    def row(self) -> dict[str, Any]:
        """Return what the rows of models trained at the rate say of the search."""
        losses = {f"{rate:g}": loss for rate, loss in self.losses.items()}
        edge = self.rate in (min(self.losses), max(self.losses)) if losses else None
        return {"searched": losses, "searched_at": self.updates if losses else None, "at_edge": edge}


@dataclass
class Trainer:
    """Trains arms, writes their models, and collects a row of each."""

    data: VisualData
    params: TrainVisualParams
    out: Path
    run: Run
    rows: list[dict[str, Any]] = field(default_factory=list)

    def train(self, arm: str) -> None:
        """Train all models of an arm."""
        grid = self.params.rates.get(arm) or [middle(self.params.rates[ARTIST])]
        searches: list[Search] = []  # one for each length
        for stage, size, seed in self._planned(arm):
            trainings: dict[float, ArmTraining] = {}
            for place, length in enumerate(self._lengths(arm, stage, size, seed, grid[0])):
                if len(searches) == place:
                    losses = self._losses(trainings, arm, stage, size, seed, grid, length) if len(grid) > 1 else {}
                    searches.append(Search(min(losses, key=losses.__getitem__, default=grid[0]), length, losses))
                training = self._at(trainings, arm, stage, size, seed, searches[place].rate)
                training.train(length)
                self._save(training, searches[place].row())

    def _planned(self, arm: str) -> Iterator[tuple[Stage, int, int]]:
        """Yield stage, size and seed of each model of an arm; that whose rate is searched comes first."""
        params, compared = self.params, arm in (ARTIST, VISUAL_ONLY)
        first = next(iter(params.stages))
        for stage, one in params.stages.items():
            if compared or stage == first:
                seeds = one.seeds if compared else params.controls[arm]
                yield from ((stage, params.images, seed) for seed in range(seeds))
        if compared:
            yield from ((first, size, seed) for size in params.sizes for seed in range(params.size_seeds))

    def _at(
        self, trainings: dict[float, ArmTraining], arm: str, stage: Stage, size: int, seed: int, rate: float
    ) -> ArmTraining:
        """Return the training of a model at a rate, begun if need be."""
        if rate not in trainings:
            trainings[rate] = self._new(arm, stage, size, seed, rate)
        return trainings[rate]

    def _new(self, arm: str, stage: Stage, size: int, seed: int, rate: float) -> ArmTraining:
        from steps.artist.visual_training import ArmTraining

        return ArmTraining(arm, stage, size, seed, rate, self.data, self.params.optimiser, self.run)

    def _losses(
        self,
        trainings: dict[float, ArmTraining],
        arm: str,
        stage: Stage,
        size: int,
        seed: int,
        rates: list[float],
        updates: int,
    ) -> dict[float, float]:
        """Return the validation loss after ``updates`` at each rate."""
        losses = {}
        for rate in rates:
            training = self._at(trainings, arm, stage, size, seed, rate)
            training.train(updates)
            losses[rate] = training.validation_loss()
        return losses

    def _lengths(self, arm: str, stage: Stage, size: int, seed: int, rate: float) -> list[int]:
        """Return after how many updates a training is taken: ARTIST's, and what ARTIST's whole cost allows."""
        updates = self.params.stages[stage].updates
        if arm != VISUAL_ONLY or size != self.params.images:
            return [updates]
        from tenfold.artist.cost import TrainingCost, matched_updates

        reference, own = (self._new(one, stage, size, seed, rate) for one in (ARTIST, arm))
        batch = self.params.optimiser.batch_size
        visual = TrainingCost(updates, updates * batch, updates * reference.flops_per_update())
        whole = visual + self.data.pretraining(ARTIST)
        return [updates, matched_updates(whole, own.flops_per_update())]

    def _save(self, training: ArmTraining, search: dict[str, Any]) -> None:
        row = training.row() | search
        name = f"{row['arm']}-{row['stage']}-{row['size']}-{row['seed']}@{row['updates']}"
        with training.averaged() as model:
            save_arm(model, training.arm, self.out / MODELS / name)
        self.rows.append(row)
        self.run.log({f"{name}/validation_loss": row["validation_loss"]})
        self.run.say(f"{name}: validation loss {row['validation_loss']:.4f}, rate {row['learning_rate']:g}")


def middle(rates: list[float]) -> float:
    """Return the rate in the middle of a grid."""
    return sorted(rates)[len(rates) // 2]
