"""Mechanisms: refusals before noise, statements, models from a release alone, and audits with planted bugs."""

import math

import numpy as np
import pytest

from tenfold.dp_ntk.audit import audit_correct, audit_planted, audit_replacement, planted_bugs
from tenfold.dp_ntk.calibration import CalibrationMismatch, calibrate
from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel
from tenfold.dp_ntk.mechanisms import (
    AssumptionFails,
    NotSmooth,
    centred,
    checked_factor,
    perturb_rows,
    release_input,
    release_paper,
    release_ridge_sample,
    release_ssp,
)
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.regression import fit_dense
from tenfold.dp_ntk.release import fit
from tenfold.dp_ntk.validation import NonFiniteRow, NotOneHot, RowNotUnit, targets, unit_rows
from tenfold.privacy.noise import NoiseSource

GENERATOR = np.random.default_rng(5)
X = unit_rows(GENERATOR.standard_normal((40, 9)))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)
Y = targets(LABELS, 2)
KERNEL = LimitKernel()
FEATURES = RandomFeatures.draw(20, 9, GENERATOR)
DIRECTIONS = GENERATOR.standard_normal((4, 9, 9))
BUDGET = {"epsilon": 1.0, "delta": 1e-5}


def released(mode, source, rows=X, epsilon=1.0, kernel=KERNEL):
    if mode == "input":
        return release_input(rows, Y, kernel, calibrate("input", epsilon, 1e-5, d=9, n=40, closeness=1e-3), source)
    if mode == "ridge-sample":
        c = calibrate("ridge-sample", epsilon, 1e-5, d=9, samples=4, diameter=KERNEL.diameter(), label_share=0.3)
        return release_ridge_sample(rows, Y, kernel, DIRECTIONS, c, source)
    if mode == "ssp":
        return release_ssp(rows, Y, FEATURES, calibrate("ssp", epsilon, 1e-5, d=20, classes=2), source)
    c = calibrate("paper", epsilon, 1e-5, d=9, n=40, closeness=1e-9, eta_min=1e-4)
    return release_paper(rows, Y, kernel, c, source)


MODES = ("input", "ridge-sample", "ssp", "paper")


@pytest.mark.parametrize("mode", MODES)
def test_fresh_noise_by_default_and_a_seed_only_when_asked(mode):
    first, second = released(mode, NoiseSource()), released(mode, NoiseSource())
    seeded, again = released(mode, NoiseSource(7)), released(mode, NoiseSource(7))
    for name in first.arrays:
        if name not in ("directions", "targets"):
            assert not np.array_equal(first.arrays[name], second.arrays[name])
        assert np.array_equal(seeded.arrays[name], again.arrays[name])
    assert seeded.privacy.insecure_seed and not first.privacy.insecure_seed


@pytest.mark.parametrize("mode", MODES)
def test_the_statement_says_what_holds(mode):
    privacy = released(mode, NoiseSource(1)).privacy
    text = str(privacy)
    assert privacy.proven is (mode != "paper")
    assert ("no proven ε" in text) is (mode == "paper")
    assert ("conditional; β = 1e-09" in text) is (mode == "paper")
    assert ("count as public" in text) is (mode in ("input", "paper"))
    assert ("replaced by any other" in text) is (mode in ("ridge-sample", "ssp"))
    assert ("which moves by at most" in text) is (mode in ("input", "paper"))
    assert "research-grade" in text and "queries" in text and privacy.assumptions
    if mode != "paper":
        assert (privacy.epsilon, privacy.delta) == (1.0, 1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("value", "error"), [(np.nan, NonFiniteRow), (np.inf, NonFiniteRow), (2.0, RowNotUnit)])
def test_bad_rows_are_refused_before_any_noise(mode, value, error, monkeypatch):
    def drawn(*_, **__):
        raise AssertionError("noise was drawn before the rows were checked")

    monkeypatch.setattr(NoiseSource, "_bits", drawn)
    rows = X.copy()
    rows[3, 0] = value
    with pytest.raises((error, np.linalg.LinAlgError) if mode == "paper" else error):
        released(mode, NoiseSource(), rows=rows)


@pytest.mark.parametrize("mode", MODES)
def test_a_model_is_made_of_its_release_alone(mode):
    """A copy of what was published gives the same predictions; the records are gone."""
    release = released(mode, NoiseSource(3))
    queries = unit_rows(GENERATOR.standard_normal((6, 9)))
    stored = {name: np.array(array.tolist()) for name, array in release.arrays.items()}
    copy = type(release)(release.mode, release.kernel, stored, release.noise_sd, release.privacy)
    expected = fit(release, 1.0).decision_function(queries)
    assert fit(copy, 1.0).decision_function(queries) == pytest.approx(expected, rel=1e-9)
    assert expected.shape == (6, 2)


@pytest.mark.parametrize("mode", ["input", "ssp"])
def test_a_huge_budget_gives_the_model_without_privacy(mode):
    release = released(mode, NoiseSource(3), epsilon=1e7)
    queries = unit_rows(GENERATOR.standard_normal((6, 9)))
    if mode == "input":
        expected = KERNEL.matrix(queries, X) @ fit_dense(KERNEL.matrix(X), Y, 0.1)
    else:
        Z = FEATURES.transform(X)
        expected = FEATURES.transform(queries) @ fit_dense(Z.T @ Z, Z.T @ centred(Y), 0.1)
    assert fit(release, 0.1).decision_function(queries) == pytest.approx(expected, abs=0.05)


def test_mode_paper_needs_a_regular_and_smooth_kernel():
    twice = np.vstack([X[:20], X[:20]])
    with pytest.raises(AssumptionFails, match="below the declared eta_min"):
        released("paper", NoiseSource(1), rows=twice)
    with pytest.raises(AssumptionFails, match="guarantees nothing here"):
        checked_factor(KERNEL.matrix(X), eta_min=10.0)
    jumping = FiniteKernel.draw(30, 9, GENERATOR, activation="relu")
    with pytest.raises(NotSmooth, match="jumps"):
        released("paper", NoiseSource(1), kernel=jumping)


def _mismatches():
    ten = targets(np.arange(40) % 10, 10)
    ssp = calibrate("ssp", **BUDGET, d=20, classes=2)
    ridge = {"d": 9, "samples": 4, "diameter": KERNEL.diameter(), "label_share": 0.3}
    wide = FiniteKernel(2.65 * np.eye(9))  # ‖φ(x) − φ(x')‖ may be 1.77, not √2
    paper = calibrate("paper", **BUDGET, d=9, n=40, closeness=1e-9, eta_min=1e-4, operator_norm=0.5)

    def of_ridge(**changed):
        return calibrate("ridge-sample", **BUDGET, **ridge | changed)

    def sample(c, Y=Y, kernel=KERNEL, directions=DIRECTIONS, **more):
        return release_ridge_sample(X, Y, kernel, directions, c, NoiseSource(), **more)

    def of_input(**numbers):
        return lambda c: release_input(X, Y, KERNEL, c, NoiseSource()), calibrate("input", **BUDGET, **numbers)

    return {
        "ten classes on two": (lambda c: release_ssp(X, ten, FEATURES, c, NoiseSource()), ssp, "10 classes"),
        "100·Y": (lambda c: release_ssp(X, 100 * Y, FEATURES, c, NoiseSource()), ssp, "one-hot"),
        "100·Y, noisy labels": (lambda c: sample(c, Y=100 * Y), of_ridge(), "one-hot"),
        "two labels": (lambda c: sample(c, Y=np.ones_like(Y)), of_ridge(), "one-hot"),
        "features": (
            lambda c: release_ssp(X, Y, FEATURES, c, NoiseSource()),
            calibrate("ssp", **BUDGET, d=21),
            "20 features, where the calibration counts on 21",
        ),
        "records": (*of_input(d=9, n=39, closeness=1e-3), "40 records, where the calibration counts on 39"),
        "records of ssp": (
            lambda c: release_ssp(X, Y, FEATURES, c, NoiseSource()),
            calibrate("ssp", **BUDGET, d=20, n=7),
            "40 records, where",
        ),
        "columns": (*of_input(d=8, n=40, closeness=1e-3), "9 columns of X"),
        "diameter": (lambda c: sample(c, kernel=wide), of_ridge(), r"diameter = 1\.7\d+, where .* 1\.41421"),
        "samples": (sample, of_ridge(samples=5), "4 directions, where the calibration counts on 5"),
        "long projections": (lambda c: sample(c, directions=3 * DIRECTIONS), of_ridge(), "entries have sd"),
        "projected": (lambda c: sample(c, projected=np.zeros((40, 9))), of_ridge(), "projected must be"),
        "operator norm": (lambda c: release_paper(X, Y, KERNEL, c, NoiseSource()), paper, "operator_norm = 1"),
        "mode": (lambda c: release_input(X, Y, KERNEL, c, NoiseSource()), ssp, "for mode 'ssp', used by mode 'input'"),
        "mode, the other way": (
            lambda c: release_ssp(X, Y, FEATURES, c, NoiseSource()),
            calibrate("input", **BUDGET, d=20, closeness=1e-3),
            "for mode 'input', used by mode 'ssp'",
        ),
        "helper": (lambda c: perturb_rows(X, c, NoiseSource()), ssp, "used by mode 'input'"),
    }


@pytest.mark.parametrize("name", _mismatches())
def test_a_calibration_serves_only_what_it_was_made_for(name, monkeypatch):
    release, calibration, words = _mismatches()[name]
    monkeypatch.setattr(NoiseSource, "_bits", lambda *_: pytest.fail("noise was drawn before the check"))
    with pytest.raises((CalibrationMismatch, NotOneHot), match=words):
        release(calibration)


def test_ssp_sensitivities_hold_and_are_attained():
    """‖zzᵀ − z'z'ᵀ‖_F ≤ √2 and ‖zyᵀ − z'y'ᵀ‖_F ≤ 2√(1 − 1/C), over random and adversarial pairs."""
    generator = np.random.default_rng(0)
    worst = np.zeros(2)
    for _ in range(2000):
        classes, d = int(generator.integers(2, 6)), int(generator.integers(2, 6))
        z = unit_rows(generator.standard_normal((2, d)))
        y = centred(targets(generator.integers(0, classes, 2), classes))
        kind = generator.random()
        if kind < 0.3:
            z[1], y[1] = -z[0], y[0]
        elif kind < 0.5:
            z[1] = np.roll(np.eye(d)[0], 1)
            z[0] = np.eye(d)[0]
        gram = np.linalg.norm(np.outer(z[0], z[0]) - np.outer(z[1], z[1])) / math.sqrt(2)
        cross = np.linalg.norm(np.outer(z[0], y[0]) - np.outer(z[1], y[1])) / (2 * math.sqrt(1 - 1 / classes))
        worst = np.maximum(worst, [gram, cross])
    assert worst == pytest.approx([1.0, 1.0], abs=1e-9) and (worst <= 1 + 1e-12).all()


def test_correct_modes_raise_no_alarm():
    for seed in range(3):
        for found in audit_correct(runs=8000, insecure_seed=seed):
            assert not found.alarm, (seed, found)
            assert found.noise is None or found.noise.observed_sd == pytest.approx(1, abs=0.02)


def test_every_planted_bug_is_caught():
    audits = audit_planted(runs=20_000, insecure_seed=11)
    assert {found.mechanism for found in audits} == set(planted_bugs())
    assert [found.mechanism for found in audits if not found.alarm] == []
    by_name = {found.mechanism: found for found in audits}
    assert by_name["half noise, input"].epsilon_lower_bound > 4
    assert by_name["raw X in the cross terms"].epsilon_lower_bound > 4
    assert by_name["exact Y"].epsilon_lower_bound > 8
    assert by_name["too small an n in k"].implied > 8


def test_the_papers_mechanism_is_caught_on_a_replaced_record():
    assert audit_replacement(runs=4000, insecure_seed=2).epsilon_lower_bound > 5
