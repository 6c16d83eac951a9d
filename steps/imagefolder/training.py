"""The training loops of tokenizers and generators: batches, checkpoints and logs around the library's updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.imagefolder.adversarial import AdversarialLoss
from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import NextScaleGenerator
from tenfold.imagefolder.perceptual import gradient_difference
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.training import GeneratorTraining, Perceptual, TokenizerTraining, TrainingSettings

LOGGED = 20  # times that a training is logged


class TrainingParams(Params):
    """How a tokenizer or a generator is trained; warm-up, flat part and floor are those of TrainingSettings."""

    updates: Count
    batch_size: Count
    learning_rate: float
    ema_decay: float
    warmup: float = 0.05
    flat: float = 0.0
    floor: float = 0.05
    micro_batches: Count = 1
    mixed_precision: Literal["no", "bf16"] = "no"

    def settings(self, **changes: Any) -> TrainingSettings:
        """Return the library's settings; ``changes`` go before these parameters."""
        own = self.model_dump(exclude={"batch_size", "mixed_precision"})
        return TrainingSettings(**{**own, **changes})


def fit_tokenizer(
    run: Run,
    name: str,
    config: TokenizerConfig,
    training: TrainingParams,
    images: Tensor | Dataset[Any],
    *,
    teacher: Callable[[Tensor], Tensor] | None = None,
    adversarial: AdversarialLoss | None = None,
    perceptual: Perceptual = gradient_difference,
    start: Tokenizer | None = None,
    workers: int = 0,
    **changes: Any,
) -> Tokenizer:
    """Train a tokenizer and return its averaged weights; progress is logged as <name>/<loss>.

    ``images`` are a tensor (N, C, H, W), or a data set whose items begin with an image, read by ``workers``;
    ``changes`` are settings that ``training`` does not name.
    """
    accelerator, settings = run.accelerator(mixed_precision=training.mixed_precision), training.settings(**changes)
    seed = int(run.generator(f"start of {name}").integers(2**31))
    trainer = TokenizerTraining(
        config,
        settings,
        accelerator,
        seed=seed,
        teacher=teacher,
        perceptual=perceptual,
        adversarial=adversarial,
        start=start,
    )
    data: Any = TensorDataset(images) if isinstance(images, Tensor) else images
    batches = run.batches(data, min(training.batch_size, len(data)), f"order of {name}", num_workers=workers)
    for update in run.updates(settings.updates, {**trainer.state, "batches": batches}):
        losses = trainer.update(update, next(batches)[0])
        if update % max(settings.updates // LOGGED, 1) == 0:
            run.log({f"{name}/{key}": value for key, value in losses.items()}, update=update)
    accelerator.free_memory()
    return trainer.averaged.to("cpu").eval()


def fit_generator(
    run: Run,
    name: str,
    config: GeneratorConfig,
    training: TrainingParams,
    tokenizer: Tokenizer,
    data: Dataset[Any],
    *,
    kind: type[NextScaleGenerator],
    encodes: bool = False,
    workers: int = 0,
) -> NextScaleGenerator:
    """Train a generator and return its averaged weights; progress is logged as <name>/<loss>.

    ``data`` holds tokens (P, L) and labels; where ``encodes``, images and labels, and every batch passes the frozen
    tokenizer anew, as in the paper.
    """
    accelerator = run.accelerator(mixed_precision=training.mixed_precision)
    seed = int(run.generator(f"start of {name}").integers(2**31))
    settings = training.settings(decay="linear", max_grad_norm=2.0, weight_decay=0.05)
    trainer = GeneratorTraining(config, settings, accelerator, tokenizer=tokenizer, seed=seed, kind=kind)
    size: int = len(data)  # type: ignore[arg-type]
    batches = run.batches(data, min(training.batch_size, size), f"order of {name}", num_workers=workers)
    if encodes:
        tokenizer.to(accelerator.device).eval()
    for update in run.updates(settings.updates, {**trainer.state, "batches": batches}):
        tokens, labels = next(batches)
        if encodes:
            with accelerator.autocast():
                tokens = torch.cat([tokenizer.encode(part) for part in tokens.chunk(settings.micro_batches)])
        losses = trainer.update(update, tokens, labels)
        if update % max(settings.updates // LOGGED, 1) == 0:
            run.log({f"{name}/{key}": value for key, value in losses.items()}, update=update)
    accelerator.free_memory()
    tokenizer.to("cpu")
    return trainer.averaged.to("cpu").eval()


def device_of(training: TrainingParams, run: Run) -> str:
    """Return the device that a trained model is looked at on: one of mixed precision is too large for a CPU."""
    return "cpu" if training.mixed_precision == "no" else run.device


def scale_of(run: Run) -> str:
    """Return in words what sizes a profile's models have."""
    return "the paper's sizes" if run.profile == "full" else "small scale"
