"""The training loops of tokenizers and generators: batches, checkpoints and logs around the library's updates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from steps.runtime.run import Run
from tenfold.imagefolder.adversarial import AdversarialLoss
from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import NextScaleGenerator
from tenfold.imagefolder.perceptual import gradient_difference
from tenfold.imagefolder.teacher import SSLTeacher
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.training import GeneratorTraining, TokenizerTraining, TrainingSettings

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
    run: Run, name: str, config: TokenizerConfig, settings: TrainingSettings, images: Tensor, batch_size: int,
    *, teacher: Callable[[Tensor], Tensor] | None = None, adversarial: AdversarialLoss | None = None,
) -> Tokenizer:  # fmt: skip
    """Train a tokenizer and return its averaged weights; progress is logged as <name>/<loss>."""
    accelerator = run.accelerator()
    seed = int(run.generator(f"start of {name}").integers(2**31))
    training = TokenizerTraining(
        config, settings, accelerator, seed=seed, teacher=teacher, perceptual=gradient_difference,
        adversarial=adversarial,
    )  # fmt: skip
    batches = run.batches(TensorDataset(images), min(batch_size, len(images)), f"order of {name}")
    for update in run.updates(settings.updates, {**training.state, "batches": batches}):
        losses = training.update(update, next(batches)[0])
        if update % max(settings.updates // LOGGED, 1) == 0:
            run.log({f"{name}/{key}": value for key, value in losses.items()}, update=update)
    accelerator.free_memory()
    return training.averaged.to("cpu").eval()


def fit_generator(
    run: Run, name: str, config: GeneratorConfig, settings: TrainingSettings, tokenizer: Tokenizer,
    tokens: Tensor, labels: Tensor, batch_size: int, *, kind: type[NextScaleGenerator],
) -> NextScaleGenerator:  # fmt: skip
    """Train a generator on tokens and return its averaged weights; progress is logged as <name>/<loss>."""
    accelerator = run.accelerator()
    seed = int(run.generator(f"start of {name}").integers(2**31))
    settings = replace(settings, decay="linear", max_grad_norm=2.0, weight_decay=0.05)
    training = GeneratorTraining(config, settings, accelerator, tokenizer=tokenizer, seed=seed, kind=kind)
    batches = run.batches(TensorDataset(tokens, labels), min(batch_size, len(labels)), f"order of {name}")
    for update in run.updates(settings.updates, {**training.state, "batches": batches}):
        losses = training.update(update, *next(batches))
        if update % max(settings.updates // LOGGED, 1) == 0:
            run.log({f"{name}/{key}": value for key, value in losses.items()}, update=update)
    accelerator.free_memory()
    tokenizer.to("cpu")
    return training.averaged.to("cpu").eval()


@torch.no_grad()
def tokens_of(tokenizer: Tokenizer, images: Tensor) -> Tensor:
    """Return the tokens (N, P, L) of many images."""
    return torch.cat([tokenizer.encode(part) for part in images.split(500)])
