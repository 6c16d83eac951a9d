"""How near reconstructed images are to their originals, image by image, on bytes scaled to [0, 1].

Legend:  n images · H, W height and width · C channels
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8

from tenfold.arguments import unmasked
from tenfold.metrics.bootstrap import RESAMPLES, Estimate, InvalidSamples, estimate, resample_counts

Images = UInt8[np.ndarray, "n H W *C"]
WINDOW, SIGMA = 11, 1.5  # of the structural similarity's Gaussian
PART = 100  # images at once as numbers, which take eight times the bytes
C1, C2 = 0.01**2, 0.03**2


def checked_images(originals: Images, reconstructions: Images) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays. Raises InvalidSamples unless both are bytes of one shape (n, H, W) or (n, H, W, C)."""
    a, b = (np.asarray(unmasked(part, "images")) for part in (originals, reconstructions))
    if a.dtype != np.uint8 or b.dtype != np.uint8:
        raise InvalidSamples(f"images are bytes, rounded alike, not {a.dtype} and {b.dtype}; round both first")
    if a.shape != b.shape or a.ndim not in (3, 4) or not a.size:
        raise InvalidSamples(f"originals {a.shape} and reconstructions {b.shape} are not pairs of images")
    return a, b


def squared_errors(originals: Images, reconstructions: Images) -> Float[np.ndarray, " n"]:
    """Return the mean squared error of each image. Raises InvalidSamples as ``checked_images`` does."""
    a, b = checked_images(originals, reconstructions)
    return _in_parts(lambda first, second: ((first - second) ** 2).reshape(len(first), -1).mean(axis=1), a, b)


def mean_over_images(values: Float[np.ndarray, " n"], *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Return the mean of one value per image, with its bootstrap interval. Raises InvalidSamples for NaN or none."""
    row = np.asarray(values, dtype=float)
    if row.ndim != 1 or not len(row) or not np.isfinite(row).all():
        raise InvalidSamples(f"one finite value per image is needed, not {row.shape}")
    draws = resample_counts(len(row), resamples, np.random.default_rng(seed)) @ row / len(row)
    return estimate(row.mean(), draws, len(row))


def peak_signal_to_noise(errors: Float[np.ndarray, " n"], *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Return −10·log₁₀ of the mean error over all images, in decibels; infinite where nothing was lost.

    ``errors`` are what ``squared_errors`` gave. The mean is taken before the logarithm: a single perfect image would
    make a mean of logarithms infinite. Raises InvalidSamples for NaN or no images.
    """
    mean = mean_over_images(errors, resamples=resamples, seed=seed)
    with np.errstate(divide="ignore"):
        value, *ends = -10 * np.log10(np.array([mean.value, *np.maximum(mean.interval, 0)[::-1]])) + 0.0
    return Estimate(float(value), (float(ends[0]), float(ends[1])), mean.n)


def structural_similarities(originals: Images, reconstructions: Images) -> Float[np.ndarray, " n"]:
    """Return the structural similarity of each image, at most 1, averaged over places and channels.

    A Gaussian window of 11×11 with σ = 1.5, wherever it fits (Wang et al. 2004, Eq. 13). Raises InvalidSamples as
    ``checked_images`` does, and for images smaller than the window.
    """
    a, b = checked_images(originals, reconstructions)
    if min(a.shape[1:3]) < WINDOW:
        raise InvalidSamples(f"images of {a.shape[1]}×{a.shape[2]} are smaller than the window of {WINDOW}×{WINDOW}")
    return _in_parts(_similarities, a, b)


def _in_parts(measure: Callable[[np.ndarray, np.ndarray], np.ndarray], a: Images, b: Images) -> np.ndarray:
    """Return what is measured of each pair of images scaled to [0, 1], a few at a time."""
    starts = range(0, len(a), PART)
    return np.concatenate([measure(a[s : s + PART] / 255, b[s : s + PART] / 255) for s in starts])


def _similarities(a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, " n"]:
    mean_a, mean_b = _windowed(a), _windowed(b)
    var_a, var_b = _windowed(a * a) - mean_a**2, _windowed(b * b) - mean_b**2
    covariance = _windowed(a * b) - mean_a * mean_b
    light = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    structure = (2 * covariance + C2) / (var_a + var_b + C2)
    return (light * structure).reshape(len(a), -1).mean(axis=1)


def _windowed(images: np.ndarray) -> np.ndarray:
    """Average with the Gaussian window, at places where it fits."""
    distance = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(distance**2) / (2 * SIGMA**2))
    weights /= weights.sum()
    for axis in (1, 2):
        places = images.shape[axis] - WINDOW + 1
        shifted = (np.take(images, np.arange(k, k + places), axis=axis) for k in range(WINDOW))
        images = sum(weight * part for weight, part in zip(weights, shifted, strict=True))
    return images
