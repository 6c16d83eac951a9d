"""What a tokenizer is trained with besides its images: stand-ins trained here, or the paper's own networks.

The stand-ins are ssl_teacher, of the step networks, as teacher and for the discriminator's features, and
gradient_difference in LPIPS's place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from steps.imagefolder.splits import Split
from steps.imagefolder.training import TrainingParams
from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.perceptual import gradient_difference
from tenfold.imagefolder.pretrained import FrozenTransformer, lpips, start_from_dinov2
from tenfold.imagefolder.teacher import SSLTeacher
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.training import Perceptual
from tenfold.nn.discriminators import discriminator
from tenfold.nn.seeding import drawn_from, seeded

STAND_IN = "ssl_teacher"
FeatureNetwork = tuple[Any, tuple[int, ...]]  # with maps(images), and the widths of the maps


class PretrainedParams(Params):
    """Networks of the hub, or of a folder, in place of those trained here; nothing given: none.

    ``start_from`` names the transformers that encoder and decoder start from, ``discriminator`` the network whose
    features after the blocks ``discriminator_depths`` are judged. The frozen ones read images of ``image_size``.
    """

    teacher: str | None = None
    teacher_revision: str | None = None
    start_from: str | None = None
    start_revision: str | None = None
    discriminator: str | None = None
    discriminator_revision: str | None = None
    discriminator_depths: list[Count] = Field(default_factory=list)
    image_size: Count = 224
    perceptual: Literal["gradient_difference", "lpips"] = "gradient_difference"
    perceptual_weight: float = 0.25


@dataclass(frozen=True)
class Teacher:
    """A frozen network, and how long the features are that ``described`` returns of images."""

    described: Callable[[Tensor], Tensor]
    features: int


def teacher(
    trained: Path, dataset: str, train: Split, pretrained: PretrainedParams, training: TrainingParams, run: Run
) -> Teacher:
    """Return ssl_teacher, its features standardised over the split, or the transformer that is named, as it is.

    Raises InvalidModel
    """
    if pretrained.teacher is None:
        small = stand_in(trained, dataset)
        return Teacher(standardised(small, train.images), small.config.features)
    network = FrozenTransformer.from_pretrained(
        pretrained.teacher, revision=pretrained.teacher_revision, image_size=pretrained.image_size
    ).to(run.device)
    accelerator = run.accelerator(mixed_precision=training.mixed_precision)

    def described(batch: Tensor) -> Tensor:
        with accelerator.autocast():
            return network(batch).float()

    return Teacher(described, network.model.config.hidden_size)


def stand_in(trained: Path, dataset: str) -> SSLTeacher:
    """Return ssl_teacher of a data set, frozen. Raises InvalidModel"""
    return SSLTeacher.load(trained / "models" / f"{dataset}-{STAND_IN}")


def standardised(teacher: SSLTeacher, images: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the teacher's features, each with mean 0 and standard deviation 1 over ``images``."""
    with torch.no_grad():
        features = torch.cat([teacher.features(part) for part in images.split(500)])
    mean, spread = features.mean(0), features.std(0) + 1e-6

    def described(batch: Tensor) -> Tensor:
        device = batch.device
        return (teacher.to(device).features(batch) - mean.to(device)) / spread.to(device)

    return described


def perceptual(pretrained: PretrainedParams, run: Run) -> Perceptual:
    """Return the loss that is named. Raises MissingPackage for lpips."""
    return gradient_difference if pretrained.perceptual == "gradient_difference" else lpips(run.device)


def feature_network(trained: Path, dataset: str, pretrained: PretrainedParams) -> FeatureNetwork:
    """Return the frozen network whose features a discriminator judges, and how wide they are. Raises InvalidModel"""
    if pretrained.discriminator is None:
        small = stand_in(trained, dataset)
        return small, small.config.widths
    network = FrozenTransformer.from_pretrained(
        pretrained.discriminator,
        revision=pretrained.discriminator_revision,
        image_size=pretrained.image_size,
        depths=tuple(pretrained.discriminator_depths),
    )
    return network, network.widths


def new_discriminator(kind: str, channels: int, seed: int, network: FeatureNetwork | None = None) -> nn.Module:
    """Return a discriminator, patch or features of a frozen network, whose first weights come from ``seed``.

    Raises InvalidConfig
    """
    frozen, widths = network or (None, ())
    with drawn_from(seed):
        return discriminator(kind, channels, network=frozen, widths=widths)


def start(config: TokenizerConfig, name: str, pretrained: PretrainedParams, run: Run) -> Tokenizer | None:
    """Return a tokenizer with pretrained transformers, or None to start from random ones. Raises InvalidModel."""
    if pretrained.start_from is None:
        return None
    model = seeded(Tokenizer, config, int(run.generator(f"start of {name}").integers(2**31)))
    start_from_dinov2(model, pretrained.start_from, revision=pretrained.start_revision)
    return model
