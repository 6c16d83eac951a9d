"""The baselines: without noise they are what they say, and their noise is calibrated."""

import numpy as np
import pytest

from tenfold.dp_cross_attention.baselines import class_means, mean_value, per_query
from tenfold.dp_cross_attention.exact import exact_attention
from tenfold.privacy.noise import NoiseSource

LOUD = 1e9


def test_per_query_noise_splits_the_budget(memory_rows):
    q, k, v = memory_rows.queries, memory_rows.keys, memory_rows.values
    args = {"radius": 1.0, "value_radius": 1.0, "temperature": 0.5}
    sums = per_query(q, k, v, mu=LOUD, source=NoiseSource(0), **args)
    assert sums[:, :-1] / sums[:, -1:] == pytest.approx(exact_attention(q, k, v, 0.5), abs=1e-4)
    zeros = np.zeros((1, 3))
    deviations = []
    for count in (1, 100):
        drawn = [
            per_query(np.tile(zeros, (count, 1)), zeros, np.zeros((1, 2)), mu=1.0, source=NoiseSource(seed), **args)
            for seed in range(200)
        ]
        deviations.append(np.std(np.array(drawn)[..., :-1]))
    assert deviations[1] / deviations[0] == pytest.approx(10, rel=0.1)
    assert deviations[0] == pytest.approx(2, rel=0.1)  # Δ = 2ρ_v at q = 0


def test_class_means_are_nearest_centroids():
    generator = np.random.default_rng(0)
    centres = np.array([[1.0, 0.0], [0.0, 1.0]])
    labels = generator.integers(2, size=300)
    keys = centres[labels] * 0.8 + 0.05 * generator.standard_normal((300, 2))
    one_hot = np.eye(2)[labels]
    scores = class_means(keys, keys, one_hot, mu=1.0, radius=1.0, source=None)
    assert (scores.argmax(axis=1) == labels).all()
    means = np.stack([keys[labels == label].mean(axis=0) for label in range(2)])
    distance = np.square(keys[:, None] - means).sum(axis=2)
    assert scores.argmax(axis=1).tolist() == distance.argmin(axis=1).tolist()
    noisy = class_means(keys, keys, one_hot, mu=2.0, radius=1.0, source=NoiseSource(0))
    assert (noisy.argmax(axis=1) == labels).mean() > 0.95


def test_class_sums_move_by_two_radii_at_most():
    generator, largest = np.random.default_rng(0), 0.0
    for _ in range(3000):
        keys = generator.standard_normal((2, 3))
        keys /= np.linalg.norm(keys, axis=1, keepdims=True)
        classes = generator.integers(2, size=2)
        blocks = [np.outer(np.eye(2)[label], np.append(key, 1.0)) for key, label in zip(keys, classes, strict=True)]
        largest = max(largest, np.linalg.norm(blocks[0] - blocks[1]))
    assert 1.95 < largest <= 2 + 1e-12


def test_the_mean_value(memory_rows):
    found = mean_value(memory_rows.values, mu=LOUD, value_radius=1.0, source=NoiseSource(0))
    assert found == pytest.approx(memory_rows.values.mean(axis=0), abs=1e-8)
