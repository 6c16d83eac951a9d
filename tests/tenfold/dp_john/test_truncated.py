"""Mode paper: faithful truncated noise, identical to the fixed point without it, and no claim of privacy."""

import numpy as np
import pytest
from scipy import stats

from tenfold.dp_john.fixed_point import fixed_point
from tenfold.dp_john.private import private_john_ellipsoid
from tenfold.dp_john.truncated_noise import truncated_gaussian
from tenfold.privacy.noise import NoiseSource


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).standard_normal((40, 3))


@pytest.mark.parametrize("rounds", [1, 7, 50])
def test_without_noise_it_is_the_fixed_point_bit_for_bit(rows, rounds):
    result = private_john_ellipsoid(rows, mode="paper", noise_sd=0, rounds=rounds)
    averaged, _ = fixed_point(rows, rounds)
    assert np.array_equal(result.weights, averaged)


@pytest.mark.parametrize("sd", [0.05, 0.3, 2.0])
def test_the_noise_is_a_truncated_gaussian(sd):
    draws = truncated_gaussian((100_000,), sd, 0.5, NoiseSource(0))
    assert np.abs(draws).max() <= 0.5
    reference = stats.truncnorm(-0.5 / sd, 0.5 / sd, scale=sd)
    assert stats.kstest(draws, reference.cdf).pvalue > 1e-6


def test_the_perturbed_rate(rows):
    """m is near 1 + the bound's noise term, and the certificate is exact."""
    result = private_john_ellipsoid(rows, mode="paper", noise_sd=0.3, rounds=300, insecure_seed=0)
    assert 1 <= result.certificate.max_leverage < (40 / 3) ** (1 / 300) * np.exp(0.3**2 / 2 + 0.05)
    assert result.ellipsoid.worst_violation(rows) <= 1e-9


def test_weights_stay_positive_and_sum_to_d(rows):
    result = private_john_ellipsoid(rows, mode="paper", noise_sd=5.0, rounds=20, insecure_seed=0)
    assert (result.weights > 0).all()
    assert result.weights.sum() == pytest.approx(3.0, abs=1e-10)


def test_nothing_is_claimed(rows):
    privacy = private_john_ellipsoid(rows, mode="paper", noise_sd=0.2, rounds=5, closeness=1e-3).privacy
    assert privacy.proven is False
    assert privacy.epsilon is None
    assert "no proven ε" in str(privacy)
