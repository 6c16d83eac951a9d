"""Linear probes: how well class labels can be read off a branch's mean token.

The features are standardised on the training set (a batch norm without gain) before a linear classifier.
**Deviation:** the classifier is fitted to its optimum, with a weak penalty, rather than by ten epochs of AdamW: at few
features that takes about a second and leaves no learning rate to choose.

Legend:  N, M training and test images · P branches · D features
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from tenfold.imagefolder.errors import InvalidImages
from tenfold.metrics.bootstrap import CONFIDENCE, Estimate, InvalidSamples, paired_difference

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

    from tenfold.imagefolder.tokenizer import Tokenizer

CAVEAT = (
    "A probe of features that a teacher shaped also measures what the teacher saw: here, unlabelled training images of "
    "the same data set; in the paper's setting, a pretraining pool that holds ImageNet-like images."
)
SMALLEST_SPREAD = 1e-8
SHUFFLES = 5  # of the control: where classes form clusters, one permutation gives whole clusters one label


@dataclass(frozen=True)
class Probe:
    """Test accuracy with its exact binomial interval; ``correct`` pairs it with another probe of the same images.

    ``shuffled_accuracy`` is that of the same probe trained on permuted labels, averaged over a few permutations: about
    ``chance``, the commonest class's share of the test set, or below; much more means that test and training sets are
    not what they seem. It spreads more than n independent guesses would, by a few hundredths for ten tight clusters.
    """

    accuracy: float
    interval: tuple[float, float]
    correct: Bool[np.ndarray, " M"]
    shuffled_accuracy: float
    chance: float
    n: int


def branch_features(
    tokenizer: Tokenizer, pixels: UInt8[np.ndarray, "N H W *C"], *, batch: int = 250
) -> Float[np.ndarray, "N P D"]:
    """Return each branch's mean quantised token of pictures as bytes, padded to the tokenizer's size.

    Raises InvalidImages.
    """
    from tenfold.imagefolder.pictures import to_tensor

    if not len(pixels):
        raise InvalidImages("there are no pictures to encode")
    size, device = tokenizer.config.image_size, next(tokenizer.parameters()).device
    mode = tokenizer.training
    tokenizer.eval()
    parts = [
        tokenizer.features(to_tensor(pixels[start : start + batch], size=size).to(device)).cpu().numpy()
        for start in range(0, len(pixels), batch)
    ]
    tokenizer.train(mode)
    return np.concatenate(parts).astype(np.float64)


def linear_probe(
    train_features: Float[np.ndarray, "N D"],
    train_labels: Int[np.ndarray, " N"],
    test_features: Float[np.ndarray, "M D"],
    test_labels: Int[np.ndarray, " M"],
    *,
    seed: int = 0,
) -> Probe:
    """Fit a linear classifier on the training set and test it; ``seed`` permutes the control's labels.

    Features that are the same for all training images, those of a collapsed branch, are probed like any others: a
    classifier can learn from them only which class is commonest, and answers it for every image. The accuracy is then
    that class's share of the test set, ``chance`` where classes are equally common, and so is that of shuffled labels.
    Raises InvalidSamples for arrays that do not fit each other, NaN or infinity, or one class only.
    """
    from scipy import stats

    train, test = _standardised(train_features, train_labels, test_features, test_labels, dimensions=2)
    train_labels, test_labels = np.asarray(train_labels), np.asarray(test_labels)
    generator = np.random.default_rng(seed)
    correct = _fitted(train, train_labels).predict(test) == test_labels
    shuffled = [_fitted(train, generator.permutation(train_labels)).predict(test) for _ in range(SHUFFLES)]
    control = float((np.stack(shuffled) == test_labels).mean())
    ends = stats.binomtest(int(correct.sum()), len(correct)).proportion_ci(CONFIDENCE)
    chance = np.unique(test_labels, return_counts=True)[1].max() / len(test_labels)
    interval = (float(ends.low), float(ends.high))
    return Probe(float(correct.mean()), interval, correct, control, float(chance), len(correct))


def branch_probes(
    train_features: Float[np.ndarray, "N P D"],
    train_labels: Int[np.ndarray, " N"],
    test_features: Float[np.ndarray, "M P D"],
    test_labels: Int[np.ndarray, " M"],
    *,
    seed: int = 0,
) -> list[Probe]:
    """Return the linear probe of each branch alone. Raises InvalidSamples as ``linear_probe`` does."""
    train, test = np.asarray(train_features), np.asarray(test_features)
    if train.ndim != 3 or test.ndim != 3 or train.shape[1:] != test.shape[1:]:
        raise InvalidSamples(f"features of branches are (N, P, D) and (M, P, D), not {train.shape} and {test.shape}")
    return [
        linear_probe(train[:, branch], train_labels, test[:, branch], test_labels, seed=seed)
        for branch in range(train.shape[1])
    ]


def probe_difference(first: Probe, second: Probe, *, seed: int = 0) -> Estimate:
    """Return the accuracy of the first less that of the second, paired over the test images they share.

    Raises InvalidSamples if they were tested on different numbers of images.
    """
    return paired_difference(first.correct.astype(float), second.correct.astype(float), seed=seed)


def branch_dependence(
    train_features: Float[np.ndarray, "N P D"],
    train_labels: Int[np.ndarray, " N"],
    test_features: Float[np.ndarray, "M P D"],
    test_labels: Int[np.ndarray, " M"],
) -> Float[np.ndarray, " P"]:
    """Return, for each branch, how much accuracy a probe of all branches loses when that branch is set to its mean.

    A branch that is the same for all images loses exactly nothing. Raises InvalidSamples as ``linear_probe`` does.
    """
    train, test = _standardised(train_features, train_labels, test_features, test_labels, dimensions=3)
    model = _fitted(train.reshape(len(train), -1), np.asarray(train_labels))

    def accuracy(features: np.ndarray) -> float:
        return float((model.predict(features.reshape(len(features), -1)) == np.asarray(test_labels)).mean())

    whole, lost = accuracy(test), []
    for branch in range(test.shape[1]):
        without = test.copy()
        without[:, branch] = 0  # the mean, since features are standardised
        lost.append(whole - accuracy(without))
    return np.array(lost)


def _standardised(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    *,
    dimensions: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return both sets with the training set's mean 0 and spread 1. Raises InvalidSamples."""
    train, test = _checked(train_features, train_labels, dimensions), _checked(test_features, test_labels, dimensions)
    if train.shape[1:] != test.shape[1:]:
        raise InvalidSamples(f"training features {train.shape} and test features {test.shape} are not of one network")
    if len(np.unique(train_labels)) < 2:
        raise InvalidSamples("a probe needs at least two classes")
    mean, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread < SMALLEST_SPREAD, 1, spread)  # a constant feature becomes zero
    return (train - mean) / spread, (test - mean) / spread


def _checked(features: np.ndarray, labels: np.ndarray, dimensions: int) -> np.ndarray:
    array = np.asarray(features, dtype=float)
    if array.ndim != dimensions or not array.size or np.shape(labels) != (len(array),):
        raise InvalidSamples(
            f"features {array.shape} with {dimensions} axes, one row an image, do not fit labels {np.shape(labels)}"
        )
    if not np.isfinite(array).all():
        raise InvalidSamples("a feature is NaN or infinite")
    return array


def _fitted(features: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0, max_iter=300, tol=1e-3).fit(features, labels)
