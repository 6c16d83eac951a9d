"""Linear probes: how well class labels can be read off features, of one kind or of several groups.

The features are standardised on the training set (a batch norm without gain) before a linear classifier, which is
fitted to its optimum with a weak penalty: at few features that takes about a second and leaves no learning rate to
choose.

Legend:  N, M training and test items · G groups of features · D features of a group
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from tenfold.arguments import unmasked
from tenfold.metrics.bootstrap import Estimate, InvalidSamples, paired_difference
from tenfold.metrics.intervals import proportion

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

SMALLEST_SPREAD = 1e-8
SHUFFLES = 5  # of the control: where classes form clusters, one permutation gives whole clusters one label


@dataclass(frozen=True)
class Probe:
    """Test accuracy with its exact binomial interval; ``correct`` pairs it with another probe of the same items.

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


def linear_probe(
    train_features: Float[np.ndarray, "N D"],
    train_labels: Int[np.ndarray, " N"],
    test_features: Float[np.ndarray, "M D"],
    test_labels: Int[np.ndarray, " M"],
    *,
    seed: int = 0,
) -> Probe:
    """Fit a linear classifier on the training set and test it; ``seed`` permutes the control's labels.

    Features that are the same for all training items are probed like any others: a classifier can learn from them
    only which class is commonest, and answers it for every item. The accuracy is then that class's share of the test
    set, ``chance`` where classes are equally common, and so is that of shuffled labels.
    Raises InvalidSamples for arrays that do not fit each other, NaN or infinity, or one class only.
    """
    train, test = _standardised(train_features, train_labels, test_features, test_labels, dimensions=2)
    train_labels, test_labels = np.asarray(train_labels), np.asarray(test_labels)
    generator = np.random.default_rng(seed)
    correct = _fitted(train, train_labels).predict(test) == test_labels
    shuffled = [_fitted(train, generator.permutation(train_labels)).predict(test) for _ in range(SHUFFLES)]
    control = float((np.stack(shuffled) == test_labels).mean())
    chance = np.unique(test_labels, return_counts=True)[1].max() / len(test_labels)
    interval = proportion(correct.sum(), len(correct))
    return Probe(float(correct.mean()), interval, correct, control, float(chance), len(correct))


def group_probes(
    train_features: Float[np.ndarray, "N G D"],
    train_labels: Int[np.ndarray, " N"],
    test_features: Float[np.ndarray, "M G D"],
    test_labels: Int[np.ndarray, " M"],
    *,
    seed: int = 0,
) -> list[Probe]:
    """Return the linear probe of each group of features alone. Raises InvalidSamples as ``linear_probe`` does."""
    train, test = np.asarray(train_features), np.asarray(test_features)
    if train.ndim != 3 or test.ndim != 3 or train.shape[1:] != test.shape[1:]:
        raise InvalidSamples(f"features of groups are (N, G, D) and (M, G, D), not {train.shape} and {test.shape}")
    return [
        linear_probe(train[:, group], train_labels, test[:, group], test_labels, seed=seed)
        for group in range(train.shape[1])
    ]


def probe_difference(first: Probe, second: Probe, *, seed: int = 0) -> Estimate:
    """Return the accuracy of the first less that of the second, paired over the test items they share.

    Raises InvalidSamples if they were tested on different numbers of items.
    """
    return paired_difference(first.correct.astype(float), second.correct.astype(float), seed=seed)


def group_dependence(
    train_features: Float[np.ndarray, "N G D"],
    train_labels: Int[np.ndarray, " N"],
    test_features: Float[np.ndarray, "M G D"],
    test_labels: Int[np.ndarray, " M"],
) -> Float[np.ndarray, " G"]:
    """Return, for each group, how much accuracy a probe of all groups loses when that group is set to its mean.

    A group that is the same for all items loses exactly nothing. Raises InvalidSamples as ``linear_probe`` does.
    """
    train, test = _standardised(train_features, train_labels, test_features, test_labels, dimensions=3)
    model = _fitted(train.reshape(len(train), -1), np.asarray(train_labels))

    def accuracy(features: np.ndarray) -> float:
        return float((model.predict(features.reshape(len(features), -1)) == np.asarray(test_labels)).mean())

    whole, lost = accuracy(test), []
    for group in range(test.shape[1]):
        without = test.copy()
        without[:, group] = 0  # the mean, since features are standardised
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
    array = np.asarray(unmasked(features, "features"), dtype=float)
    if array.ndim != dimensions or not array.size or np.shape(labels) != (len(array),):
        raise InvalidSamples(
            f"features {array.shape} with {dimensions} axes, one row per item, do not fit labels {np.shape(labels)}"
        )
    if not np.isfinite(array).all():
        raise InvalidSamples("a feature is NaN or infinite")
    return array


def _fitted(features: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0, max_iter=300, tol=1e-3).fit(features, labels)
