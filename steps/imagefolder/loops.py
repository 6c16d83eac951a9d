"""The training loops of tokenizers and generators: batches, checkpoints and logs around the library's updates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from steps.step.run import Run
from tenfold.imagefolder.adversarial import AdversarialLoss
from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import NextScaleGenerator
from tenfold.imagefolder.perceptual import gradient_difference
from tenfold.imagefolder.teacher import SSLTeacher
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.training import GeneratorTraining, Perceptual, TokenizerTraining, TrainingSettings

LOGGED = 20  # times a training is logged


def standardised(teacher: SSLTeacher, images: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the teacher's features, each with mean 0 and standard deviation 1 over ``images``."""
    with torch.no_grad():
        features = torch.cat([teacher.features(part) for part in images.split(500)])
    mean, spread = features.mean(0), features.std(0) + 1e-6

    def described(batch: Tensor) -> Tensor:
        device = batch.device
        return (teacher.to(device).features(batch) - mean.to(device)) / spread.to(device)

    return described


def settings_from(params: Any, **changes: Any) -> TrainingSettings:
    """Return the training settings that a step's parameters name; ``changes`` go before them."""
    names = {field.name for field in fields(TrainingSettings)}
    own = {name: value for name, value in vars(params).items() if name in names}
    return TrainingSettings(**{**own, **changes})


def fit_tokenizer(
    run: Run,
    name: str,
    config: TokenizerConfig,
    settings: TrainingSettings,
    pictures: Tensor | Dataset[Any],
    batch_size: int,
    *,
    teacher: Callable[[Tensor], Tensor] | None = None,
    adversarial: AdversarialLoss | None = None,
    perceptual: Perceptual = gradient_difference,
    start: Tokenizer | None = None,
    mixed_precision: str = "no",
    workers: int = 0,
) -> Tokenizer:
    """Train a tokenizer and return its averaged weights; progress is logged as <name>/<loss>.

    ``pictures`` are images (N, C, H, W), or a data set whose items begin with an image, read by ``workers``.
    """
    accelerator = run.accelerator(mixed_precision=mixed_precision)
    seed = int(run.generator(f"start of {name}").integers(2**31))
    training = TokenizerTraining(
        config,
        settings,
        accelerator,
        seed=seed,
        teacher=teacher,
        perceptual=perceptual,
        adversarial=adversarial,
        start=start,
    )
    data: Any = TensorDataset(pictures) if isinstance(pictures, Tensor) else pictures
    batches = run.batches(data, min(batch_size, len(data)), f"order of {name}", num_workers=workers)
    for update in run.updates(settings.updates, {**training.state, "batches": batches}):
        losses = training.update(update, next(batches)[0])
        if update % max(settings.updates // LOGGED, 1) == 0:
            run.log({f"{name}/{key}": value for key, value in losses.items()}, update=update)
    accelerator.free_memory()
    return training.averaged.to("cpu").eval()


def fit_generator(
    run: Run,
    name: str,
    config: GeneratorConfig,
    settings: TrainingSettings,
    tokenizer: Tokenizer,
    data: Dataset[Any],
    batch_size: int,
    *,
    kind: type[NextScaleGenerator],
    encodes: bool = False,
    mixed_precision: str = "no",
    workers: int = 0,
) -> NextScaleGenerator:
    """Train a generator and return its averaged weights; progress is logged as <name>/<loss>.

    ``data`` holds tokens (P, L) and labels; where ``encodes``, images and labels, and every batch passes the frozen
    tokenizer anew, as in the paper.
    """
    accelerator = run.accelerator(mixed_precision=mixed_precision)
    seed = int(run.generator(f"start of {name}").integers(2**31))
    settings = replace(settings, decay="linear", max_grad_norm=2.0, weight_decay=0.05)
    training = GeneratorTraining(config, settings, accelerator, tokenizer=tokenizer, seed=seed, kind=kind)
    size: int = len(data)  # type: ignore[arg-type]
    batches = run.batches(data, min(batch_size, size), f"order of {name}", num_workers=workers)
    if encodes:
        tokenizer.to(accelerator.device).eval()
    for update in run.updates(settings.updates, {**training.state, "batches": batches}):
        tokens, labels = next(batches)
        if encodes:
            with accelerator.autocast():
                tokens = torch.cat([tokenizer.encode(part) for part in tokens.chunk(settings.micro_batches)])
        losses = training.update(update, tokens, labels)
        if update % max(settings.updates // LOGGED, 1) == 0:
            run.log({f"{name}/{key}": value for key, value in losses.items()}, update=update)
    accelerator.free_memory()
    tokenizer.to("cpu")
    return training.averaged.to("cpu").eval()
