"""Evaluation holds images as numbers a part at a time, and measures what it would of all at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from steps.imagefolder.encoding import errors_by_scale, image_errors, mean_error, reconstructed, tokens_of
from steps.imagefolder.inputs import VARIANTS, Inputs, reconstruction_figures
from steps.imagefolder.measurements import probe_measurements, reconstruction_measurements
from steps.imagefolder.splits import PART, Split
from steps.imagefolder.tables import probes, reconstructions, truncation
from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imaging.pixels import to_pixels, to_tensor
from tenfold.metrics.image_sets import evaluate_images, evaluate_reconstruction
from tenfold.metrics.metric_classifier import MetricClassifier
from tenfold.nn.convnet import ConvNetConfig
from tenfold.nn.seeding import seeded

SIDE, CLASSES, COUNT = 16, 3, PART + 130
SIZES: dict[str, Any] = {
    "image_size": SIDE,
    "width": 16,
    "depth": 1,
    "heads": 2,
    "sides": [1, 1, 2],
    "codebook_size": 16,
    "start_drop": 1,
    "teacher_dim": 6,
}
KINDS: dict[str, dict[str, Any]] = {
    "p2": {"branches": 2},
    "p1": {"branches": 1, "semantic_branches": "none"},
    "unquantised": {"branches": 2, "quantize": False},
}


class Bytes(Split):
    """A split that refuses to be numbers as a whole."""

    @property
    def images(self) -> Tensor:
        raise AssertionError("all images as numbers at once")


class Spy(Tokenizer):
    """A tokenizer that remembers how many images it was given at once."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__(config)
        self.seen: list[int] = []

    def encode(self, images: Tensor) -> Tensor:
        self.seen.append(len(images))
        return super().encode(images)

    def decode(self, indices: Tensor, scales: int | None = None) -> Tensor:
        self.seen.append(len(indices))
        return super().decode(indices, scales)

    def reconstruct(self, images: Tensor, scales: int | None = None, *, bypass: bool = False) -> Tensor:
        self.seen.append(len(images))
        return super().reconstruct(images, scales, bypass=bypass)


def split(count: int, seed: int) -> Bytes:
    draws = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    pixels = draws.integers(0, 90, (count, SIDE, SIDE), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[:, 5 * label : 5 * label + 5] += 150
    return Bytes(pixels, labels)


@pytest.fixture
def one() -> Inputs:
    tokenizers: dict[str, Tokenizer] = {}
    for name in VARIANTS:
        torch.manual_seed(0)
        tokenizers[name] = Spy(TokenizerConfig.from_dict({**SIZES, **KINDS[name]})).eval()
    judge = seeded(MetricClassifier, ConvNetConfig(image_size=SIDE, widths=(4, 8), features=6, classes=CLASSES), 0)
    return Inputs("made", split(COUNT, 0), split(COUNT, 1), judge, tokenizers, {}, {})


def test_no_model_is_given_more_than_a_part_and_no_split_becomes_numbers(one: Inputs) -> None:
    reconstruction_measurements(one, 4)
    reconstructions([one], 4)
    truncation([one])
    probe_measurements(one)
    probes([one])
    for tokenizer in one.tokenizers.values():
        assert isinstance(tokenizer, Spy)
        assert max(tokenizer.seen) == PART and min(tokenizer.seen) == COUNT % PART


def test_reconstructions_are_made_once_for_all_that_reads_them(one: Inputs) -> None:
    reconstruction_measurements(one, 4)
    counts = [len(one.tokenizers[name].seen) for name in VARIANTS]
    reconstructions([one], 4)
    assert [len(one.tokenizers[name].seen) for name in VARIANTS] == counts


@pytest.mark.parametrize("variant", VARIANTS)
def test_figures_are_those_of_all_at_once(one: Inputs, variant: str) -> None:
    tokenizer, images, pixels = one.tokenizers[variant], to_tensor(one.test.pixels), one.test.pixels
    whole = tokenizer.reconstruct(images)
    back, errors = reconstructed(tokenizer, one.test)
    assert np.array_equal(back, to_pixels(whole))
    assert np.allclose(errors, image_errors(whole, images), rtol=1e-6, atol=0)
    assert mean_error(tokenizer, one.test) == pytest.approx(float((whole - images).square().mean()), rel=1e-5)
    found, figures = reconstruction_figures(one, variant, 4)
    assert np.array_equal(found, errors)
    expected = evaluate_reconstruction(pixels, to_pixels(whole), channels=1, resamples=4)
    assert figures == expected | evaluate_images(to_pixels(whole), pixels, one.judge, resamples=4)


@pytest.mark.parametrize("variant", ["p2", "p1"])
def test_tokens_and_truncated_errors_are_those_of_all_at_once(one: Inputs, variant: str) -> None:
    tokenizer, images = one.tokenizers[variant], to_tensor(one.test.pixels)
    tokens = tokenizer.encode(images)
    assert torch.equal(tokens_of(tokenizer, one.test), tokens)
    table, _ = truncation([one])
    table = table[table.variant == variant]
    expected = [float((tokenizer.decode(tokens, scales) - images).square().mean()) for scales in (1, 2, 3)]
    assert table.scales.tolist() == [1, 2, 3] and table.error.tolist() == pytest.approx(expected, rel=1e-5)
    errors = errors_by_scale(tokenizer, one.test)
    assert errors.shape == (3, COUNT) and np.allclose(errors[-1], reconstructed(tokenizer, one.test)[1], rtol=1e-6)
