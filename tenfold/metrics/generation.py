"""How near generated samples are to real ones, from features and class probabilities of any network.

The names FID, KID and IS belong to one Inception network; whoever calls these functions with another names what they
return after it. All distances take equally many real and generated samples, since their values depend on n.

Legend:  n samples · D features · C classes · R resamples
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tenfold.arguments import unmasked
from tenfold.metrics.bootstrap import RESAMPLES, Estimate, InvalidSamples, estimate, resample_counts

Features = Float[np.ndarray, "n D"]
LARGEST_BLOCK = 5000  # rows of a kernel matrix
WORKING_SET = 2**23  # numbers held at once


class InvalidReference(ValueError):
    """Reference statistics are damaged, made with another network, or of fewer images than are to be judged."""


def checked(features: np.ndarray, name: str) -> Features:
    """Return float64 features. Raises InvalidSamples unless finite (n, D) with n ≥ 2."""
    array = np.asarray(unmasked(features, name), dtype=np.float64)
    if array.ndim != 2 or len(array) < 2 or not array.shape[1]:
        raise InvalidSamples(f"{name}: features are (n, D) with at least two rows, not {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidSamples(f"{name}: a feature is NaN or infinite; look at the images it is of")
    return array


def checked_pair(first: np.ndarray, second: np.ndarray) -> tuple[Features, Features]:
    """Return both as float64. Raises InvalidSamples also for another D or another n."""
    a, b = checked(first, "the first set"), checked(second, "the second set")
    if a.shape[1] != b.shape[1]:
        raise InvalidSamples(f"features of {a.shape[1]} and {b.shape[1]} dimensions are not of one network")
    if len(a) != len(b):
        raise InvalidSamples(f"{len(a)} and {len(b)} samples: take equally many, the distances depend on how many")
    return a, b


@dataclass(frozen=True)
class Moments:
    """Mean (…, D) and unbiased covariance (…, D, D) of ``n`` samples."""

    mean: Float[np.ndarray, "*R D"]
    covariance: Float[np.ndarray, "*R D D"]
    n: int


def moments(features: np.ndarray) -> Moments:
    """Return the moments of features. Raises InvalidSamples also if n ≤ D leaves the covariance singular."""
    array = _enough(checked(features, "the set"))
    return Moments(array.mean(axis=0), np.atleast_2d(np.cov(array, rowvar=False)), len(array))


def _enough(array: Features) -> Features:
    n, D = array.shape
    if n <= D:
        raise InvalidSamples(f"{n} samples leave a covariance of {D} dimensions singular; take more than {D}")
    return array


def frechet_from_moments(first: Moments, second: Moments) -> Float[np.ndarray, "*R"]:
    """Return ‖μ₁ − μ₂‖² + tr C₁ + tr C₂ − 2·tr (C₁C₂)^½, for each pair in a batch (Heusel et al. 2017, Eq. 6).

    The eigenvalues of C₁C₂ are those of the symmetric C₁^½ C₂ C₁^½: no general matrix root, nothing complex.
    """
    values, vectors = np.linalg.eigh(first.covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))[..., None, :]) @ np.swapaxes(vectors, -1, -2)  # C₁^½
    products = np.linalg.eigvalsh(root @ second.covariance @ root)
    overlap = np.sqrt(np.maximum(products, 0)).sum(axis=-1)
    traces = sum(np.trace(one.covariance, axis1=-2, axis2=-1) for one in (first, second))
    return ((first.mean - second.mean) ** 2).sum(axis=-1) + traces - 2 * overlap


def _resampled_moments(array: Features, counts: Float[np.ndarray, "R n"]) -> Moments:
    """Return the moments of each resample, a few resamples at a time."""
    n, D = array.shape
    centred = array - array.mean(axis=0)
    means = counts @ centred / n  # (R, D)
    size = max(1, WORKING_SET // (n * D))
    parts = [
        np.swapaxes(counts[start : start + size, :, None] * centred, 1, 2) @ centred
        for start in range(0, len(counts), size)
    ]
    covariance = (np.concatenate(parts) - n * means[:, :, None] * means[:, None, :]) / (n - 1)
    return Moments(means + array.mean(axis=0), covariance, n)


def frechet_distance(
    features_a: np.ndarray, features_b: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Return the Fréchet distance of two sets of features, with an interval from resampling both.

    Raises InvalidSamples for unequal n or D, n ≤ D, or NaN.
    """
    a, b = checked_pair(features_a, features_b)
    generator = np.random.default_rng(seed)
    value = frechet_from_moments(moments(a), moments(b))
    first = _resampled_moments(a, resample_counts(len(a), resamples, generator))
    second = _resampled_moments(b, resample_counts(len(b), resamples, generator))
    return estimate(float(value), frechet_from_moments(first, second), len(a))


def frechet_difference(
    first: np.ndarray, second: np.ndarray, reference: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Return FD(first, reference) − FD(second, reference); each resample of the reference serves both.

    Raises InvalidSamples as ``frechet_distance`` does.
    """
    a, real = checked_pair(first, reference)
    b, _ = checked_pair(second, reference)
    generator = np.random.default_rng(seed)
    theirs = moments(real)
    value = frechet_from_moments(moments(a), theirs) - frechet_from_moments(moments(b), theirs)
    drawn = [_resampled_moments(one, resample_counts(len(one), resamples, generator)) for one in (a, b, real)]
    draws = frechet_from_moments(drawn[0], drawn[2]) - frechet_from_moments(drawn[1], drawn[2])
    return estimate(float(value), draws, len(a))


def polynomial_kernel(a: Features, b: Features) -> Float[np.ndarray, "n m"]:
    """Return (⟨x, y⟩/D + 1)³ (Bińkowski et al. 2018, Section 4)."""
    return (a @ b.T / a.shape[1] + 1) ** 3


def kernel_distance(
    features_a: np.ndarray, features_b: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Return the unbiased squared maximum mean discrepancy under the cubic kernel; it may be negative.

    A resample weighs pairs of two different items only, so that an item drawn twice is no pair with itself. More than
    5000 samples are cut into equal blocks at random, whose values are averaged: still unbiased.
    Raises InvalidSamples for unequal n or D, or NaN.
    """
    a, b = checked_pair(features_a, features_b)
    generator = np.random.default_rng(seed)
    blocks = -(-len(a) // LARGEST_BLOCK)
    orders = [np.array_split(generator.permutation(len(a)), blocks) for _ in range(2)]
    parts = [_block_distances(a[i], b[j[: len(i)]], resamples, generator) for i, j in zip(*orders, strict=True)]
    values = np.mean(parts, axis=0)  # the value, then the resampled ones
    return estimate(values[0], values[1:], len(a))


def _block_distances(a: Features, b: Features, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Return the discrepancy and those of R resamples: U-statistics within, a mean across."""
    ones = np.ones((1, len(a)))
    first = np.concatenate([ones, resample_counts(len(a), resamples, generator)])
    second = np.concatenate([ones, resample_counts(len(b), resamples, generator)])
    within = 0.0
    for rows, counts in ((a, first), (b, second)):
        kernel = polynomial_kernel(rows, rows)
        np.fill_diagonal(kernel, 0)
        pairs = counts.sum(axis=1) ** 2 - (counts**2).sum(axis=1)
        within = within + ((counts @ kernel) * counts).sum(axis=1) / pairs
    across = ((first @ polynomial_kernel(a, b)) * second).sum(axis=1) / (len(a) * len(b))
    return within - 2 * across


def inception_style_score(
    probabilities: Float[np.ndarray, "n C"], *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Return exp of the mean KL divergence of p(y|x) from p(y): from 1 to C (Salimans et al. 2016).

    Raises InvalidSamples unless every row is a distribution.
    """
    p = checked(probabilities, "probabilities")
    if (p < 0).any() or not np.allclose(p.sum(axis=1), 1, atol=1e-4):
        raise InvalidSamples("each row of probabilities must be non-negative and sum to 1")
    counts = resample_counts(len(p), resamples, np.random.default_rng(seed))
    counts = np.concatenate([np.ones((1, len(p))), counts])
    own = counts @ _entropy(p) / len(p)  # mean entropy of p(y|x)
    scores = np.exp(_entropy(counts @ p / len(p)) - own)
    return estimate(scores[0], scores[1:], len(p))


def _entropy(p: np.ndarray) -> np.ndarray:
    from scipy.special import entr

    return entr(p).sum(axis=-1)


def precision_recall(
    real: np.ndarray, generated: np.ndarray, k: int = 3, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[Estimate, Estimate]:
    """Return precision, the share of generated samples inside the real manifold, and recall, the reverse.

    A set's manifold is the union of balls around its samples that reach their k-th neighbour (Kynkäänniemi et al.
    2019, Eq. 1–3). The intervals resample the samples that are judged, with the manifolds held fixed.
    Raises InvalidSamples for unequal n or D, k outside 1 … n − 1, or NaN.
    """
    a, b = checked_pair(real, generated)
    if not 1 <= k < len(a):
        raise InvalidSamples(f"k from 1 to {len(a) - 1} for {len(a)} samples, not {k}")
    generator = np.random.default_rng(seed)
    shares = []
    for judged, manifold in ((b, a), (a, b)):
        inside = inside_manifold(judged, manifold, k).astype(float)
        draws = resample_counts(len(inside), resamples, generator) @ inside / len(inside)
        shares.append(estimate(inside.mean(), draws, len(inside)))
    return shares[0], shares[1]


def inside_manifold(judged: Features, manifold: Features, k: int) -> Bool[np.ndarray, " n"]:
    """Say of each judged sample whether some ball of the manifold holds it."""
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors

    neighbours = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(manifold)
    radii = neighbours.kneighbors()[0][:, -1]  # without a query, a sample is no neighbour of itself
    return np.concatenate([(d <= radii).any(axis=1) for d in pairwise_distances_chunked(judged, manifold)])
