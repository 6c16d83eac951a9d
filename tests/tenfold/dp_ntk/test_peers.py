"""Peers at equal budget and adjacency, and the public extractors."""

import numpy as np
import pytest

from tenfold.dp_ntk.baselines import GradientDescent, adassp, dp_sgd, no_solve, replace_one_noise_multiplier
from tenfold.dp_ntk.extractors import PretrainedResNet, pixel_rows, random_convolution
from tenfold.dp_ntk.kernel import LimitKernel
from tenfold.dp_ntk.mechanisms import centred
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.regression import fit_dense
from tenfold.dp_ntk.validation import InvalidRows, targets, unit_rows
from tenfold.privacy.gaussian import gaussian_epsilon
from tenfold.privacy.noise import NoiseSource

GENERATOR = np.random.default_rng(8)
CENTRES = unit_rows(GENERATOR.standard_normal((3, 12)))
LABELS = GENERATOR.integers(0, 3, 300)
X = unit_rows(CENTRES[LABELS] + 0.15 * GENERATOR.standard_normal((300, 12)))
Y = targets(LABELS, 3)


def accuracy(scores):
    return np.mean(scores.argmax(axis=1) == LABELS)


def test_peers_learn_at_a_generous_budget_and_not_at_none():
    settings = GradientDescent(updates=20, learning_rate=2.0, max_grad_norm=1.0)
    Z = RandomFeatures.draw(30, 12, np.random.default_rng(0)).transform(X)
    for epsilon, least, most in ((20.0, 0.9, 1.0), (0.005, 0.0, 0.75)):
        seeds = range(5)
        sgd = [accuracy(X @ dp_sgd(X, LABELS, 3, epsilon, 1e-5, settings, insecure_seed=seed)) for seed in seeds]
        ssp = [accuracy(Z @ adassp(Z, Y, epsilon, 1e-5, NoiseSource(seed))) for seed in seeds]
        assert least <= np.mean(sgd) <= most
        assert least <= np.mean(ssp) <= most


def test_adassp_reaches_ridge_regression_without_noise():
    Z = RandomFeatures.draw(10, 12, np.random.default_rng(0)).transform(X)
    expected = fit_dense(Z.T @ Z, Z.T @ centred(Y), 0.0)
    assert adassp(Z, Y, 1e12, 0.5, NoiseSource(1)) == pytest.approx(expected, abs=1e-2)


def test_the_noise_multiplier_composes_to_the_budget_with_doubled_sensitivity():
    z = replace_one_noise_multiplier(1.5, 1e-5, updates=30)
    assert gaussian_epsilon(1e-5, np.sqrt(30) * 2 / z) == pytest.approx(1.5)


def test_opacus_adds_the_noise_that_was_calibrated():
    """One update from zero: the gradient is known, the rest is noise of sd z·C/n."""
    settings = GradientDescent(updates=1, learning_rate=1.0, max_grad_norm=0.5, momentum=0.0)
    z = replace_one_noise_multiplier(1.0, 1e-5, 1)
    runs = np.stack([dp_sgd(X, LABELS, 3, 1.0, 1e-5, settings, insecure_seed=seed) for seed in range(60)])
    sd = runs.std(axis=0).mean()
    assert sd == pytest.approx(z * 0.5 / len(X), rel=0.1)
    clipped = X[:, :, None] * (np.eye(3)[LABELS] - 1 / 3)[:, None, :]  # −gradient of each record
    norms = np.linalg.norm(clipped.reshape(len(X), -1), axis=1)
    clipped *= np.minimum(1, 0.5 / norms)[:, None, None]
    error = 6 * sd / np.sqrt(60)
    assert np.abs(runs.mean(axis=0) - clipped.mean(axis=0)).max() < error


def test_the_control_solves_nothing():
    K = LimitKernel().matrix(X)
    assert accuracy(no_solve(K, Y)) > 0.9
    assert no_solve(K, np.ones((300, 2))) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("shape", [(5, 28, 28), (5, 32, 32, 3)])
def test_random_convolutions_are_public_and_per_record(shape):
    pixels = GENERATOR.integers(0, 256, shape, dtype=np.uint8)
    found = random_convolution(pixels, 6, np.random.default_rng(0))
    assert found.shape == (5, 24) and np.linalg.norm(found, axis=1) == pytest.approx(1)
    alone = random_convolution(pixels[2:3], 6, np.random.default_rng(0))
    assert alone[0] == pytest.approx(found[2], abs=1e-5)  # no statistic of other records is in it
    assert np.linalg.norm(pixel_rows(pixels), axis=1) == pytest.approx(1)


def test_a_resnet_is_loaded_from_a_folder_in_the_hub_s_format(tmp_path):
    import torch
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").exists()
    network = PretrainedResNet(str(tmp_path))
    pixels = GENERATOR.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    found = network.transform(pixels, side=64, batch=2)
    assert found.shape == (5, 16) and np.linalg.norm(found, axis=1) == pytest.approx(1)
    assert network.transform(pixels[3:4], side=64)[0] == pytest.approx(found[3], abs=1e-4)
    with pytest.raises(InvalidRows, match="colour images"):
        network.transform(pixels[..., 0])
