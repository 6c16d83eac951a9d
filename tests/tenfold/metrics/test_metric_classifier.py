"""The metric network: learns, depends on its own seed only, reads bytes alone, and refuses what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_tensor
from tenfold.metrics.metric_classifier import MetricClassifier, train_metric_classifier
from tenfold.nn.convnet import ConvNetConfig
from tenfold.nn.errors import InvalidConfig, InvalidLabels, NotFinite
from tenfold.nn.pretrained import weights_sha256
from tenfold.nn.seeding import seeded

CONFIG = ConvNetConfig(widths=(8, 16, 32), features=16)
DIGITS = load_digits()
PIXELS = np.kron(np.round(DIGITS.images * 255 / 16).astype(np.uint8), np.ones((1, 3, 3), np.uint8))  # 24×24
LABELS = DIGITS.target
IMAGES, TARGETS = to_tensor(PIXELS, size=32), torch.from_numpy(LABELS)


def trained(seed: int, updates: int = 100) -> MetricClassifier:
    model = seeded(MetricClassifier, CONFIG, seed)
    draws = torch.Generator().manual_seed(seed)
    train_metric_classifier(model, IMAGES[:1200], TARGETS[:1200], updates, draws, batch_size=64, learning_rate=1e-2)
    return model


@pytest.fixture(scope="module")
def classifier() -> MetricClassifier:
    return trained(0)


def test_it_learns_what_it_has_not_seen(classifier):
    assert classifier.accuracy(PIXELS[1200:], LABELS[1200:]) > 0.8 and not classifier.training
    features, probabilities = classifier.measure(PIXELS[1200:], batch=100)
    assert features.shape == (597, 16) and features.min() >= 0 and features.dtype == np.float64
    assert np.allclose(probabilities.sum(axis=1), 1) and np.array_equal(
        probabilities, classifier.predict(PIXELS[1200:])
    )


def test_its_own_seed_says_everything():
    torch.manual_seed(1)
    state = torch.random.get_rng_state()
    first = weights_sha256(trained(3, 2))
    assert torch.equal(state, torch.random.get_rng_state())
    torch.manual_seed(2)
    assert weights_sha256(trained(3, 2)) == first != weights_sha256(trained(4, 2))


def test_mirroring_is_drawn_from_the_same_generator():
    models = [seeded(MetricClassifier, CONFIG, 0) for _ in range(3)]
    for model, mirror in zip(models, (False, True, True), strict=True):
        draws = torch.Generator().manual_seed(0)
        train_metric_classifier(model, IMAGES[:100], TARGETS[:100], 2, draws, batch_size=16, mirror=mirror)
    plain, first, second = map(weights_sha256, models)
    assert first == second != plain


def test_padding_is_the_same_wherever_it_is_done(classifier):
    padded = np.pad(PIXELS[:50], ((0, 0), (4, 4), (4, 4)))
    assert np.array_equal(classifier.measure(PIXELS[:50])[0], classifier.measure(padded)[0])
    assert np.array_equal(classifier.measure(PIXELS[:50, ..., None])[0], classifier.measure(padded)[0])


def test_measuring_changes_no_weight_and_no_statistic(classifier):
    before = weights_sha256(classifier)
    classifier.train()
    alone, together = classifier.measure(PIXELS[:1])[0], classifier.measure(PIXELS[:200])[0]
    assert np.allclose(alone[0], together[0], atol=1e-5) and weights_sha256(classifier) == before


def test_it_comes_back_from_a_folder(classifier, tmp_path):
    again = MetricClassifier.from_pretrained(classifier.save_pretrained(tmp_path / "metric"))
    assert weights_sha256(again) == weights_sha256(classifier)


def test_images_that_are_none_are_named(classifier):
    wrong = {
        "uint8": PIXELS / 255,
        "do not fit 32×32": np.zeros((2, 40, 40), np.uint8),
        "no images": PIXELS[:0],
        "reads images": np.zeros((2, 24, 24, 3), np.uint8),
    }
    for words, pixels in wrong.items():
        with pytest.raises(InvalidImages, match=words):
            classifier.measure(pixels)


def test_labels_and_settings_that_do_not_fit_are_named(classifier):
    draws = torch.Generator()
    for words, labels in {
        "one per image": TARGETS[:9],
        "outside 0 … 9": TARGETS[:10] + 5,
        "whole": TARGETS[:10] + 0.5,
    }.items():
        with pytest.raises(InvalidLabels, match=words):
            train_metric_classifier(MetricClassifier(CONFIG), IMAGES[:10], labels, 1, draws)
    with pytest.raises(InvalidLabels, match="one per image"):
        classifier.accuracy(PIXELS[:10], LABELS[:9])
    with pytest.raises(InvalidConfig, match="batches of at least 2"):
        train_metric_classifier(MetricClassifier(CONFIG), IMAGES[:10], TARGETS[:10], 1, draws, batch_size=1)
    with pytest.raises(NotFinite, match="at update 1"):
        train_metric_classifier(MetricClassifier(CONFIG), IMAGES[:10] * torch.nan, TARGETS[:10], 1, draws)
