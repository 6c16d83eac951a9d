"""A small convolutional network: the body of the metric classifier and of the self-supervised teacher.

They share this architecture, never weights, seeds or training signal.

Legend:  B images · C channels · D features
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tenfold.imagefolder.errors import InvalidConfig, InvalidImages, NotFinite

M = TypeVar("M", bound=nn.Module)


class InvalidLabels(ValueError):
    """Labels of another number than the images, or outside the network's classes."""


@dataclass(frozen=True)
class ConvNetConfig:
    """Sizes of the network: each entry of ``widths`` halves the side. Raises InvalidConfig."""

    image_size: int = 32
    channels: int = 1
    widths: tuple[int, ...] = (32, 64, 128)
    features: int = 64
    classes: int = 10  # of a classifier; unused by a teacher

    def __post_init__(self) -> None:
        sizes = (self.image_size, self.channels, *self.widths, self.features, self.classes)
        if not self.widths or min(sizes) < 1:
            raise InvalidConfig(f"all sizes of a network are at least 1: {self}")
        if self.image_size % 2 ** len(self.widths):
            raise InvalidConfig(f"{len(self.widths)} widths halve a side of {self.image_size} to a fraction")

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "widths": list(self.widths)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Raises InvalidConfig for a key that is none of the configuration's."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise InvalidConfig(f"a network has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        return cls(**{**values, "widths": tuple(values.get("widths", cls.widths))})


class ConvNet(nn.Module):
    """Strided 3×3 convolutions with batch norms, averaged over places, and a linear map to D features."""

    def __init__(self, config: ConvNetConfig) -> None:
        super().__init__()
        self.config = config
        inputs = (config.channels, *config.widths)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            )
            for before, width in zip(inputs, config.widths, strict=False)
        )
        self.features = nn.Linear(config.widths[-1], config.features)

    def maps(self, images: Float[Tensor, "B C H W"]) -> list[Float[Tensor, "B w h h"]]:
        """Return the map after each stage, fine to coarse. Raises InvalidImages for another number of channels."""
        if images.ndim != 4 or images.shape[1] != self.config.channels:
            raise InvalidImages(f"this network reads images (B, {self.config.channels}, H, W), not {images.shape}")
        found = []
        for stage in self.stages:
            images = stage(images)
            found.append(images)
        return found

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D"]:
        return self.features(self.maps(images)[-1].mean(dim=(2, 3)))


def seeded(build: Callable[[ConvNetConfig], M], config: ConvNetConfig, seed: int) -> M:
    """Return a new network whose first weights come from ``seed`` alone; torch's own generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(config)


def fit(
    parameters: list[nn.Parameter],
    batch_loss: Callable[[Int[Tensor, " B"]], Float[Tensor, ""]],
    n: int,
    generator: torch.Generator,
    *,
    updates: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
) -> list[float]:
    """Minimise with AdamW on batches drawn out of ``n`` items with replacement; return the loss of every update.

    ``batch_loss`` gives the loss of the items at given places. Raises InvalidConfig for no items, no updates, or
    batches of fewer than two; NotFinite for a loss that is NaN or infinite.
    """
    if n < 1 or updates < 1 or batch_size < 2:
        raise InvalidConfig(f"training needs items, updates and batches of at least 2: {n}, {updates}, {batch_size}")
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=weight_decay, fused=True)
    losses = []
    for number in range(1, updates + 1):
        optimiser.param_groups[0]["lr"] = one_cycle(number, updates, learning_rate)
        loss = batch_loss(torch.randint(n, (batch_size,), generator=generator))
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            raise NotFinite(f"loss = {losses[-1]} at update {number}; lower the learning rate, or look at the images")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return losses


def check_labels(labels: Int[Tensor, " N"], n: int, classes: int) -> None:
    """Raise InvalidLabels unless they are n whole numbers from 0 to classes − 1."""
    if labels.shape != (n,) or labels.dtype.is_floating_point:
        raise InvalidLabels(f"labels are whole numbers ({n},), one an image, not {labels.dtype} {tuple(labels.shape)}")
    if n and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise InvalidLabels(f"a label is outside 0 … {classes - 1}; this network has {classes} classes")


def one_cycle(number: int, updates: int, peak: float, *, warmup: float = 0.2) -> float:
    """Return the learning rate of update ``number`` (from 1): up to the peak and down to 0, both straight."""
    done = number / max(1, updates)
    return peak * min(done / warmup, (1 - done) / (1 - warmup) + 1 / updates)


def weights_sha256(module: nn.Module) -> str:
    """Return the sha256 over all parameters and buffers (batch norms' statistics too), by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
