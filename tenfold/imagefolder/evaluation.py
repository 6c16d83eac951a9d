"""Evaluation of any set of pictures, a folder, an .npz file or an array, against real ones.

With the small settings' metric network the figures are named ``fd_metric_clf``, ``kd_metric_clf``, ``is_metric_clf``,
``precision_metric_clf`` and ``recall_metric_clf``: they are neither FID nor Inception Score.

Legend:  N pictures · D features
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float, UInt8

from tenfold.imagefolder.convnet import weights_sha256
from tenfold.imagefolder.metric_classifier import MetricClassifier
from tenfold.metrics.bootstrap import RESAMPLES, Estimate
from tenfold.metrics.generation import (
    frechet_distance,
    inception_style_score,
    kernel_distance,
    precision_recall,
)

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
Pictures = UInt8[np.ndarray, "N H W *C"]


class UnreadableImages(ValueError):
    """A folder, file or array holds no set of pictures of one size."""


class InvalidReference(ValueError):
    """Reference statistics are damaged, made with another network, or of fewer pictures than are to be judged."""


def read_images(source: str | Path | np.ndarray, *, channels: int | None = None) -> Pictures:
    """Return pictures as bytes from a folder (files by name), an .npz (``arr_0``, ``images`` or its only array) or
    an array; ``channels`` 1 or 3 says how to read a folder's files.

    Raises UnreadableImages: nothing there, other types, or pictures of different sizes.
    """
    if isinstance(source, np.ndarray):
        pixels = source
    elif Path(source).is_dir():
        pixels = _read_folder(Path(source), channels)
    elif Path(source).suffix == ".npz" and Path(source).is_file():
        pixels = _read_npz(Path(source))
    else:
        raise UnreadableImages(f"{source} is neither a folder of pictures nor an .npz file")
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or not len(pixels):
        raise UnreadableImages(f"pictures are uint8 (N, H, W) or (N, H, W, C), not {pixels.dtype} {pixels.shape}")
    return pixels[..., 0] if pixels.ndim == 4 and pixels.shape[-1] == 1 else pixels


def _read_folder(folder: Path, channels: int | None) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UnreadableImages(f"{folder} holds no pictures ({', '.join(SUFFIXES)})")
    mode = {1: "L", 3: "RGB", None: None}[channels]
    found = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                found.append(np.asarray(picture.convert(mode or ("L" if picture.mode == "L" else "RGB"))))
        except (UnidentifiedImageError, OSError) as error:
            raise UnreadableImages(f"{path} cannot be read: {error}") from None
    shapes = {picture.shape for picture in found}
    if len(shapes) > 1:
        raise UnreadableImages(f"{folder} holds pictures of different sizes: {sorted(map(str, shapes))}")
    return np.stack(found)


def _read_npz(path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = [name for name in ("arr_0", "images") if name in archive.files] or archive.files
            if len(names) != 1:
                raise UnreadableImages(f"{path} holds {', '.join(archive.files)}; name the pictures images")
            return archive[names[0]]
    except (ValueError, OSError) as error:
        if isinstance(error, UnreadableImages):
            raise
        raise UnreadableImages(f"{path} cannot be read: {error}") from None


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
        """Measure real pictures. Raises UnreadableImages."""
        pixels = read_images(source, channels=classifier.config.channels)
        return cls(classifier.measure(pixels)[0], split, weights_sha256(classifier))

    @property
    def sha256(self) -> str:
        """The sum over the features as little-endian float64, in order."""
        return hashlib.sha256(np.ascontiguousarray(self.features, dtype="<f8").tobytes()).hexdigest()

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        texts: dict[str, Any] = {"split": np.array(self.split), "classifier": np.array(self.classifier)}
        np.savez(path, features=self.features.astype("<f8"), sha256=np.array(self.sha256), **texts)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what ``save`` wrote. Raises InvalidReference if it is damaged."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                found = cls(archive["features"], str(archive["split"]), str(archive["classifier"]))
                listed = str(archive["sha256"])
        except (KeyError, ValueError, OSError) as error:
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
    source: str | Path | np.ndarray, reference: Reference | str | Path | np.ndarray, classifier: MetricClassifier,
    *, k: int = 3, resamples: int = RESAMPLES, seed: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Compare pictures with a reference and return every figure as {value, interval, n}, and what it was against.

    If the reference has more pictures, as many as there are to judge are drawn from it: the distances depend on n.
    Raises UnreadableImages, InvalidReference (too few, or another network's), InvalidSamples (too few for D), or
    InvalidImages (larger than the metric network reads).
    """
    if not isinstance(reference, Reference):
        if isinstance(reference, str | Path) and _is_reference(Path(reference)):
            reference = Reference.load(Path(reference))
        else:
            reference = Reference.of(reference, classifier, "given")
    own = weights_sha256(classifier)
    if reference.classifier != own:
        raise InvalidReference("the reference was measured with another network; measure it again with this one")
    pixels = read_images(source, channels=classifier.config.channels)
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
    named = {name: {"value": e.value, "interval": list(e.interval), "n": e.n} for name, e in figures.items()}
    return {**named, "k": k, "reference": against, "metric_classifier": own}


def _is_reference(path: Path) -> bool:
    if path.suffix != ".npz" or not path.is_file():
        return False
    with np.load(path, allow_pickle=False) as archive:
        return {"features", "classifier", "sha256"} <= set(archive.files)
