"""Pretrain text modules: on images of one word, then of two; and those that saw one kind, or have no map of letters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from steps.artist.canvas_sets import real_composites, text_set
from steps.artist.settings import SETTINGS, ModelParams, NoiseParams, Settings
from steps.artist.trainee import OptimiserParams, Trainee
from steps.step.json_files import write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run

if TYPE_CHECKING:
    import torch

    from tenfold.artist.cost import TrainingCost
    from tenfold.artist.denoiser import Denoiser
    from tenfold.artist.losses import Batch

Arm = Literal["word_sentence", "word_only", "sentence_only", "cross_attention"]
WORDS, SENTENCES = "words", "sentences"
TEXT_MODULES, HISTORY, CONTROLS = "text", "history.jsonl", "controls.json"
STAGES: dict[str, tuple[str, str]] = {  # what an arm sees in each of two stages of equal lengths for all
    "word_sentence": (WORDS, SENTENCES),
    "word_only": (WORDS, WORDS),
    "sentence_only": (SENTENCES, SENTENCES),
    "cross_attention": (WORDS, SENTENCES),
}
FULL: Arm = "word_sentence"  # that whose learning rate is searched, for all
DRAWN = 71  # tells what is drawn here from what other trainings draw under the same seed


class TrainTextParams(Params):
    """Seeds of each arm, the networks, the noise, updates of both stages, and how samples are read.

    ``learning_rates`` are searched with the first seed of the module of both stages, by validation loss over both
    kinds of text image; the winner is that of all modules. Of one rate nothing is searched.
    ``read``: how many images of the test's layouts each module samples, in ``sampled_in`` denoising calls each, for
    the OCR ``engine`` to read.
    """

    arms: dict[Arm, Count]
    model: ModelParams
    noise: NoiseParams
    optimiser: OptimiserParams
    learning_rates: list[Positive]
    word_updates: Count
    sentence_updates: Count
    read: Count
    sampled_in: Count
    engine: str


@dataclass(frozen=True)
class Material:
    """The batches of training and of validation, by kind of text image."""

    train: dict[str, Batch]
    validation: dict[str, Batch]


def train_text(prepared: Path, *, out: Path, params: TrainTextParams, run: Run) -> None:
    """Pretrain text modules, and look whether they read their condition before anything is built on them.

    Reads   prepared/text/: text images and layouts; test/: layouts that samples are read on; ceiling.json
    Writes  text/<arm>-<seed>/: the averaged module; history.jsonl (arm, seed, rate, stage, update, loss);
            controls.json: per arm, seed and kind, learning rate and its search, validation loss right and with letters
            exchanged, shares of words and letters read on its own samples; train_text.json: settings, and the cost of
            each arm
    Logs    <arm>-<seed>-<rate>/<stage>/loss; <arm>-<seed>/{words,letters} (shares)
    Raises  Diverged; UnknownEngine, EngineNotInstalled
    """
    longest = params.model.longest
    material = _material(prepared, longest, run.device)
    controls, costs = [], {}
    trainings = Trainings(material, params, run)
    searched = trainings.search()
    for arm, seed, trainee in trainings.of_all_arms(searched["learning_rate"]):
        from steps.artist.text_controls import text_controls

        module = trainee.average.model
        module.save_pretrained(out / TEXT_MODULES / f"{arm}-{seed}")  # type: ignore[operator]
        found = text_controls(
            module,  # type: ignore[arg-type]
            params.noise,
            material.validation,
            real_composites(prepared, "grey"),
            engine=params.engine,
            count=params.read,
            longest=longest,
            num_inference_steps=params.sampled_in,
            seed=run.seed + seed,
        )
        controls += [{"arm": arm, "seed": seed} | searched | row for row in found]
        costs[arm] = asdict(_cost(trainee, material, arm, params))
        for row in found:
            if row["kind"] == WORDS:
                run.log({f"{arm}-{seed}/words": row["words"], f"{arm}-{seed}/letters": row["letters"]})
                run.say(f"{arm}, seed {seed}: reads {row['words']:.3f} of words, {row['letters']:.3f} of letters")
    _write(controls, costs, params, out, run)


def _material(prepared: Path, longest: int, device: str) -> Material:
    from steps.artist.batches import text_batch

    kinds = (WORDS, SENTENCES)
    train = {kind: text_batch(text_set(prepared, kind), longest=longest, device=device) for kind in kinds}
    validation = {
        kind: text_batch(text_set(prepared, f"validation_{kind}"), longest=longest, device=device) for kind in kinds
    }
    return Material(train, validation)


@dataclass
class Trainings:
    """Trainings of text modules, each carried out once; what two of them have in common is trained once, too."""

    material: Material
    params: TrainTextParams
    run: Run
    _begun: dict[tuple[float, int, bool, str], Trainee] = field(default_factory=dict)
    _ended: dict[tuple[float, int, str], Trainee] = field(default_factory=dict)

    def search(self) -> dict[str, Any]:
        """Return the learning rate with the least validation loss, the losses by rate, and whether it is at an edge."""
        rates = self.params.learning_rates
        losses = {rate: self._validation_loss(self.trained(FULL, 0, rate)) for rate in rates} if len(rates) > 1 else {}
        best = min(losses, key=losses.__getitem__, default=rates[0])
        told = {f"{rate:g}": loss for rate, loss in losses.items()}
        return {"learning_rate": best, "searched": told, "at_edge": best in (min(rates), max(rates)) if told else None}

    def of_all_arms(self, rate: float) -> Iterator[tuple[Arm, int, Trainee]]:
        """Yield each arm's training, seed by seed."""
        for seed in range(max(self.params.arms.values())):
            for arm, seeds in self.params.arms.items():
                if seed < seeds:
                    yield arm, seed, self.trained(arm, seed, rate)

    def trained(self, arm: Arm, seed: int, rate: float) -> Trainee:
        """Return the training of a module at a rate, both stages behind it."""
        if (rate, seed, arm) not in self._ended:
            params, (first, second) = self.params, STAGES[arm]
            name, start = f"{arm}-{seed}-{rate:g}", (rate, seed, arm == "cross_attention", first)
            if start not in self._begun:
                self._begun[start] = new_trainee(arm, seed, rate, params, self.run)
                self._stage(self._begun[start], first, params.word_updates, f"{name}/{first}")
            trainee = self._begun[start].continued()
            self._stage(trainee, second, params.sentence_updates, f"{name}/{second}_after")
            self._ended[rate, seed, arm] = trainee
        return self._ended[rate, seed, arm]

    def _stage(self, trainee: Trainee, kind: str, updates: int, name: str) -> None:
        from tenfold.artist.losses import text_loss

        scheduler = self.params.noise.scheduler()

        def loss(batch: Batch, draws: Any) -> torch.Tensor:
            module: Any = trainee.parts
            return text_loss(module, scheduler, batch, draws)

        trainee.train(self.run, self.material.train[kind], loss, self.params.noise.draw, updates, name)

    def _validation_loss(self, trainee: Trainee) -> float:
        """Return the mean over both kinds of text image of the averaged weights' loss on new words."""
        from steps.artist.text_controls import validation_losses

        module: Any = trainee.average.model
        kinds = self.material.validation.values()
        losses = [validation_losses(module, self.params.noise, batch, self.run.seed)[0] for batch in kinds]
        return sum(losses) / len(losses)


def new_trainee(arm: str, seed: int, learning_rate: float, params: TrainTextParams, run: Run) -> Trainee:
    """Return an untrained text module; modules of the same seed start from the same weights where these are alike."""
    import torch

    from tenfold.artist.denoiser import Denoiser
    from tenfold.nn.ema import ExponentialMovingAverage
    from tenfold.nn.seeding import draw_seed

    config = params.model.text(cross_attention=arm == "cross_attention")
    module = Denoiser.new(config, seed=draw_seed(run.seed, seed, DRAWN)).to(run.device)
    generator = torch.Generator().manual_seed(draw_seed(run.seed, seed, DRAWN + 1))
    average = ExponentialMovingAverage(module, params.optimiser.ema_decay)
    return Trainee(module, average, generator, params.optimiser, learning_rate)


def _cost(trainee: Trainee, material: Material, arm: str, params: TrainTextParams) -> TrainingCost:
    """Return what both stages of an arm have cost; an update of either costs the same."""
    import torch

    from tenfold.artist.cost import TrainingCost
    from tenfold.artist.losses import text_loss

    size = params.optimiser.batch_size
    batch = material.train[STAGES[arm][0]]
    part = batch.at(torch.arange(size) % len(batch))
    draws = params.noise.draw(part, torch.Generator().manual_seed(0))
    module: Denoiser = trainee.parts  # type: ignore[assignment]

    def update() -> None:
        text_loss(module, params.noise.scheduler(), part, draws).backward()
        module.zero_grad(set_to_none=True)

    return TrainingCost.of(update, updates=trainee.updates, batch_size=size)


def _write(
    controls: list[dict[str, Any]], costs: Mapping[Any, Any], params: TrainTextParams, out: Path, run: Run
) -> None:
    write_json(out / CONTROLS, controls)
    settings = Settings(model=params.model, noise=params.noise)
    write_json(out / SETTINGS, {"settings": settings.model_dump(mode="json"), "costs": costs})
    with (out / HISTORY).open("w", encoding="utf-8") as file:
        for row in run.history:
            for key, value in row.items():
                if key.endswith("/loss"):
                    model, stage, _ = key.split("/")
                    arm, seed, rate = model.split("-", 2)
                    about = {"arm": arm, "seed": int(seed), "rate": float(rate), "stage": stage}
                    told = about | {"update": row["update"], "loss": value}
                    file.write(json.dumps(told) + "\n")
