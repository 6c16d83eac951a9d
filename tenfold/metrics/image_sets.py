"""Any set of images (a folder, an npz file or an array) compared with real ones, or with as many others.

Measured with a metric classifier, the figures are named ``fd_metric_clf``, ``kd_metric_clf``, ``is_metric_clf``,
``precision_metric_clf`` and ``recall_metric_clf``: they are neither FID nor Inception Score.

Legend:  N images · H, W height and width · C channels · D features
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float

from tenfold.imaging.files import as_pixels
from tenfold.metrics.bootstrap import RESAMPLES, Estimate
from tenfold.metrics.generation import (
    InvalidReference,
    frechet_difference,
    frechet_distance,
    inception_style_score,
    kernel_distance,
    precision_recall,
)
from tenfold.metrics.metric_classifier import MetricClassifier
from tenfold.metrics.reconstruction import (
    mean_over_images,
    peak_signal_to_noise,
    squared_errors,
    structural_similarities,
)
from tenfold.nn.pretrained import weights_sha256
from tenfold.npz_files import opened

Images = str | Path | np.ndarray  # a folder or an npz file, or bytes (N, H, W) or (N, H, W, C)


@dataclass(frozen=True)
class Reference:
    """The features of real images that others are compared with, and what they are of.

    ``split`` says which part of the data they are; ``classifier`` is the sha256 of the network that made them.
    """

    features: Float[np.ndarray, "N D"]
    split: str
    classifier: str

    @classmethod
    def of(cls, source: Images, classifier: MetricClassifier, split: str) -> Self:
        """Measure real images. Raises InvalidImages."""
        pixels = as_pixels(source, channels=classifier.config.channels)
        return cls(classifier.measure(pixels)[0], split, weights_sha256(classifier))

    @property
    def sha256(self) -> str:
        """The checksum of the features as little-endian float64, in order."""
        return hashlib.sha256(np.ascontiguousarray(self.features, dtype="<f8").tobytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write an npz file."""
        split, classifier, sha256 = (np.array(text) for text in (self.split, self.classifier, self.sha256))
        np.savez(path, features=self.features.astype("<f8"), split=split, classifier=classifier, sha256=sha256)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what ``save`` wrote. Raises InvalidReference if it is damaged."""
        with opened(path, InvalidReference, "reference statistics") as archive:
            found = cls(archive["features"], str(archive["split"]), str(archive["classifier"]))
            listed = str(archive["sha256"])
        if found.sha256 != listed:
            raise InvalidReference(f"{path}: the features have sha256 {found.sha256[:12]}…, not {listed[:12]}…")
        return found

    def take(self, n: int, seed: int) -> Float[np.ndarray, "n D"]:
        """Return n of the features, drawn without replacement. Raises InvalidReference if there are fewer."""
        if n > len(self.features):
            raise InvalidReference(
                f"{n} images against a reference of {len(self.features)}: compare equally many, so evaluate fewer "
                f"or measure a larger reference"
            )
        if n == len(self.features):
            return self.features
        return self.features[np.sort(np.random.default_rng(seed).permutation(len(self.features))[:n])]


def evaluate_images(
    source: Images,
    reference: Reference | Images,
    classifier: MetricClassifier,
    *,
    k: int = 3,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare images with a reference and return every figure as {value, interval, n}, and what it was against.

    If the reference has more images, as many as there are to judge are drawn from it: the distances depend on n.
    Raises InvalidImages (no images, or larger than the metric network reads), InvalidReference (too few, or another
    network's), or InvalidSamples (no more images than features).
    """
    reference = _reference(reference, classifier)
    pixels = as_pixels(source, channels=classifier.config.channels)
    features, probabilities = classifier.measure(pixels)
    real = reference.take(len(features), seed)
    precision, recall = precision_recall(real, features, k, resamples=resamples, seed=seed)
    figures: dict[str, Estimate] = {
        "fd_metric_clf": frechet_distance(features, real, resamples=resamples, seed=seed),
        "kd_metric_clf": kernel_distance(features, real, resamples=resamples, seed=seed),
        "is_metric_clf": inception_style_score(probabilities, resamples=resamples, seed=seed),
        "precision_metric_clf": precision,
        "recall_metric_clf": recall,
    }
    against = {"sha256": reference.sha256, "split": reference.split, "of": len(reference.features), "used": len(real)}
    return {**_figures(figures), "k": k, "reference": against, "metric_classifier": reference.classifier}


def compare_images(
    first: Images,
    second: Images,
    reference: Reference | Images,
    classifier: MetricClassifier,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the fd_metric_clf of the first images less that of the second, with one resampled reference for both.

    Negative: the first are nearer to the reference. Raises as ``evaluate_images`` does, and InvalidSamples unless both
    are equally many.
    """
    reference = _reference(reference, classifier)
    channels = classifier.config.channels
    a, b = (classifier.measure(as_pixels(source, channels=channels))[0] for source in (first, second))
    real = reference.take(len(a), seed)
    difference = frechet_difference(a, b, real, resamples=resamples, seed=seed)
    return _figures({"fd_metric_clf_difference": difference})


def evaluate_reconstruction(
    originals: Images,
    reconstructions: Images,
    *,
    channels: int,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare reconstructions with their originals, in the same order: ``mse`` and ``ssim`` on [0, 1], ``psnr`` in dB.

    A psnr without any loss is infinite and given as None. Distances between the two sets as sets are
    ``evaluate_images``'. Raises InvalidImages, or InvalidSamples for sets that are no pairs.
    """
    first, second = (as_pixels(source, channels=channels) for source in (originals, reconstructions))
    errors = squared_errors(first, second)
    figures = {
        "mse": mean_over_images(errors, resamples=resamples, seed=seed),
        "psnr": peak_signal_to_noise(errors, resamples=resamples, seed=seed),
        "ssim": mean_over_images(structural_similarities(first, second), resamples=resamples, seed=seed),
    }
    return _figures(figures)


def _figures(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    """Return estimates as JSON holds them, None for infinity."""

    def finite(number: float) -> float | None:
        return number if math.isfinite(number) else None

    return {
        name: {"value": finite(e.value), "interval": [finite(end) for end in e.interval], "n": e.n}
        for name, e in estimates.items()
    }


def _reference(source: Reference | Images, classifier: MetricClassifier) -> Reference:
    """Return reference statistics, or measure the images given in their place. Raises InvalidReference."""
    if isinstance(source, Reference):
        found = source
    elif isinstance(source, str | Path) and _is_reference(Path(source)):
        found = Reference.load(Path(source))
    else:
        return Reference.of(source, classifier, "given")
    if found.classifier != weights_sha256(classifier):
        raise InvalidReference("the reference was measured with another network; measure it again with this one")
    return found


def _is_reference(path: Path) -> bool:
    if path.suffix != ".npz" or not path.is_file():
        return False
    try:
        with opened(path, InvalidReference) as archive:
            return {"features", "classifier", "sha256"} <= set(archive.files)
    except InvalidReference:
        return False  # whoever reads it as images says what is wrong
