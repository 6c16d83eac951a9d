"""The semantic teacher of the small settings, ``ssl_teacher``: SimCLR or VICReg without labels, then frozen.

It stands in for DINOv2. It sees training images only, and no label: a supervised teacher would carry labels into the
probes of what it taught. Such a one is ``OracleTeacher`` here, to be reported as ``oracle_teacher`` only.

Legend:  B images · C channels · D features
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from tenfold.arguments import unmasked
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_tensor
from tenfold.metrics.generation import checked
from tenfold.nn.augmentation import random_view
from tenfold.nn.convnet import ConvNet, ConvNetConfig
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.fitting import check_labels, fit
from tenfold.nn.pretrained import Pretrained

Images = Float[Tensor, "B C H W"]
TEMPERATURE = 0.2
INVARIANCE, VARIANCE, COVARIANCE = 25.0, 25.0, 1.0  # VICReg's λ, μ, ν
TARGET, EPSILON = 1.0, 1e-4  # VICReg's γ, ε


class FrozenTeacher(RuntimeError):
    """A frozen teacher was to be trained; make a new one."""


class SSLTeacher(Pretrained):
    """Self-supervised image encoder (SimCLR or VICReg), trained without labels and then frozen."""

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

    def check_trainable(self) -> None:
        """Raise FrozenTeacher if this teacher is frozen."""
        if self.frozen:
            raise FrozenTeacher("this teacher is frozen, and stays so; train a new one")

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a frozen teacher stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the teacher that ``save`` wrote, frozen. Raises InvalidModel if files do not fit each other."""
        return super().load(folder).freeze()

    def features(self, images: Images) -> Float[Tensor, "B D"]:
        """Return the features before the projector; differentiable with respect to the images. Raises InvalidImages."""
        return self.body(images)

    def maps(self, images: Images) -> list[Float[Tensor, "B w h h"]]:
        """Return the maps after each stage, for a discriminator's heads."""
        return self.body.maps(images)

    def forward(self, images: Images) -> Float[Tensor, "B D"]:
        """Return the features before the projector."""
        return self.features(images)

    @torch.inference_mode()
    def predict(self, inputs: UInt8[np.ndarray, "N H W *C"]) -> Float[np.ndarray, "N D"]:
        """Return the features of images as bytes, padded to the teacher's size. Raises InvalidImages."""
        pixels, weight = np.asarray(unmasked(inputs, "images")), self.body.features.weight
        if not len(pixels):
            raise InvalidImages("there are no images to encode")
        self.eval()
        parts = [pixels[start : start + 500] for start in range(0, len(pixels), 500)]
        tensors = (to_tensor(part, size=self.config.image_size).to(weight) for part in parts)
        return torch.cat([self.features(images) for images in tensors]).float().cpu().numpy()


class OracleTeacher(SSLTeacher):
    """Supervised image encoder: it has seen the labels, so it bounds what a teacher could do and is no stand-in."""


def nt_xent(
    first: Float[Tensor, "B D"], second: Float[Tensor, "B D"], temperature: float = TEMPERATURE
) -> Float[Tensor, ""]:
    """Return SimCLR's loss in nats: each view picks its partner out of the 2B − 1 others (Chen et al. 2020, Eq. 1)."""
    z = functional.normalize(torch.cat([first, second]).float(), dim=1)  # (2B, D)
    own = torch.eye(len(z), dtype=torch.bool, device=z.device)
    similarities = (z @ z.T / temperature).masked_fill(own, -torch.inf)
    partners = torch.arange(len(z), device=z.device).roll(len(first))
    return functional.cross_entropy(similarities, partners)


def vicreg(first: Float[Tensor, "B D"], second: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """Return VICReg's loss: views agree, each feature varies, and no two features say the same.

    Source: Bardes, Ponce & LeCun 2022 (arXiv:2105.04906), Eq. 6. The squared distance of two views is averaged over
    the features as in its Algorithm 1; Eq. 5 sums them. NaN for a batch of one: a variance needs B ≥ 2.
    """
    D, invariance = first.shape[1], functional.mse_loss(first.float(), second.float())  # s of Eq. (5), over D
    variance = covariance = invariance.new_zeros(())
    for z in (first.float(), second.float()):
        spread = (z.var(dim=0) + EPSILON).sqrt()  # (D,), S of Eq. (2)
        variance = variance + functional.relu(TARGET - spread).mean()  # v of Eq. (1)
        centred = z - z.mean(dim=0)
        products = centred.T @ centred / (len(z) - 1)  # (D, D), C of Eq. (3)
        covariance = covariance + (products - products.diag().diag()).square().sum() / D  # c of Eq. (4)
    return INVARIANCE * invariance + VARIANCE * variance + COVARIANCE * covariance  # Eq. (6)


LOSSES = {"simclr": nt_xent, "vicreg": vicreg}  # of two views, by the method's name


def teacher_loss(
    model: SSLTeacher, images: Images, generator: torch.Generator, *, method: str = "simclr"
) -> Float[Tensor, ""]:
    """Return the method's loss of one batch without labels; ``generator`` draws two views of each image.

    Raises InvalidConfig for a method that is neither "simclr" nor "vicreg".
    """
    if method not in LOSSES:
        raise InvalidConfig(f"a teacher learns by {' or '.join(LOSSES)}, not by {method!r}; choose one of them")
    views = torch.cat([random_view(images, generator), random_view(images, generator)])
    plain = getattr(model, "module", model)  # what a distributed wrapper holds
    first, second = plain.projector(functional.relu(model(views))).chunk(2)
    return LOSSES[method](first, second)


def train_teacher(
    model: SSLTeacher,
    images: Float[Tensor, "N C H W"],
    updates: int,
    generator: torch.Generator,
    *,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
    method: str = "simclr",
) -> list[float]:
    """Train in place without labels, then freeze; return the loss of every update.

    ``generator`` draws batches and views; ``method`` is "simclr" or "vicreg". Raises InvalidImages (another number of
    channels), InvalidConfig (another method, or what ``fit`` refuses), NotFinite, or FrozenTeacher.
    """
    model.check_trainable()
    model.train()
    losses = fit(
        list(model.parameters()),
        lambda chosen: teacher_loss(model, images[chosen], generator, method=method),
        len(images),
        generator,
        updates=updates,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=1e-4,
    )
    model.freeze()
    return losses


def train_oracle_teacher(
    model: OracleTeacher,
    images: Float[Tensor, "N C H W"],
    labels: Int[Tensor, " N"],
    updates: int,
    generator: torch.Generator,
    *,
    batch_size: int = 64,
    learning_rate: float = 3e-3,
) -> list[float]:
    """Train in place to classify random views, then freeze; return the loss of every update.

    The classifier's last layer is drawn from ``generator``, as are batches and views, and is thrown away afterwards.
    Raises InvalidLabels, InvalidImages (another number of channels), InvalidConfig, NotFinite, or
    FrozenTeacher.
    """
    D, classes, device = model.config.features, model.config.classes, images.device
    check_labels(labels, len(images), classes)
    head = (torch.randn(classes, D, generator=generator) * D**-0.5).to(device).requires_grad_()
    model.check_trainable()
    model.train()

    def loss(chosen: Tensor) -> Tensor:
        features = functional.relu(model(random_view(images[chosen], generator)))
        return functional.cross_entropy(features @ head.T, labels[chosen])

    losses = fit(
        [*model.body.parameters(), head],
        loss,
        len(images),
        generator,
        updates=updates,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=1e-4,
    )
    model.freeze()
    return losses


def effective_rank(features: Float[np.ndarray, "N D"]) -> float:
    """Return e to the entropy of the normalised singular values of centred features: 1 (collapsed) to D.

    Source: Roy & Vetterli 2007. Raises InvalidSamples unless finite (N, D) with N ≥ 2.
    """
    from scipy.special import entr

    array = checked(features, "features")
    values = np.linalg.svd(array - array.mean(axis=0), compute_uv=False)
    total = values.sum()
    return float(np.exp(entr(values / total).sum())) if total > 0 else 1.0
