"""The two accountants against simulation, closed forms and dp-accounting; truncated Laplace noise."""

import math
import warnings

import numpy as np
import pytest
from dp_accounting.pld import privacy_loss_distribution
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.dp_ntk.covariance_accountant import (
    SingularCovariance,
    covariance_delta,
    covariance_epsilon,
    deviation,
    whitened_eigenvalues,
)
from tenfold.dp_ntk.findings import search
from tenfold.dp_ntk.kernel import LimitKernel
from tenfold.dp_ntk.mixture_accountant import gaussian_deltas, midpoint_delta, mixture_delta, smallest_noise_variance
from tenfold.dp_ntk.truncated_laplace import truncated_laplace
from tenfold.dp_ntk.validation import unit_rows
from tenfold.privacy.gaussian import InvalidBudget, gaussian_delta, gaussian_mu
from tenfold.privacy.noise import NoiseSource

GENERATOR = np.random.default_rng(2)


def neighbours(seed, n=6, d=4, closeness=0.2):
    generator = np.random.default_rng(seed)
    rows = unit_rows(generator.standard_normal((n, d)))
    moved = rows.copy()
    moved[2] = unit_rows((rows[2] + closeness * generator.standard_normal(d))[None])[0]
    kernel = LimitKernel()
    return kernel.matrix(rows), kernel.matrix(moved)


@pytest.mark.parametrize("seed", range(5))
def test_two_eigenvalues_carry_everything(seed):
    K, moved = neighbours(seed)
    root = np.linalg.cholesky(K)
    full = np.sort(np.linalg.eigvals(root.T @ np.linalg.solve(moved, root)).real)[::-1]
    found = whitened_eigenvalues(K, 2, moved[2])
    assert found == pytest.approx(full[[0, -1]], rel=1e-7)
    assert full[1:-1] == pytest.approx(1, abs=1e-7)
    assert deviation(found) == pytest.approx(np.linalg.norm(full - 1), rel=1e-6)


@pytest.mark.parametrize("eigenvalues", [(1.5, 0.6), (1.2, 1.1), (0.9, 0.5), (3.0, 1.0)])
@pytest.mark.parametrize("samples", [1, 7, 60])
def test_exact_delta_agrees_with_simulation(eigenvalues, samples):
    values = np.array(eigenvalues)
    generator = np.random.default_rng(samples)
    chi = generator.chisquare(samples, (2, 400_000))
    for epsilon in (0.0, 0.5, 2.0):
        estimates = []
        for v in (values, 1 / values):
            loss = -samples / 2 * np.log(v).sum() + ((v[:, None] - 1) / 2 * chi).sum(axis=0)
            gain = np.maximum(-np.expm1(epsilon - loss), 0)
            estimates.append((gain.mean(), gain.std() / math.sqrt(gain.size)))
        best, error = max(estimates)
        assert covariance_delta(epsilon, values, samples) == pytest.approx(
            best, abs=6 * error + 3e-6
        )  # rarer events escape simulation


def test_equal_covariances_lose_nothing_and_singular_ones_are_refused():
    K, _ = neighbours(0)
    assert covariance_epsilon(1e-6, whitened_eigenvalues(K, 2, K[2]), 1000) == 0.0
    twice = np.vstack([np.eye(3), np.eye(3)])
    singular = LimitKernel().matrix(twice)
    with pytest.raises(SingularCovariance, match="K is singular"):
        whitened_eigenvalues(singular, 0, singular[0])
    changed = K[1].copy()
    changed[2] = K[1, 1]  # the neighbour holds record 1 twice
    with pytest.raises(SingularCovariance, match="K' is singular"):
        whitened_eigenvalues(K, 2, changed)


def test_exact_epsilon_falls_with_the_move_and_rises_with_samples():
    epsilons = []
    for closeness in (0.1, 1e-2, 1e-3, 1e-5):
        K, moved = neighbours(3, closeness=closeness)
        epsilons.append(covariance_epsilon(1e-5, whitened_eigenvalues(K, 2, moved[2]), 20))
    assert epsilons == sorted(epsilons, reverse=True) and epsilons[0] > 1 and epsilons[-1] < 1e-2
    K, moved = neighbours(3)
    values = whitened_eigenvalues(K, 2, moved[2])
    by_samples = [covariance_epsilon(1e-5, values, k) for k in (1, 4, 16, 64)]
    assert by_samples == sorted(by_samples) and by_samples[0] < by_samples[-1]


def test_no_bound_is_exceeded_in_a_search():
    worst = search(400, np.random.default_rng(4))
    for name in ("matrix", "diameter", "whitened", "sampling", "laplace"):
        assert 0.01 < getattr(worst, name) <= 1, name
    assert worst.matrix > 0.8 and worst.diameter > 0.9  # the search comes close


def test_gaussian_deltas_are_those_of_one_mechanism_at_a_time():
    mus = np.array([0.0, 1e-3, 0.3, 1.0, 7.0])
    expected = [0.0] + [gaussian_delta(0.7, mu) for mu in mus[1:]]
    assert gaussian_deltas(0.7, mus) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("samples", [1, 8, 32])
def test_upper_sums_bound_delta_from_above_and_midpoints_do_not(samples):
    distance, variance, epsilon = 2.0, 900.0, 1.0
    c = np.random.default_rng(samples).chisquare(samples, 10**6)
    gains = gaussian_deltas(epsilon, distance * np.sqrt(c / variance))
    error = gains.std() / 1000
    bound = mixture_delta(epsilon, distance, variance, samples)
    assert gains.mean() - 6 * error < bound < (gains.mean() + 6 * error) * 1.05
    assert midpoint_delta(epsilon, distance, variance, samples) < bound


def test_many_samples_make_the_mixture_one_gaussian_as_dp_accounting_counts_it():
    samples, epsilon, shift = 200_000, 1.0, 0.4
    variance = samples / shift**2  # D√(χ²_k/λ₀) concentrates at 0.4
    pld = privacy_loss_distribution.from_gaussian_mechanism(1 / shift, value_discretization_interval=1e-4)
    assert mixture_delta(epsilon, 1.0, variance, samples) == pytest.approx(pld.get_delta_for_epsilon(epsilon), rel=0.03)


@pytest.mark.parametrize(("epsilon", "expected"), [(1, 2.5e3), (3, 364), (10, 50), (30, 10)])
def test_noise_variances_of_the_specification(epsilon, expected):
    """κ² = 1.2, k = 32, δ = 10⁻⁵."""
    found = smallest_noise_variance(epsilon, 1e-5, 2 * math.sqrt(1.2), 32)
    assert found == pytest.approx(expected, rel=0.02)
    assert mixture_delta(epsilon, 2 * math.sqrt(1.2), found, 32) <= 1e-5
    assert mixture_delta(epsilon, 2 * math.sqrt(1.2), 0.99 * found, 32) > 1e-5


@given(st.floats(0.1, 20), st.floats(1e-9, 0.1), st.integers(1, 100), st.floats(0.1, 10))
@settings(max_examples=25, deadline=None)
def test_noise_falls_with_the_budget_and_rises_with_samples_and_distance(epsilon, delta, samples, distance):
    base = smallest_noise_variance(epsilon, delta, distance, samples)
    assert smallest_noise_variance(1.5 * epsilon, delta, distance, samples) < base
    assert smallest_noise_variance(epsilon, 2 * delta, distance, samples) < base
    assert smallest_noise_variance(epsilon, delta, distance, samples + 1) > base
    assert smallest_noise_variance(epsilon, delta, 1.1 * distance, samples) == pytest.approx(1.21 * base, rel=1e-6)


def test_labels_beside_samples_cost_what_they_must():
    mu = gaussian_mu(1.0, 1e-5)
    alone = smallest_noise_variance(1.0, 1e-5, 1.0, 8)
    shared = smallest_noise_variance(1.0, 1e-5, 1.0, 8, label_mu=0.5 * mu)
    assert shared > alone
    with pytest.raises(InvalidBudget, match="labels' release alone"):
        smallest_noise_variance(1.0, 1e-5, 1.0, 8, label_mu=1.01 * mu)
    with pytest.raises(InvalidBudget, match="below the accountant's resolution"):
        smallest_noise_variance(1.0, 1e-12, 1.0, 8)


def test_aligned_records_attain_the_whole_budget():
    """The exact loss, with R hidden, of n aligned records at the calibrated noise: close to ε from below."""
    epsilon, delta, samples, kappa = 1.0, 1e-5, 32, 1.0
    variance = smallest_noise_variance(epsilon, delta, 2 * kappa, samples)
    n = 200_000
    # K + λ₀I for aligned φ = κu: in the plane of e_i and the others' mean, K' has φ_i = −κu
    signs = np.ones((2, 2))
    signs[1, 0] = signs[0, 1] = np.sqrt(n - 1)
    signs[1, 1] = n - 1
    K = kappa**2 * signs + variance * np.eye(2)
    moved = K.copy()
    moved[0, 1] = moved[1, 0] = -K[0, 1]
    exact = covariance_epsilon(delta, whitened_eigenvalues(K, 0, moved[0]), samples)
    assert 0.95 * epsilon < exact <= epsilon


@pytest.mark.parametrize("epsilon", [0.3, 1.0, 4.0])
def test_truncated_laplace_noise(epsilon):
    noise = truncated_laplace(epsilon, 1e-3, 0.01, 16)
    drawn = noise.draw((400_000,), NoiseSource(1))
    assert np.abs(drawn).max() <= noise.bound
    assert drawn.std() == pytest.approx(noise.sd, rel=0.01)
    assert abs(drawn.mean()) < 6 * noise.sd / math.sqrt(drawn.size)
    assert noise.scale == pytest.approx(math.sqrt(16) * 0.01 / epsilon)


@given(st.integers(0, 10_000))
@settings(max_examples=80, deadline=None)
def test_mass_outside_the_common_support_is_at_most_delta(seed):
    generator = np.random.default_rng(seed)
    epsilon, delta, d = 10 ** generator.uniform(-1, 1), 10 ** generator.uniform(-8, -1), int(generator.integers(1, 20))
    noise = truncated_laplace(epsilon, delta, 0.1, d)
    shifts = generator.standard_normal(d) * (generator.random(d) < 0.5)
    length = np.abs(shifts).sum()
    shifts = shifts * noise.sensitivity / length * generator.uniform(0, 1) if length else shifts
    assert noise.exact_delta(epsilon, shifts) <= delta * (1 + 1e-9)
    one = np.zeros(d)
    one[0] = noise.sensitivity  # all of it in one coordinate is the worst case, and tight
    assert noise.exact_delta(epsilon, one) == pytest.approx(delta, rel=1e-6)


def test_a_shift_beyond_the_sensitivity_is_refused():
    noise = truncated_laplace(1.0, 1e-3, 0.1, 4)
    with pytest.raises(ValueError, match="exceed"):
        noise.exact_delta(1.0, np.full(4, noise.sensitivity))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert noise.exact_delta(1.0, np.zeros(4)) == 0
