"""A metric network for small settings, ``metric_clf``: a supervised classifier with a seed of its own.

It stands in for InceptionV3, so what is measured with it is called ``fd_metric_clf`` and so on, never FID. It must take
no part in the training of what it measures: as a perceptual loss, a teacher or a discriminator it would judge itself.

Legend:  B images · C channels · H, W height and width · D features · N images of a set
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from tenfold.arguments import unmasked
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_tensor
from tenfold.nn.augmentation import mirrored
from tenfold.nn.convnet import ConvNet, ConvNetConfig
from tenfold.nn.fitting import check_labels, fit
from tenfold.nn.pretrained import Pretrained

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
        """Return the class logits."""
        return self.logits(images)

    @torch.inference_mode()
    def measure(
        self, pixels: UInt8[np.ndarray, "N H W *C"], *, batch: int = 500
    ) -> tuple[Float[np.ndarray, "N D"], Float[np.ndarray, "N classes"]]:
        """Return features and class probabilities of images as bytes, padded to the classifier's size.

        Bytes, so that real and generated images have been rounded alike. Raises InvalidImages for no images, another
        type, shape or number of channels, or images larger than the classifier reads.
        """
        if not len(pixels):
            raise InvalidImages("there are no images to measure")
        self.eval()
        weight = self.head.weight
        features, probabilities = [], []
        for start in range(0, len(pixels), batch):
            images = to_tensor(pixels[start : start + batch], size=self.config.image_size).to(weight)
            found = self.features(images)
            features.append(found.float().cpu().numpy())
            probabilities.append(self.head(found).float().softmax(dim=1).cpu().numpy())
        return np.concatenate(features).astype(np.float64), np.concatenate(probabilities).astype(np.float64)

    def predict(self, inputs: UInt8[np.ndarray, "N H W *C"]) -> Float[np.ndarray, "N classes"]:
        """Return the class probabilities of images as bytes."""
        return self.measure(np.asarray(unmasked(inputs, "images")))[1]

    def accuracy(self, pixels: UInt8[np.ndarray, "N H W *C"], labels: Int[np.ndarray, " N"]) -> float:
        """Return the share of images whose likeliest class is the given one. Raises InvalidLabels, InvalidImages."""
        check_labels(torch.as_tensor(np.asarray(labels)), len(pixels), self.config.classes)
        return float((self.predict(pixels).argmax(axis=1) == np.asarray(labels)).mean())


def train_metric_classifier(
    model: MetricClassifier,
    images: Float[Tensor, "N C H W"],
    labels: Int[Tensor, " N"],
    updates: int,
    generator: torch.Generator,
    *,
    batch_size: int = 64,
    learning_rate: float = 6e-3,
    mirror: bool = False,
) -> list[float]:
    """Train in place on the cross-entropy; return the loss in nats of every update.

    ``generator`` draws the batches and, with ``mirror``, which images are mirrored: for classes that allow it.
    Raises InvalidLabels, InvalidImages (another number of channels), InvalidConfig, or NotFinite.
    """
    check_labels(labels, len(images), model.config.classes)
    model.train()

    def loss(chosen: Tensor) -> Tensor:
        batch = mirrored(images[chosen], generator) if mirror else images[chosen]
        return functional.cross_entropy(model(batch), labels[chosen])

    losses = fit(
        list(model.parameters()),
        loss,
        len(images),
        generator,
        updates=updates,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=0.05,
    )
    model.eval()
    return losses
