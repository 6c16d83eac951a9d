"""Evaluation of images against real ones: both sides alike, distances that order rightly, named errors."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_pixels, to_tensor
from tenfold.metrics.bootstrap import InvalidSamples
from tenfold.metrics.generation import InvalidReference
from tenfold.metrics.image_sets import Reference, compare_images, evaluate_images, evaluate_reconstruction
from tenfold.metrics.metric_classifier import MetricClassifier, train_metric_classifier
from tenfold.nn.convnet import ConvNetConfig
from tenfold.nn.seeding import seeded

DIGITS = load_digits()
PIXELS = np.kron(np.round(DIGITS.images * 255 / 16).astype(np.uint8), np.ones((1, 3, 3), np.uint8))
PIXELS = np.pad(PIXELS, ((0, 0), (4, 4), (4, 4)))  # 32×32
FIRST, SECOND = PIXELS[0:1796:2], PIXELS[1:1796:2]  # halves
NAMES = ("fd_metric_clf", "kd_metric_clf", "is_metric_clf", "precision_metric_clf", "recall_metric_clf")


def noisy(pixels: np.ndarray, strength: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, strength, pixels.shape)
    return np.clip(pixels + noise, 0, 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def classifier() -> MetricClassifier:
    model = seeded(MetricClassifier, ConvNetConfig(widths=(8, 16, 32), features=16), 0)
    images, labels, draws = to_tensor(PIXELS), torch.from_numpy(DIGITS.target), torch.Generator().manual_seed(0)
    train_metric_classifier(model, images, labels, 80, draws, batch_size=64, learning_rate=1e-2)
    return model


@pytest.fixture(scope="module")
def reference(classifier) -> Reference:
    return Reference.of(FIRST, classifier, "test")


@pytest.fixture(scope="module")
def halves(classifier, reference):
    return evaluate_images(SECOND, reference, classifier, resamples=50)


def test_halves_are_near_and_noise_is_ever_farther(classifier, reference, halves):
    figures = [evaluate_images(noisy(SECOND, s), reference, classifier, resamples=50) for s in (20, 60, 150)]
    fd = [one["fd_metric_clf"]["value"] for one in (halves, *figures)]
    kd = [one["kd_metric_clf"]["value"] for one in (halves, *figures)]
    spread = np.trace(np.cov(reference.features.T))
    assert 0 <= fd[0] < 0.02 * spread and fd == sorted(fd) and fd[3] > 0.2 * spread
    assert abs(kd[0]) < 0.02 * kd[3] and kd[1:] == sorted(kd[1:])
    assert halves["precision_metric_clf"]["value"] > 0.8 and halves["recall_metric_clf"]["value"] > 0.8
    assert figures[2]["precision_metric_clf"]["value"] < 0.5
    assert 3 < halves["is_metric_clf"]["value"] <= 10


def test_two_sets_are_compared_on_one_reference(classifier, reference, halves):
    worse = noisy(SECOND, 60)
    found = compare_images(worse, SECOND, reference, classifier, resamples=50)["fd_metric_clf_difference"]
    alone = evaluate_images(worse, reference, classifier, resamples=5)["fd_metric_clf"]["value"]
    assert found["value"] == pytest.approx(alone - halves["fd_metric_clf"]["value"]) and found["interval"][0] > 0
    with pytest.raises(InvalidSamples, match="equally many"):
        compare_images(worse, SECOND[:-1], reference, classifier)


def test_figures_name_their_network_and_reference_and_no_other(classifier, reference, halves):
    assert set(halves) == {*NAMES, "k", "reference", "metric_classifier"}
    assert halves["reference"] == {"sha256": reference.sha256, "split": "test", "of": 898, "used": 898}
    assert halves["metric_classifier"] == reference.classifier and json.dumps(halves, allow_nan=False)
    for name in NAMES:
        low, high = halves[name]["interval"]
        assert low <= halves[name]["value"] <= high and halves[name]["n"] == 898


def test_both_sides_are_prepared_alike(classifier, halves):
    unpadded = evaluate_images(SECOND[:, 4:-4, 4:-4], FIRST[..., None], classifier, resamples=50)
    assert all(unpadded[name] == halves[name] for name in NAMES)
    assert np.array_equal(to_pixels(to_tensor(SECOND)), SECOND)  # a round trip loses nothing
    with pytest.raises(InvalidImages, match="bytes"):
        evaluate_images(to_tensor(SECOND).numpy()[:, 0], FIRST, classifier)


def test_folder_npz_and_array_give_the_same(classifier, reference, tmp_path):
    some = SECOND[:60]
    for number, image in enumerate(some):
        Image.fromarray(image).save(tmp_path / f"{number:03d}.png")
    np.savez(tmp_path / "some.npz", arr_0=some[..., None])
    reference.save(tmp_path / "reference.npz")
    folder = evaluate_images(tmp_path, reference, classifier, resamples=20)
    assert folder == evaluate_images(some, reference, classifier, resamples=20)
    assert folder == evaluate_images(tmp_path / "some.npz", tmp_path / "reference.npz", classifier, resamples=20)
    assert folder["reference"]["used"] == 60 == folder["fd_metric_clf"]["n"]


def test_a_reference_comes_back_and_a_damaged_one_is_named(reference, tmp_path):
    reference.save(tmp_path / "reference.npz")
    again = Reference.load(tmp_path / "reference.npz")
    assert np.array_equal(again.features, reference.features) and again.sha256 == reference.sha256
    with np.load(tmp_path / "reference.npz") as archive:
        changed = {**archive, "features": archive["features"] + 1}
    np.savez(tmp_path / "changed.npz", **changed)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "reference.npz").read_bytes()[:500])
    for name, words in {"changed": "have sha256", "cut": "no reference", "missing": "no reference"}.items():
        with pytest.raises(InvalidReference, match=words):
            Reference.load(tmp_path / f"{name}.npz")


def test_what_cannot_be_compared_is_named(classifier, reference):
    with pytest.raises(InvalidReference, match="898 images against a reference of 60"):
        evaluate_images(SECOND, Reference.of(FIRST[:60], classifier, "test"), classifier)
    with pytest.raises(InvalidReference, match="another network"):
        evaluate_images(SECOND, reference, seeded(MetricClassifier, classifier.config, 1))
    with pytest.raises(InvalidSamples, match="16 samples leave a covariance of 16 dimensions singular"):
        evaluate_images(SECOND[:16], reference, classifier)
    with pytest.raises(InvalidSamples, match="NaN"):
        evaluate_images(SECOND, replace(reference, features=reference.features * np.nan), classifier)
    with pytest.raises(InvalidImages, match="do not fit 32×32"):
        evaluate_images(np.zeros((40, 64, 64), np.uint8), reference, classifier)


def test_reconstructions_are_judged_in_pairs(tmp_path):
    some, other = SECOND[:40], noisy(SECOND[:40], 20)
    np.savez(tmp_path / "other.npz", images=other)
    found = evaluate_reconstruction(some, tmp_path / "other.npz", channels=1)
    assert found["mse"]["value"] == pytest.approx(((some / 255 - other / 255) ** 2).mean())
    assert found["psnr"]["value"] == pytest.approx(-10 * np.log10(found["mse"]["value"]))
    assert 0 < found["ssim"]["value"] < 1 and all(found[name]["n"] == 40 for name in found)
    perfect = evaluate_reconstruction(some, some, channels=1)
    assert perfect["mse"]["value"] == 0 and perfect["psnr"]["value"] is None and perfect["ssim"]["value"] == 1
    with pytest.raises(InvalidSamples, match="not pairs"):
        evaluate_reconstruction(some, other[:39], channels=1)
