"""Noise: its distribution, fresh entropy by default, and a seed only when asked for."""

import math
import os

import numpy as np
import pytest
from scipy import stats

from tenfold.privacy.noise import InvalidNoise, NoiseSource, symmetric_gaussian_norm_bound


def test_fresh_entropy_differs_and_a_seed_repeats():
    assert not np.array_equal(NoiseSource().gaussian((50,), 1.0), NoiseSource().gaussian((50,), 1.0))
    assert np.array_equal(NoiseSource(7).gaussian((50,), 1.0), NoiseSource(7).gaussian((50,), 1.0))
    source = NoiseSource(7)
    assert not np.array_equal(source.gaussian((50,), 1.0), source.gaussian((50,), 1.0))


def test_without_a_seed_numpy_state_has_no_influence():
    draws = []
    for _ in range(2):
        np.random.seed(0)
        draws.append(NoiseSource().uniform((20,)))
    assert not np.array_equal(*draws)
    assert NoiseSource()._entropy is os.urandom


@pytest.mark.parametrize("seed", [None, 3])
def test_gaussian_noise_is_gaussian(seed):
    draws = NoiseSource(seed).gaussian((100_000,), 2.5)
    assert stats.kstest(draws, "norm", args=(0, 2.5)).pvalue > 1e-6
    assert draws.mean() == pytest.approx(0, abs=0.05)


def test_the_tail_reaches_as_far_as_it_should():
    draws = NoiseSource(0).gaussian((2_000_000,), 1.0)
    assert np.mean(np.abs(draws) > 4) == pytest.approx(2 * stats.norm.sf(4), rel=0.3)
    assert np.abs(draws).max() > 4.8


def test_extreme_bits_give_finite_noise():
    for byte in (b"\x00", b"\xff"):
        source = NoiseSource(0)
        source._bytes = lambda count, byte=byte: byte * count
        assert np.isfinite(source.gaussian((2,), 1.0)).all()
        assert ((source.uniform((2,)) > 0) & (source.uniform((2,)) < 1)).all()
        assert np.isfinite(source.gumbel((2,))).all()


def test_symmetric_noise_is_isotropic_in_the_frobenius_norm():
    noise = NoiseSource(1).symmetric_gaussian((40_000, 3, 3), 2.0)
    assert np.array_equal(noise, np.swapaxes(noise, 1, 2))
    generator = np.random.default_rng(0)
    for _ in range(5):
        direction = generator.standard_normal((3, 3))
        direction += direction.T
        direction /= np.linalg.norm(direction)
        assert np.std(np.sum(noise * direction, axis=(1, 2))) == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("d", [1, 2, 10])
def test_the_norm_bound_fails_no_more_often_than_it_says(d):
    noise = NoiseSource(2).symmetric_gaussian((4000, d, d), 0.5)
    norms = np.linalg.norm(noise, 2, axis=(1, 2))
    assert np.mean(norms > symmetric_gaussian_norm_bound(d, 0.5, 0.1)) <= 0.1
    assert norms.max() > symmetric_gaussian_norm_bound(d, 0.5, 0.1) / 3


def test_gumbel_noise_samples_the_softmax():
    logits = np.array([0.0, 1.0, 2.0])
    picks = np.argmax(logits + NoiseSource(3).gumbel((100_000, 3)), axis=1)
    expected = np.exp(logits) / np.exp(logits).sum()
    assert np.bincount(picks) / 100_000 == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("sd", [0, -1, math.nan, math.inf, np.array([1.0, 0.0])])
def test_impossible_sds_are_refused(sd):
    with pytest.raises(InvalidNoise):
        NoiseSource(0).gaussian((2,), sd)


@pytest.mark.parametrize("seed", [-1, 1.5, "0", True])
def test_impossible_seeds_are_refused(seed):
    with pytest.raises(InvalidNoise):
        NoiseSource(seed)


def test_symmetric_noise_needs_a_square():
    with pytest.raises(InvalidNoise):
        NoiseSource(0).symmetric_gaussian((2, 3), 1.0)
