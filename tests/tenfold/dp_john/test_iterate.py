"""Mode iterate: sensitivity by search, constant cost per round, and its private certificate."""

import inspect
import math

import numpy as np
import pytest

from tenfold.dp_john import iterate_perturbation
from tenfold.dp_john.calibration import calibrate
from tenfold.dp_john.ellipsoid import Ellipsoid
from tenfold.dp_john.iterate_perturbation import log_scores, noisy_rounds, release_matrix
from tenfold.dp_john.private import release_private
from tenfold.dp_john.sensitivity import SensitivityUnbounded, quadratic_form_sensitivity, round_sensitivity
from tenfold.dp_john.sensitivity_search import search
from tenfold.dp_john.solver import john_ellipsoid
from tenfold.privacy.noise import NoiseSource


def calibration(closeness=1e-3, rounds=4, epsilon=1.0, n=12, d=3, **numbers):
    public = {"row_norm_bound": 2.0, "row_norm_floor": 0.5, "ridge": 0.5} | numbers
    return calibrate("iterate", epsilon, 1e-6, closeness, n=n, d=d, rounds=rounds, **public)


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(0)
    A = generator.standard_normal((12, 3))
    return A / np.linalg.norm(A, axis=1, keepdims=True) * generator.uniform(0.6, 1.9, (12, 1))


@pytest.mark.parametrize("seed", range(3))
def test_no_neighbour_moves_more_than_the_bounds(seed):
    worst = search(3000, seed)
    for name in ("own", "own_exact", "others", "total", "matrix", "moment"):
        assert 0.5 < getattr(worst, name) <= 1, name  # above ½: the search comes near the bounds


def test_the_search_would_see_a_bound_that_is_too_small():
    """The own-row bound without its second term is exceeded at once."""
    generator = np.random.default_rng(1)
    A = generator.standard_normal((8, 2))
    A /= np.linalg.norm(A, axis=1, keepdims=True)
    moved = A.copy()
    moved[0] *= 1.01
    weights = np.full(8, 0.25)
    bound = round_sensitivity(weights, closeness=0.01, row_norm_bound=1.01, row_norm_floor=1.0, ridge=1.0)
    change = np.abs(log_scores(moved, weights, 1.0) - log_scores(A, weights, 1.0))
    assert bound.others[0] < change[0] <= bound.own[0]
    assert (change[1:] <= bound.others[0]).all()


def test_scores_agree_with_a_naive_oracle(rows):
    weights = np.random.default_rng(2).uniform(0, 1, 12)
    inverse = np.linalg.inv(sum(w * np.outer(a, a) for w, a in zip(weights, rows, strict=True)) + 0.5 * np.eye(3))
    naive = [math.log(a @ inverse @ a) for a in rows]
    assert log_scores(rows, weights, 0.5) == pytest.approx(naive, rel=1e-12)


def test_runs_as_a_leading_axis_are_the_same_mechanism(rows):
    c = calibration()
    single = noisy_rounds(rows, c, NoiseSource(3))
    stacked = noisy_rounds(rows[None], c, NoiseSource(3))
    assert stacked.noisy[:, 0] == pytest.approx(single.noisy, rel=1e-12)


def test_every_round_costs_the_same_whatever_the_transcript(rows):
    c = calibration(rounds=9)
    transcript = noisy_rounds(rows, c, NoiseSource(0))
    for before, sd in zip(transcript.log_weights, transcript.noise_sds, strict=True):
        total = round_sensitivity(
            np.exp(before), closeness=1e-3, row_norm_bound=2.0, row_norm_floor=0.5, ridge=0.5
        ).total
        assert total / sd == pytest.approx(c.mu_main / 3)
    assert np.exp(transcript.log_weights).sum(axis=-1) == pytest.approx(np.full(9, 3.0), abs=1e-10)
    assert transcript.averaged.sum() == pytest.approx(3.0, abs=1e-10)


def test_more_rounds_need_noise_larger_by_the_square_root(rows):
    few, many = (noisy_rounds(rows, calibration(rounds=T), NoiseSource(0)).noise_sds[0] for T in (4, 64))
    assert many / few == pytest.approx(4)


def test_noise_rises_with_closeness_and_falls_with_epsilon(rows):
    def first_sd(**numbers):
        return noisy_rounds(rows, calibration(**numbers), NoiseSource(0)).noise_sds[0]

    assert first_sd(closeness=2e-6) / first_sd(closeness=1e-6) == pytest.approx(2, rel=1e-4)
    assert first_sd(epsilon=2.0) < first_sd(epsilon=1.0)


def test_the_matrix_noise_is_that_of_its_sensitivity(rows):
    c, weights = calibration(), np.full(12, 0.25)
    stack = np.broadcast_to(rows, (20_000, 12, 3))
    matrices, sd = release_matrix(stack, np.broadcast_to(weights, (20_000, 12)), c, NoiseSource(1))
    expected = quadratic_form_sensitivity(weights, closeness=1e-3, row_norm_bound=2.0) / c.mu_release
    assert sd == pytest.approx(expected)
    noise = matrices - rows.T @ (rows * 0.25)
    assert noise[:, 0, 0].std() == pytest.approx(expected, rel=0.03)
    assert noise[:, 0, 1].std() == pytest.approx(expected / math.sqrt(2), rel=0.03)


@pytest.mark.parametrize("closeness", [1e-8, 1e-6, 1e-4])
def test_the_private_certificate_holds_as_often_as_promised(rows, closeness):
    optimum = john_ellipsoid(rows, tolerance=1e-6).ellipsoid.log_volume
    c = calibration(closeness, rounds=20, epsilon=4.0, ridge=0.01, failure_probability=0.1)
    contained, gaps, claimed = [], [], []
    for seed in range(60):
        result = release_private(rows, c, insecure_seed=seed)
        contained.append(result.ellipsoid.worst_violation(rows) <= 1e-12)
        gaps.append(optimum - result.ellipsoid.log_volume)
        claimed.append(result.volume_gap)
    assert np.mean(contained) >= 0.9
    assert np.mean(np.array(gaps) <= np.array(claimed)) >= 0.9
    if closeness == 1e-8:
        assert max(claimed) < 2.0  # informative where the noise is small


def test_the_reported_gap_includes_the_ridge(rows):
    gaps = [
        release_private(rows, calibration(1e-10, rounds=20, ridge=ridge), insecure_seed=0).volume_gap
        for ridge in (1e-3, 0.05)
    ]
    assert gaps[0] < gaps[1]


def test_an_unbounded_round_is_an_error_not_a_clip():
    with pytest.raises(SensitivityUnbounded):
        round_sensitivity(np.array([3.0, 1e-3]), closeness=0.1, row_norm_bound=1.0, row_norm_floor=0.5, ridge=0.1)


def test_rounds_are_fixed_before_the_data_are_seen():
    """The loop runs ``calibration.rounds`` times: nothing in it tests the data to stop."""
    source = inspect.getsource(iterate_perturbation.noisy_rounds)
    assert "range(c.rounds)" in source
    assert "break" not in source and "while" not in source
    for seed in range(3):
        A = np.random.default_rng(seed).standard_normal((12, 3))
        A /= np.linalg.norm(A, axis=1, keepdims=True)
        assert len(noisy_rounds(A, calibration(rounds=7), NoiseSource(seed)).noisy) == 7


def test_released_weights_are_those_of_the_released_matrix(rows):
    result = release_private(rows, calibration(1e-9), insecure_seed=0)
    Q = rows.T @ (rows * result.weights[:, None])
    assert result.released["matrix"] == pytest.approx(Q, abs=1e-5)
    assert isinstance(result.ellipsoid, Ellipsoid) and result.certificate is None
