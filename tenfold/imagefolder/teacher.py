"""The semantic teacher of the small settings, ``ssl_teacher``: SimCLR without labels, then frozen.

It stands in for DINOv2. It sees training images only, and no label: a supervised teacher would carry labels into the
probes of what it taught (such a one may be reported as ``oracle_teacher`` only).

Legend:  B images · C channels · D features
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as functional
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from tenfold.imagefolder.convnet import ConvNet, ConvNetConfig, one_cycle
from tenfold.imagefolder.pictures import to_tensor
from tenfold.imagefolder.saving import Pretrained
from tenfold.imagefolder.views import random_view

Images = Float[Tensor, "B C H W"]
TEMPERATURE = 0.2


class SSLTeacher(Pretrained):
    """Self-supervised image encoder (SimCLR), trained without labels and then frozen."""

    Config: ClassVar[type] = ConvNetConfig

    def __init__(self, config: ConvNetConfig) -> None:
        super().__init__()
        self.config, D = config, config.features
        self.body = ConvNet(config)
        self.projector = nn.Sequential(nn.Linear(D, 2 * D), nn.ReLU(), nn.Linear(2 * D, D))  # for training only
        self.frozen = False

    def freeze(self) -> Self:
        """Fix parameters and batch norms for good: ``train()`` no longer has an effect."""
        self.frozen = True
        return self.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        return super().train(mode and not self.frozen)

    def features(self, images: Images) -> Float[Tensor, "B D"]:
        """Return the features before the projector; differentiable with respect to the images."""
        return self.body(images)

    def maps(self, images: Images) -> list[Float[Tensor, "B w h h"]]:
        """Return the maps after each stage, for a discriminator's heads."""
        return self.body.maps(images)

    def forward(self, images: Images) -> Float[Tensor, "B D"]:
        return self.features(images)

    @torch.inference_mode()
    def predict(self, inputs: UInt8[np.ndarray, "N H W *C"]) -> Float[np.ndarray, "N D"]:
        """Return the features of pictures as bytes, padded to the teacher's size."""
        self.eval()
        images = to_tensor(np.asarray(inputs), size=self.config.image_size).to(self.body.features.weight.device)
        return torch.cat([self.features(part) for part in images.split(500)]).cpu().numpy()


def nt_xent(first: Float[Tensor, "B D"], second: Float[Tensor, "B D"], temperature: float) -> Float[Tensor, ""]:
    """Return SimCLR's loss in nats: each view picks its partner out of the 2B − 1 others (Chen et al. 2020, Eq. 1)."""
    z = functional.normalize(torch.cat([first, second]).float(), dim=1)  # (2B, D)
    own = torch.eye(len(z), dtype=torch.bool, device=z.device)
    similarities = (z @ z.T / temperature).masked_fill(own, -torch.inf)
    partners = torch.arange(len(z), device=z.device).roll(len(first))
    return functional.cross_entropy(similarities, partners)


def teacher_loss(model: SSLTeacher, images: Images, generator: torch.Generator) -> Float[Tensor, ""]:
    """Return the contrastive loss of one batch without labels; ``generator`` draws two views of each image."""
    views = torch.cat([random_view(images, generator), random_view(images, generator)])
    plain = getattr(model, "module", model)  # what a distributed wrapper holds
    first, second = plain.projector(functional.relu(model(views))).chunk(2)
    return nt_xent(first, second, TEMPERATURE)


def train_teacher(
    model: SSLTeacher, images: Float[Tensor, "N C H W"], updates: int, generator: torch.Generator,
    *, batch_size: int = 256, learning_rate: float = 3e-3,
) -> list[float]:  # fmt: skip
    """Train in place, then freeze; return the loss of every update. ``generator`` draws batches and views."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=1e-4)
    losses = []
    model.train()
    for number in range(1, updates + 1):
        chosen = torch.randint(len(images), (batch_size,), generator=generator)
        optimiser.param_groups[0]["lr"] = one_cycle(number, updates, learning_rate)
        loss = teacher_loss(model, images[chosen], generator)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    model.freeze()
    return losses


def effective_rank(features: Float[np.ndarray, "N D"]) -> float:
    """Return e to the entropy of the normalised singular values of centred features: 1 (collapsed) to D.

    (Roy & Vetterli 2007.)
    """
    from scipy.special import entr

    array = np.asarray(features, dtype=float)
    values = np.linalg.svd(array - array.mean(axis=0), compute_uv=False)
    total = values.sum()
    return float(np.exp(entr(values / total).sum())) if total > 0 else 1.0
