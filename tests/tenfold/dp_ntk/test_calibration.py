"""Calibration: refusals by name, and the published formula with its slips."""

import inspect
import math

import numpy as np
import pytest

from tenfold.dp_ntk.calibration import (
    ConditionFails,
    InvalidCalibration,
    TooFewSamples,
    WeakDelta,
    affordable_samples,
    calibrate,
    implied_epsilon,
)
from tenfold.dp_ntk.findings import group_epsilon, spectral_bound
from tenfold.dp_ntk.sensitivity import frobenius_sensitivity, published_bound, whitened_bound
from tenfold.privacy.gaussian import InvalidBudget, compose, gaussian_mu

LOG = 8 * math.log(1e3)
SETTINGS = {
    "input": {"closeness": 1e-3},
    "ridge-sample": {"samples": 8, "diameter": math.sqrt(2)},
    "ssp": {"classes": 10},
    "paper": {"closeness": 1e-6, "eta_min": 0.1, "n": 50},
}


def test_no_mode_takes_data():
    kinds = {parameter.annotation for parameter in inspect.signature(calibrate).parameters.values()}
    assert not any("ndarray" in str(kind) or "Float[" in str(kind) for kind in kinds)


@pytest.mark.parametrize("mode", SETTINGS)
@pytest.mark.parametrize(("epsilon", "delta"), [(0, 1e-5), (-1, 1e-5), (math.inf, 1e-5), (1, 0), (1, 1), (1, math.nan)])
def test_meaningless_budgets_are_refused(mode, epsilon, delta):
    with pytest.raises(InvalidBudget):
        calibrate(mode, epsilon, delta, d=20, **SETTINGS[mode])


@pytest.mark.parametrize(
    ("mode", "missing"),
    [
        ("input", "closeness"),
        ("ridge-sample", "samples"),
        ("ridge-sample", "diameter"),
        ("paper", "eta_min"),
        ("paper", "n"),
    ],
)
def test_a_missing_public_number_is_named(mode, missing):
    with pytest.raises(InvalidCalibration, match=missing):
        calibrate(mode, 1.0, 1e-5, d=20, **{key: value for key, value in SETTINGS[mode].items() if key != missing})


def test_an_unknown_mode_and_a_weak_delta():
    with pytest.raises(InvalidCalibration, match="choose one of input, ridge-sample, ssp, paper"):
        calibrate("none", 1.0, 1e-5, d=2)
    with pytest.warns(WeakDelta, match=r"at least 1/n"):
        calibrate("input", 1.0, 1e-3, d=2, n=2000, closeness=1e-3)


def test_shares_compose_to_the_budget():
    mu = gaussian_mu(1.0, 1e-5)
    c = calibrate("input", 1.0, 1e-5, d=5, closeness=0.1, label_share=0.25)
    assert compose([0.1 / c.noise_sd, 2 * math.sqrt(2) / c.label_noise_sd]) == pytest.approx(mu)
    assert (c.labels, calibrate("input", 1.0, 1e-5, d=5, closeness=0.1).labels) == ("private", "public")
    c = calibrate("ssp", 1.0, 1e-5, d=5, classes=4)
    assert compose([math.sqrt(2) / c.noise_sd, 2 * math.sqrt(3 / 4) / c.cross_noise_sd]) == pytest.approx(mu)


@pytest.mark.parametrize(
    ("epsilon", "published", "two", "ten"), [(10**0.5, 8, 2, 0), (10, 88, 22, 0), (10**1.5, 886, 221, 8)]
)
def test_the_published_formula_and_what_the_true_n_affords(epsilon, published, two, ten):
    def first_branch(n):
        return math.floor(epsilon**2 / (LOG * published_bound(n, 1e-6, 7e-3) ** 2))

    assert (first_branch(1000), first_branch(2000), first_branch(10_000)) == (published, two, ten)


def test_the_condition_that_the_formula_leaves_out():
    for epsilon in (10**0.5, 10, 10**1.5):
        with pytest.raises(ConditionFails, match="does not apply at any k"):
            affordable_samples(epsilon, 1e-3, published_bound(10_000, 1e-6, 7e-3))  # 1.43 > 0.57 at most
    assert affordable_samples(10**1.5, 1e-3, published_bound(2000, 1e-6, 7e-3)) == 221


def test_fewer_than_one_sample_is_refused_and_never_rounded_up():
    """Where the condition holds, k ≥ 8 ln(1/δ) follows; only a δ near 1 leaves k < 1."""
    whitened = 0.9
    with pytest.raises(TooFewSamples, match="< 1 samples"):
        affordable_samples(0.1, 0.99, whitened)
    for epsilon in (0.5, 3.0):
        whitened = epsilon / LOG
        k = affordable_samples(epsilon, 1e-3, whitened)
        assert k == math.floor(LOG) and implied_epsilon(k, 1e-3, whitened) <= epsilon * (1 + 1e-12)


def test_mode_paper_refuses_a_kernel_that_must_be_singular():
    with pytest.raises(InvalidCalibration, match=r"rank ≤ d\(d \+ 1\)/2 = 10"):
        calibrate("paper", 1.0, 1e-5, d=4, n=11, closeness=1e-9, eta_min=1e-3)
    c = calibrate("paper", 1.0, 1e-5, d=4, n=10, closeness=1e-6, eta_min=1e-2)
    assert c.whitened == pytest.approx(whitened_bound(10, 1e-6, 1e-2)) and c.samples >= 1


def test_bounds_scale_as_they_must():
    assert frobenius_sensitivity(1, 1.0) == 4.0
    assert frobenius_sensitivity(4 * 10**6, 1e-3) == pytest.approx(2 * frobenius_sensitivity(10**6, 1e-3), rel=1e-5)
    assert published_bound(5, 1.0, 1.0) < whitened_bound(5, 1.0, 1.0)  # below the proven bound for n < 9
    assert published_bound(2000, 1.0, 1.0) > 15 * whitened_bound(2000, 1.0, 1.0)
    assert group_epsilon(1.0, 1e-6) == 2e6
    assert spectral_bound(10_000, 886) > 1e5


@pytest.mark.parametrize("mode", ["input", "ridge-sample", "ssp"])
def test_noise_falls_with_epsilon_and_delta(mode):
    def noise(epsilon, delta):
        c = calibrate(mode, epsilon, delta, d=20, **SETTINGS[mode])
        return c.noise_variance if mode == "ridge-sample" else c.noise_sd

    grid = np.array([[noise(epsilon, delta) for delta in (1e-8, 1e-5)] for epsilon in (0.5, 1.0, 4.0)])
    assert (np.diff(grid, axis=0) < 0).all() and (np.diff(grid, axis=1) < 0).all()
