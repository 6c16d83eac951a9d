"""What a tokenizer is trained with besides its pictures: the stand-ins of the small settings, or the paper's own.

Names in params.yaml choose: ``teacher`` is ssl_teacher, or a vision transformer of the hub or of a folder;
``perceptual`` is gradient_difference or lpips; ``discriminator`` is none, or features of a frozen transformer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from steps.imagefolder.imagenet import training_pictures
from steps.imagefolder.loops import standardised
from steps.imagefolder.pictures import Split
from steps.step.run import Run
from tenfold.imagefolder.adversarial import AdversarialLoss, AdversarialSettings
from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.discriminators import discriminator
from tenfold.imagefolder.errors import InvalidConfig
from tenfold.imagefolder.perceptual import gradient_difference
from tenfold.imagefolder.pretrained import FrozenTransformer, lpips, start_from_dinov2
from tenfold.imagefolder.teacher import SSLTeacher
from tenfold.imagefolder.tokenizer import Tokenizer

STAND_IN = "ssl_teacher"
Perceptual = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Teacher:
    """A frozen network, and how long the features are that ``described`` returns of images."""

    described: Callable[[Tensor], Tensor]
    features: int


def teacher(trained: Path, dataset: str, train: Split, params: Any, run: Run) -> Teacher:
    """Return ssl_teacher, its features standardised over the split, or the transformer that is named, as it is.

    Raises InvalidModel
    """
    if params.teacher == STAND_IN:
        small = SSLTeacher.load(trained / "models" / f"{dataset}-{STAND_IN}")
        return Teacher(standardised(small, train.images), small.config.features)
    size = params.frozen_size
    network = FrozenTransformer.from_pretrained(params.teacher, revision=params.teacher_revision, image_size=size)
    network = network.to(run.device)
    accelerator = run.accelerator(mixed_precision=params.mixed_precision)

    def described(batch: Tensor) -> Tensor:
        with accelerator.autocast():
            return network(batch).float()

    return Teacher(described, network.model.config.hidden_size)


def perceptual(name: str, device: str) -> Perceptual:
    """Return the loss of that name. Raises InvalidConfig, or MissingPackage for lpips."""
    if name == "gradient_difference":
        return gradient_difference
    if name != "lpips":
        raise InvalidConfig(f"perceptual losses are gradient_difference and lpips, not {name}")
    return lpips(device)


def adversarial(config: TokenizerConfig, dataset: str, params: Any, run: Run) -> AdversarialLoss | None:
    """Return the adversarial loss on features of the frozen transformer that is named; None for ``none``.

    It starts after a share ``adversarial_start`` of the updates. Raises InvalidConfig, InvalidModel
    """
    if params.discriminator == "none":
        return None
    network = None
    if params.discriminator == "features":
        network = FrozenTransformer.from_pretrained(
            params.discriminator_model,
            revision=params.discriminator_revision,
            image_size=params.frozen_size,
            depths=tuple(params.discriminator_depths),
        )
    seed = int(run.generator(f"discriminator of {dataset}").integers(2**31))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        widths = () if network is None else network.widths
        judge = discriminator(params.discriminator, config.channels, network=network, widths=widths)
    settings = AdversarialSettings(max(int(params.adversarial_start * params.updates), 1))
    return AdversarialLoss(judge, settings, run.accelerator(mixed_precision=params.mixed_precision), seed=seed)


def start(config: TokenizerConfig, dataset: str, params: Any, run: Run) -> Tokenizer | None:
    """Return a tokenizer with pretrained transformers, or None to start from random ones. Raises InvalidModel."""
    if params.start_from is None:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(run.generator(f"start of {dataset}").integers(2**31)))
        model = Tokenizer(config)
    start_from_dinov2(model, params.start_from, revision=params.start_revision)
    return model


def files_to_train_on(prepared: Path, dataset: str, size: int, params: Any, run: Run) -> Dataset[Any] | None:
    """Return images and labels that are read from files, or None where the data set is arrays alone."""
    seed = int(run.generator(f"views of {dataset}").integers(2**31))
    return training_pictures(
        prepared, dataset, size=size, resized=params.resized or size, views=params.views, seed=seed
    )


def place(params: Any, run: Run) -> str:
    """Return where a trained model is looked at: one of mixed precision is too large for a CPU."""
    return "cpu" if params.mixed_precision == "no" else run.device


def scale(run: Run) -> str:
    """Return in words what sizes a profile's models have."""
    return "the paper's sizes" if run.profile == "full" else "small scale"
