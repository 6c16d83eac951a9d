"""Linear probes: how well class labels can be read off a branch's mean token.

The features are standardised on the training set (a batch norm without gain) before a linear classifier.

Legend:  N, M training and test images · P branches · D features
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from tenfold.metrics.bootstrap import CONFIDENCE, InvalidSamples

CAVEAT = (
    "A probe of features that a teacher shaped also measures what the teacher saw: here, unlabelled training images of "
    "the same data set; in the paper's setting, a pretraining pool that holds ImageNet-like images."
)
SMALLEST_SPREAD = 1e-8


@dataclass(frozen=True)
class Probe:
    """Test accuracy with its exact binomial interval; ``correct`` pairs it with another probe of the same images.

    ``shuffled_accuracy`` is that of the same probe trained on permuted labels: about ``chance``, the commonest class's
    share of the test set, or below; more means that test and training sets are not what they seem.
    """

    accuracy: float
    interval: tuple[float, float]
    correct: Bool[np.ndarray, " M"]
    shuffled_accuracy: float
    chance: float
    n: int


def linear_probe(
    train_features: Float[np.ndarray, "N D"], train_labels: Int[np.ndarray, " N"],
    test_features: Float[np.ndarray, "M D"], test_labels: Int[np.ndarray, " M"], *, seed: int = 0,
) -> Probe:  # fmt: skip
    """Fit a linear classifier on the training set and test it; ``seed`` permutes the control's labels.

    Raises InvalidSamples for arrays that do not fit each other, NaN, one class only, or constant features.
    """
    from scipy import stats

    train, test = _checked(train_features, train_labels), _checked(test_features, test_labels)
    if train.shape[1] != test.shape[1]:
        raise InvalidSamples(f"training and test features have {train.shape[1]} and {test.shape[1]} dimensions")
    if len(np.unique(train_labels)) < 2:
        raise InvalidSamples("a probe needs at least two classes")
    mean, spread = train.mean(axis=0), train.std(axis=0)
    if spread.max() < SMALLEST_SPREAD:
        raise InvalidSamples("the features are the same for all images: the branch carries nothing")
    spread = np.where(spread < SMALLEST_SPREAD, 1, spread)  # a constant feature becomes zero
    train, test = (train - mean) / spread, (test - mean) / spread
    shuffled = np.random.default_rng(seed).permutation(train_labels)
    correct = _fitted(train, train_labels).predict(test) == test_labels
    control = _fitted(train, shuffled).predict(test) == test_labels
    ends = stats.binomtest(int(correct.sum()), len(correct)).proportion_ci(CONFIDENCE)
    chance = np.unique(test_labels, return_counts=True)[1].max() / len(test_labels)
    interval = (float(ends.low), float(ends.high))
    return Probe(float(correct.mean()), interval, correct, float(control.mean()), float(chance), len(correct))


def branch_dependence(
    train_features: Float[np.ndarray, "N P D"], train_labels: Int[np.ndarray, " N"],
    test_features: Float[np.ndarray, "M P D"], test_labels: Int[np.ndarray, " M"],
) -> Float[np.ndarray, " P"]:  # fmt: skip
    """Return, for each branch, how much accuracy a probe of all branches loses when that branch is set to its mean.

    Raises InvalidSamples as ``linear_probe`` does.
    """
    train, test = _checked(train_features, train_labels), _checked(test_features, test_labels)
    mean, spread = train.mean(axis=0), np.maximum(train.std(axis=0), SMALLEST_SPREAD)
    train, test = (train - mean) / spread, (test - mean) / spread
    model = _fitted(train.reshape(len(train), -1), train_labels)
    whole = float((model.predict(test.reshape(len(test), -1)) == test_labels).mean())
    lost = []
    for branch in range(test.shape[1]):
        without = test.copy()
        without[:, branch] = 0
        lost.append(whole - float((model.predict(without.reshape(len(test), -1)) == test_labels).mean()))
    return np.array(lost)


def _checked(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    array = np.asarray(features, dtype=float)
    if array.ndim < 2 or len(array) != len(labels) or not len(array):
        raise InvalidSamples(f"features {array.shape} do not fit {len(labels)} labels")
    if not np.isfinite(array).all():
        raise InvalidSamples("a feature is NaN or infinite")
    return array


def _fitted(features: np.ndarray, labels: np.ndarray):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0, max_iter=300, tol=1e-3).fit(features, labels)
