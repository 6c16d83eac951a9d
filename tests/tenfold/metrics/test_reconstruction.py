"""Errors of reconstructions: known values, a naive structural similarity, and what is refused."""

import tracemalloc

import numpy as np
import pytest

from tenfold.metrics.bootstrap import InvalidSamples
from tenfold.metrics.reconstruction import (
    mean_over_images,
    peak_signal_to_noise,
    squared_errors,
    structural_similarities,
)

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (6, 16, 14, 3), dtype=np.uint8)
NOISY = np.clip(IMAGES + GENERATOR.normal(0, 20, IMAGES.shape), 0, 255).round().astype(np.uint8)


def test_errors_are_of_each_image_on_the_unit_interval():
    black, grey = np.zeros((3, 12, 12), np.uint8), np.full((3, 12, 12), 51, np.uint8)
    assert squared_errors(black, grey) == pytest.approx(0.04) and squared_errors(grey, black) == pytest.approx(0.04)
    found = squared_errors(IMAGES, NOISY)
    assert found.shape == (6,) and found[2] == pytest.approx(((IMAGES[2] / 255 - NOISY[2] / 255) ** 2).mean())


def test_decibels_are_of_the_mean_error_and_infinite_without_any():
    errors = np.array([0.0, 0.02, 0.01, 0.01])
    found, mean = peak_signal_to_noise(errors), mean_over_images(errors)
    assert found.value == pytest.approx(20) and mean.value == pytest.approx(0.01) and found.n == mean.n == 4
    assert found.interval == pytest.approx([-10 * np.log10(end) for end in mean.interval[::-1]])
    assert peak_signal_to_noise(np.zeros(5)).value == np.inf


def naive_similarity(a, b):
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(window, window) / np.outer(window, window).sum()
    values = []
    for row in range(a.shape[0] - 10):
        for column in range(a.shape[1] - 10):
            x, y = (one[row : row + 11, column : column + 11] / 255 for one in (a, b))
            mx, my = (window * x).sum(), (window * y).sum()
            vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
            both = (window * (x - mx) * (y - my)).sum()
            light = (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
            values.append(light * (2 * both + 9e-4) / (vx + vy + 9e-4))
    return np.mean(values)


def test_similarity_is_the_formula_place_by_place():
    found = structural_similarities(IMAGES, NOISY)
    expected = np.mean([naive_similarity(IMAGES[1, ..., c], NOISY[1, ..., c]) for c in range(3)])
    assert found[1] == pytest.approx(expected) and (found < 1).all()
    assert structural_similarities(IMAGES, IMAGES) == pytest.approx(1)
    assert structural_similarities(IMAGES[..., 0], NOISY[..., 0])[4] == pytest.approx(
        naive_similarity(IMAGES[4, ..., 0], NOISY[4, ..., 0])
    )


@pytest.mark.parametrize("metric", [squared_errors, structural_similarities])
def test_many_images_take_no_more_memory_than_some_and_measure_the_same(metric):
    first, second = GENERATOR.integers(0, 256, (2, 1205, 16, 16), dtype=np.uint8)
    peaks, found = [], []
    for count in (200, 1205):
        tracemalloc.start()
        found.append(metric(first[:count], second[:count]))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] < first.size * 8 * 2  # all as float64
    assert np.array_equal(found[0], found[1][:200])
    assert np.array_equal(
        found[1], np.concatenate([metric(a[None], b[None]) for a, b in zip(first, second, strict=True)])
    )


def test_intervals_cover_the_mean():
    found = mean_over_images(GENERATOR.random(2000))
    assert found.interval[0] < 0.5 < found.interval[1] and found.interval[1] - found.interval[0] < 0.04


@pytest.mark.parametrize("metric", [squared_errors, structural_similarities])
def test_what_are_no_pairs_is_refused(metric):
    for words, other in {
        "rounded alike": NOISY / 255,
        "not pairs": NOISY[:5],
        "reconstructions": NOISY[..., 0],
    }.items():
        with pytest.raises(InvalidSamples, match=words):
            metric(IMAGES, other)
    with pytest.raises(InvalidSamples, match="not pairs"):
        metric(IMAGES[:0], NOISY[:0])


def test_other_wrong_arguments_are_refused():
    with pytest.raises(InvalidSamples, match="smaller than the window"):
        structural_similarities(IMAGES[:, :8], NOISY[:, :8])
    for values in ([], [np.nan, 1.0], [[1.0]]):
        with pytest.raises(InvalidSamples, match="one finite value"):
            mean_over_images(np.array(values))
