"""Evaluation of any set of pictures, a folder, an .npz file or an array, against real ones.

With the small settings' metric network the figures are named ``fd_metric_clf``, ``kd_metric_clf``, ``is_metric_clf``,
``precision_metric_clf`` and ``recall_metric_clf``: they are neither FID nor Inception Score.

Legend:  N pictures · D features
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, UInt8

from tenfold.imagefolder.convnet import weights_sha256
from tenfold.imagefolder.errors import InvalidImages
from tenfold.imagefolder.files import read_pictures
from tenfold.imagefolder.metric_classifier import MetricClassifier
from tenfold.metrics.bootstrap import RESAMPLES, Estimate
from tenfold.metrics.generation import (
    frechet_difference,
    frechet_distance,
    inception_style_score,
    kernel_distance,
    precision_recall,
)
from tenfold.metrics.reconstruction import (
    mean_over_pictures,
    peak_signal_to_noise,
    squared_errors,
    structural_similarities,
)

Pictures = UInt8[np.ndarray, "N H W *C"]


class InvalidReference(ValueError):
    """Reference statistics are damaged, made with another network, or of fewer pictures than are to be judged."""


def pictures_of(source: str | Path | np.ndarray, *, channels: int) -> Pictures:
    """Return pictures as bytes from an array, a folder or an .npz file; one channel gives (N, H, W).

    Raises InvalidImages: nothing there, other types or channels, or pictures of different sizes.
    """
    if not isinstance(source, np.ndarray):
        try:
            source = read_pictures(Path(source), channels=channels)
        except BadZipFile as error:
            raise InvalidImages(f"{source} cannot be read as an npz file: {error}") from None
    pixels = source[..., 0] if source.ndim == 4 and source.shape[-1] == 1 else source
    shaped = pixels.ndim == 3 if channels == 1 else pixels.ndim == 4 and pixels.shape[-1] == channels
    if pixels.dtype != np.uint8 or not shaped or not len(pixels):
        raise InvalidImages(
            f"pictures of {channels} channel(s) are bytes (N, H, W) or (N, H, W, {channels}), not {pixels.dtype} "
            f"{pixels.shape}"
        )
    return pixels


@dataclass(frozen=True)
class Reference:
    """The features of real pictures that others are compared with, which they are of, and their sum.

    ``split`` says which part of the data they are; ``classifier`` is the sha256 of the network that made them.
    """

    features: Float[np.ndarray, "N D"]
    split: str
    classifier: str

    @classmethod
    def of(cls, source: str | Path | np.ndarray, classifier: MetricClassifier, split: str) -> Self:
        """Measure real pictures. Raises InvalidImages."""
        pixels = pictures_of(source, channels=classifier.config.channels)
        return cls(classifier.measure(pixels)[0], split, weights_sha256(classifier))

    @property
    def sha256(self) -> str:
        """The sum over the features as little-endian float64, in order."""
        return hashlib.sha256(np.ascontiguousarray(self.features, dtype="<f8").tobytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        split, classifier, sha256 = (np.array(text) for text in (self.split, self.classifier, self.sha256))
        np.savez(path, features=self.features.astype("<f8"), split=split, classifier=classifier, sha256=sha256)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what ``save`` wrote. Raises InvalidReference if it is damaged."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                found = cls(archive["features"], str(archive["split"]), str(archive["classifier"]))
                listed = str(archive["sha256"])
        except (KeyError, ValueError, OSError, BadZipFile) as error:
            raise InvalidReference(f"{path} holds no reference statistics: {error}") from None
        if found.sha256 != listed:
            raise InvalidReference(f"{path}: the features have sum {found.sha256[:12]}…, not {listed[:12]}…")
        return found

    def take(self, n: int, seed: int) -> Float[np.ndarray, "n D"]:
        """Return n of the features, drawn without replacement. Raises InvalidReference if there are fewer."""
        if n > len(self.features):
            raise InvalidReference(
                f"{n} pictures against a reference of {len(self.features)}: compare equally many, so evaluate fewer "
                f"or measure a larger reference"
            )
        if n == len(self.features):
            return self.features
        return self.features[np.sort(np.random.default_rng(seed).permutation(len(self.features))[:n])]


def evaluate_images(
    source: str | Path | np.ndarray,
    reference: Reference | str | Path | np.ndarray,
    classifier: MetricClassifier,
    *,
    k: int = 3,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare pictures with a reference and return every figure as {value, interval, n}, and what it was against.

    If the reference has more pictures, as many as there are to judge are drawn from it: the distances depend on n.
    Raises InvalidImages (no pictures, or larger than the metric network reads), InvalidReference (too few, or another
    network's), or InvalidSamples (no more pictures than features).
    """
    reference = _reference(reference, classifier)
    pixels = pictures_of(source, channels=classifier.config.channels)
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
    first: str | Path | np.ndarray,
    second: str | Path | np.ndarray,
    reference: Reference | str | Path | np.ndarray,
    classifier: MetricClassifier,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the fd_metric_clf of the first pictures less that of the second, with one resampled reference for both.

    Negative: the first are nearer to the reference. Raises as ``evaluate_images`` does, and InvalidSamples unless both
    are equally many.
    """
    reference = _reference(reference, classifier)
    channels = classifier.config.channels
    a, b = (classifier.measure(pictures_of(source, channels=channels))[0] for source in (first, second))
    real = reference.take(len(a), seed)
    difference = frechet_difference(a, b, real, resamples=resamples, seed=seed)
    return _figures({"fd_metric_clf_difference": difference})


def evaluate_reconstruction(
    originals: str | Path | np.ndarray,
    reconstructions: str | Path | np.ndarray,
    *,
    channels: int,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare reconstructions with their originals, in the same order: ``mse`` and ``ssim`` on [0, 1], ``psnr`` in dB.

    A psnr without any loss is infinite and given as None. Distances between the two sets as sets are
    ``evaluate_images``'. Raises InvalidImages, or InvalidSamples for sets that are no pairs.
    """
    first, second = (pictures_of(source, channels=channels) for source in (originals, reconstructions))
    errors = squared_errors(first, second)
    figures = {
        "mse": mean_over_pictures(errors, resamples=resamples, seed=seed),
        "psnr": peak_signal_to_noise(errors, resamples=resamples, seed=seed),
        "ssim": mean_over_pictures(structural_similarities(first, second), resamples=resamples, seed=seed),
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


def _reference(source: Reference | str | Path | np.ndarray, classifier: MetricClassifier) -> Reference:
    """Return reference statistics, or measure the pictures given in their place. Raises InvalidReference."""
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
        with np.load(path, allow_pickle=False) as archive:
            return {"features", "classifier", "sha256"} <= set(archive.files)
    except (ValueError, OSError, BadZipFile):
        return False  # whoever reads it as pictures says what is wrong
