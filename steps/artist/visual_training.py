"""One arm on one visual set: trained to one or more numbers of updates, each with its losses, cost and text module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from steps.artist.arm_setup import new_artist, pretraining_of, variant_name
from steps.artist.batches import visual_batch
from steps.artist.canvas_sets import chosen, visual_set
from steps.artist.settings import SETTINGS, TimesParams, read_settings
from steps.artist.trainee import OptimiserParams, Trainee
from steps.step.json_files import read_json
from steps.step.run import Run
from tenfold.artist.cost import TrainingCost, flops_of
from tenfold.artist.losses import Batch, Draws, control_loss, visual_losses
from tenfold.artist.variants import VARIANTS, objective
from tenfold.nn.pretrained import weights_sha256
from tenfold.nn.seeding import draw_seed

if TYPE_CHECKING:
    from tenfold.artist.model import Artist

STARTS, DRAWN, VALIDATED = 171, 172, 173  # tell what is drawn here from what other trainings draw under a seed


class TooFewComposites(ValueError):
    """A visual set is to be larger than what ``prepare`` has drawn."""


@dataclass
class VisualData:
    """Composites of every stage and size, the noise, and the text modules with what they have cost."""

    prepared: Path
    text: Path
    device: str
    times: TimesParams

    def __post_init__(self) -> None:
        self.settings = read_settings(self.text)
        self.noise = self.settings.noise.model_copy(update=dict(self.times))
        self.costs = read_json(self.text / SETTINGS)["costs"]
        self.train, self.validation = cache(self._train), cache(self._validation)

    def pretraining(self, arm: str) -> TrainingCost:
        """Return what the text module of an arm has cost before; nothing where it takes no trained weights."""
        taken = VARIANTS[variant_name(arm)].text == "pretrained"
        return TrainingCost(**self.costs[pretraining_of(arm)]) if taken else TrainingCost()

    def _train(self, stage: str, size: int) -> Batch:
        """Return the first ``size`` composites: smaller sets are parts of larger ones. Raises TooFewComposites."""
        canvases = visual_set(self.prepared, stage, "train")
        if size > len(canvases):
            raise TooFewComposites(f"{size} composites wanted, {len(canvases)} of stage {stage} drawn: raise prepare's")
        return self._batch(chosen(canvases, range(size)))

    def _validation(self, stage: str) -> Batch:
        return self._batch(visual_set(self.prepared, stage, "validation"))

    def _batch(self, canvases: Any) -> Batch:
        return visual_batch(canvases, longest=self.settings.model.longest, device=self.device)


@dataclass
class ArmTraining:
    """One training of an arm. Weights start, and batches, times and noise are drawn, by ``seed`` alone."""

    arm: str
    stage: str
    size: int
    seed: int
    learning_rate: float
    data: VisualData
    optimiser: OptimiserParams
    run: Run
    artist: Artist = field(init=False)
    trainee: Trainee = field(init=False)

    def __post_init__(self) -> None:
        base = self.run.seed
        self.artist = new_artist(
            self.arm,
            self.seed,
            self.data.settings.model,
            self.data.text,
            self.data.device,
            draw_seed(base, self.seed, STARTS),
        )
        generator = torch.Generator().manual_seed(draw_seed(base, self.seed, DRAWN))
        average = self.artist.average(self.optimiser.ema_decay)
        self.trainee = Trainee(self.artist.trained(), average, generator, self.optimiser, self.learning_rate)
        self.before = self._text_sha256()

    def train(self, updates: int) -> None:
        """Go on until the arm has had ``updates``. Raises Diverged; FrozenChanged if a frozen text module moved."""
        from tenfold.artist.errors import FrozenChanged

        batch = self.data.train(self.stage, self.size)
        name = f"{self.arm}-{self.stage}-{self.size}-{self.seed}-{self.learning_rate:g}"
        more = updates - self.trainee.updates
        self.trainee.train(self.run, batch, self._loss, self.data.noise.draw, more, name)
        text = self.artist.text
        if text is not None and text.frozen and self._text_sha256() != self.before:
            raise FrozenChanged(f"{name}: the frozen text module was {self.before} and is {self._text_sha256()}")

    @contextmanager
    def averaged(self) -> Iterator[Artist]:
        """Yield the arm with the averaged weights; afterwards its injector is off the text module that both share."""
        model = self.artist.averaged(self.trainee.average)
        try:
            yield model
        finally:
            if model.injector is not None:
                model.injector.detach()

    def validation_loss(self) -> float:
        """Return L_vis of the averaged weights on new words: what rates are chosen by."""
        return self._losses(("nothing",))["nothing"]

    def row(self) -> dict[str, Any]:
        """Return what there is to say of the training so far, losses of the averaged weights."""
        text, cost = self.artist.text, self.cost()
        with self.averaged() as model:
            after = None if model.text is None else weights_sha256(model.text)
        whole = cost + self.data.pretraining(self.arm)
        kinds = ("nothing", "letters") if text is None else ("nothing", "letters", "text_times")
        losses = self._losses(kinds)
        return {
            "arm": self.arm,
            "stage": self.stage,
            "size": self.size,
            "seed": self.seed,
            "learning_rate": self.learning_rate,
            "prediction": self.data.noise.prediction,
            "updates": cost.updates,
            "samples_seen": cost.samples,
            "flops": cost.flops,
            "total_updates_with_text": whole.updates,
            "total_flops_with_text": whole.flops,
            "validation_loss": losses["nothing"],
            "validation_loss_permuted_letters": losses["letters"],
            "validation_loss_moved_times": losses.get("text_times"),
            "text_frozen": None if text is None else text.frozen,
            "text_sha256_before": self.before,
            "text_sha256_after": after,
        }

    def cost(self) -> TrainingCost:
        """Return what the visual training has cost so far; one update is run, without a step, to be counted."""
        updates = self.trainee.updates
        return TrainingCost(updates, updates * self.optimiser.batch_size, updates * self.flops_per_update())

    def flops_per_update(self) -> int:
        """Return the operations of a forward and a backward pass of one update."""
        every = self.data.validation(self.stage)
        batch = every.at(torch.arange(self.optimiser.batch_size, device=self.data.device) % len(every))
        draws = self.data.noise.draw(batch, torch.Generator().manual_seed(0))
        found = flops_of(lambda: self._loss(batch, draws).backward())
        self.trainee.parts.zero_grad(set_to_none=True)
        return found

    def _loss(self, batch: Batch, draws: Draws) -> torch.Tensor:
        losses = visual_losses(self.artist, self.data.noise.scheduler(), batch, draws)
        return objective(VARIANTS[variant_name(self.arm)], losses)

    def _losses(self, kinds: tuple[Any, ...]) -> dict[str, float]:
        batch, noise = self.data.validation(self.stage), self.data.noise
        generator = torch.Generator().manual_seed(draw_seed(self.run.seed, 0, VALIDATED))
        draws = noise.draw(batch, generator)
        with self.averaged() as model:
            return {kind: control_loss(model, noise.scheduler(), batch, draws, permuted=kind) for kind in kinds}

    def _text_sha256(self) -> str | None:
        return None if self.artist.text is None else weights_sha256(self.artist.text)
