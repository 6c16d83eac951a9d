"""FID and Inception Score, with the Inception network that those names belong to.

The network comes from the optional package torch-fidelity, which has the public evaluators' weights of 2015 and their
resizing; the Fréchet distance is that of ``tenfold.metrics.generation``. The reference is a file of the public
evaluator, with the moments ``mu`` and ``sigma`` of real images (``VIRTUAL_imagenet256_labeled.npz``), or any images.

Legend:  B, N images · D features · C classes
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import as_pixels
from tenfold.metrics.generation import (
    InvalidReference,
    Moments,
    frechet_from_moments,
    inception_style_score,
    moments,
)
from tenfold.nn.errors import MissingPackage
from tenfold.npz_files import opened

# Bytes (B, 3, H, W) to features (B, D) and class logits (B, C).
Network = Callable[[UInt8[Tensor, "B 3 H W"]], tuple[Float[Tensor, "B D"], Float[Tensor, "B C"]]]
SCORE_PART = 5000  # images; the public evaluator averages the score over such parts


def inception(*, weights: Path | None = None, device: torch.device | str = "cpu") -> Network:
    """Return the Inception network of FID: 2048 features, and logits without bias as its score wants them.

    Without ``weights`` the package downloads them once. Raises MissingPackage, InvalidReference for other weights.
    """
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError:
        raise MissingPackage("FID wants the package torch-fidelity: pip install torch-fidelity") from None
    try:
        network = FeatureExtractorInceptionV3(
            "inception-v3-compat",
            ["2048", "logits_unbiased"],
            feature_extractor_weights_path=None if weights is None else str(weights),
        )
    except (OSError, RuntimeError) as error:
        raise InvalidReference(f"the Inception network cannot be loaded: {error}") from None
    module: Network = network.to(device).eval()
    return module


@torch.inference_mode()
def measure(
    pixels: UInt8[np.ndarray, "N H W *C"], network: Network, *, batch: int = 64, device: torch.device | str = "cpu"
) -> tuple[Float[np.ndarray, "N D"], Float[np.ndarray, "N C"]]:
    """Return features and class probabilities, in float32; one channel is repeated to three.

    Raises InvalidImages for no images or another type or shape.
    """
    coloured = pixels[..., None] if pixels.ndim == 3 else pixels
    if pixels.dtype != np.uint8 or coloured.ndim != 4 or coloured.shape[-1] not in (1, 3) or not len(pixels):
        raise InvalidImages(f"images are bytes (N, H, W) or (N, H, W, 3), at least one, not {pixels.shape}")
    features, probabilities = [], []
    for start in range(0, len(coloured), batch):
        part = torch.from_numpy(np.ascontiguousarray(coloured[start : start + batch].transpose(0, 3, 1, 2)))
        found, logits = network(part.expand(-1, 3, -1, -1).to(device))
        features.append(found.float().cpu().numpy())
        probabilities.append(logits.float().softmax(dim=1).cpu().numpy())
    return np.concatenate(features), np.concatenate(probabilities)


@dataclass(frozen=True)
class ReferenceMoments:
    """Moments of the features of real images, and the sha256 of the file or of the bytes that they are of."""

    moments: Moments
    sha256: str

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read mu and sigma from an npz file of the public evaluator. Raises InvalidReference."""
        with opened(path, InvalidReference, "moments mu and sigma") as archive:
            mean, covariance = archive["mu"].astype(np.float64), archive["sigma"].astype(np.float64)
        if mean.ndim != 1 or covariance.shape != 2 * mean.shape:
            raise InvalidReference(f"{path}: mu is {mean.shape} and sigma {covariance.shape}, of no one network")
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise InvalidReference(f"{path}: a moment is NaN or infinite")
        with path.open("rb") as file:
            return cls(Moments(mean, covariance, 0), hashlib.file_digest(file, "sha256").hexdigest())

    @classmethod
    def of(cls, pixels: UInt8[np.ndarray, "N H W *C"], network: Network, **how: Any) -> Self:
        """Measure real images; ``how`` as for ``measure``. Raises InvalidImages, InvalidSamples unless N > D."""
        sha256 = hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()
        return cls(moments(measure(pixels, network, **how)[0]), sha256)


def reference_moments(source: Path, network: Network, **how: Any) -> ReferenceMoments:
    """Return the moments in an npz file that has them, or those of the images in a folder or npz file."""
    if source.suffix == ".npz" and source.is_file():
        with opened(source, InvalidReference) as archive:
            given = "mu" in archive.files
        if given:
            return ReferenceMoments.load(source)
    return ReferenceMoments.of(as_pixels(source, channels=3), network, **how)


def fid_figures(
    pixels: UInt8[np.ndarray, "N H W *C"], reference: ReferenceMoments, network: Network, **how: Any
) -> dict[str, Any]:
    """Return ``fid`` and ``inception_score`` of images, how many they are, and the reference's sha256.

    The names hold for ``inception()`` alone. FID depends on N: published ones are of 50,000. Raises InvalidImages,
    InvalidSamples unless N > D, InvalidReference for moments of another network.
    """
    features, probabilities = measure(pixels, network, **how)
    own, real = moments(features), reference.moments
    if own.mean.shape != real.mean.shape:
        raise InvalidReference(f"features of {own.mean.size} dimensions and a reference of {real.mean.size}")
    starts = range(0, len(probabilities), SCORE_PART)
    parts = [probabilities[start : start + SCORE_PART] for start in starts]
    scores = [inception_style_score(part, resamples=1).value for part in parts if len(part) > 1]
    fid = float(frechet_from_moments(own, real))
    return {"fid": fid, "inception_score": float(np.mean(scores)), "n": len(pixels), "reference": reference.sha256}
