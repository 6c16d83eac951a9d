"""The metric network of the small settings, ``metric_clf``: a supervised classifier with a seed of its own.

It stands in for InceptionV3, so what is measured with it is called ``fd_metric_clf`` and so on, never FID. It takes no
part in any training: neither the perceptual loss, nor the teacher, nor the discriminator may use it.

Legend:  B images · C channels · D features · N images of a set
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from tenfold.imagefolder.convnet import ConvNet, ConvNetConfig, one_cycle
from tenfold.imagefolder.pictures import to_tensor
from tenfold.imagefolder.saving import Pretrained

Images = Float[Tensor, "B C H W"]


class MetricClassifier(Pretrained):
    """Supervised image classifier whose features and probabilities the generation metrics read."""

    Config: ClassVar[type] = ConvNetConfig

    def __init__(self, config: ConvNetConfig) -> None:
        super().__init__()
        self.config = config
        self.body = ConvNet(config)
        self.head = nn.Linear(config.features, config.classes)

    def features(self, images: Images) -> Float[Tensor, "B D"]:
        """Return the features before the last layer."""
        return functional.relu(self.body(images))

    def logits(self, images: Images) -> Float[Tensor, "B classes"]:
        """Return the class logits."""
        return self.head(self.features(images))

    def forward(self, images: Images) -> Float[Tensor, "B classes"]:
        return self.logits(images)

    @torch.inference_mode()
    def measure(
        self, pixels: UInt8[np.ndarray, "N H W *C"], *, batch: int = 500
    ) -> tuple[Float[np.ndarray, "N D"], Float[np.ndarray, "N classes"]]:
        """Return features and class probabilities of pictures as bytes, padded to the classifier's size.

        Bytes, so that real and generated pictures have been rounded alike. Raises InvalidImages.
        """
        self.eval()
        device = self.head.weight.device
        features, probabilities = [], []
        for start in range(0, len(pixels), batch):
            images = to_tensor(pixels[start : start + batch], size=self.config.image_size).to(device)
            found = self.features(images)
            features.append(found.cpu().numpy())
            probabilities.append(self.head(found).softmax(dim=1).cpu().numpy())
        return np.concatenate(features).astype(np.float64), np.concatenate(probabilities).astype(np.float64)

    def predict(self, inputs: UInt8[np.ndarray, "N H W *C"]) -> Float[np.ndarray, "N classes"]:
        """Return the class probabilities of pictures as bytes."""
        return self.measure(np.asarray(inputs))[1]

    def accuracy(self, pixels: UInt8[np.ndarray, "N H W *C"], labels: Int[np.ndarray, " N"]) -> float:
        """Return the share of pictures whose likeliest class is the given one."""
        return float((self.predict(pixels).argmax(axis=1) == np.asarray(labels)).mean())


def metric_classifier_loss(model: nn.Module, images: Images, labels: Int[Tensor, " B"]) -> Float[Tensor, ""]:
    """Return the cross-entropy in nats of one batch."""
    return functional.cross_entropy(model(images), labels)


def train_metric_classifier(
    model: MetricClassifier, images: Float[Tensor, "N C H W"], labels: Int[Tensor, " N"], updates: int,
    generator: torch.Generator, *, batch_size: int = 128, learning_rate: float = 3e-3,
) -> list[float]:  # fmt: skip
    """Train in place; return the loss of every update. ``generator`` draws the batches."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.05)
    losses = []
    model.train()
    for number in range(1, updates + 1):
        chosen = torch.randint(len(images), (batch_size,), generator=generator)
        optimiser.param_groups[0]["lr"] = one_cycle(number, updates, learning_rate)
        loss = metric_classifier_loss(model, images[chosen], labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    model.eval()
    return losses
