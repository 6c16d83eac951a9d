"""The private ellipsoid: refusals before noise, fresh noise, containment, what a result says of itself."""

import math

import numpy as np
import pytest

from tenfold.dp_john.calibration import CalibrationMismatch, InvalidCalibration, UnusedArgument, calibrate
from tenfold.dp_john.certificate import certify
from tenfold.dp_john.diagnostic import diagnose
from tenfold.dp_john.domain import RowNormOutOfBounds
from tenfold.dp_john.ellipsoid import Ellipsoid
from tenfold.dp_john.input_perturbation import (
    GridTooFine,
    containment_margin,
    perturb_rows,
    perturb_rows_exactly,
    release_from_rows,
    row_noise_bound,
)
from tenfold.dp_john.polytope import InvalidPolytope, NonFiniteRow, ZeroRow
from tenfold.dp_john.private import private_john_ellipsoid, release_private
from tenfold.dp_john.solver import john_ellipsoid
from tenfold.privacy.concentrated import concentrated_delta
from tenfold.privacy.gaussian import InvalidBudget
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.weak_delta import WeakDelta

BUDGET = {"epsilon": 1.0, "delta": 1e-6}
SETTINGS = {
    "input": BUDGET | {"closeness": 1e-3},
    "input_exact": BUDGET | {"closeness": 1e-3},
    "iterate": BUDGET | {"closeness": 1e-6, "row_norm_bound": 5.0, "row_norm_floor": 0.01, "ridge": 1.0, "rounds": 4},
    "moment": BUDGET | {"row_norm_bound": 5.0},
    "paper": {"noise_sd": 0.1, "rounds": 4},
}


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).standard_normal((60, 3))


@pytest.mark.parametrize("mode", SETTINGS)
def test_fresh_noise_by_default_and_a_seed_only_when_asked(rows, mode):
    def run(**seed):
        return private_john_ellipsoid(rows, mode=mode, **SETTINGS[mode], **seed)

    first, second, seeded, again = run(), run(), run(insecure_seed=5), run(insecure_seed=5)
    assert not np.array_equal(first.ellipsoid.matrix, second.ellipsoid.matrix)
    assert np.array_equal(seeded.ellipsoid.matrix, again.ellipsoid.matrix)
    assert not first.privacy.insecure_seed and "INSECURE" not in str(first.privacy)
    assert seeded.privacy.insecure_seed and "INSECURE SEED" in str(seeded.privacy)


@pytest.mark.parametrize("mode", SETTINGS)
def test_the_statement_says_what_holds(rows, mode):
    privacy = private_john_ellipsoid(rows, mode=mode, **SETTINGS[mode], insecure_seed=1).privacy
    assert privacy.proven is (mode != "paper")
    if mode == "paper":
        assert "no proven ε" in str(privacy)
        assert (privacy.epsilon, privacy.delta, privacy.mu) == (None, None, None)
    else:
        assert (privacy.epsilon, privacy.delta) == (1.0, 1e-6)
        assert privacy.assumptions and privacy.not_protected
        exact = mode == "input_exact"
        assert privacy.mu is None if exact else privacy.mu == pytest.approx(0.2367, abs=1e-4)
        assert ("float64, research-grade" in str(privacy)) is not exact
    assert ("not a John ellipsoid" in str(privacy)) is (mode == "moment")


def no_noise(monkeypatch):
    def drawn(*_, **__):
        raise AssertionError("noise was drawn before the rows were checked")

    monkeypatch.setattr(NoiseSource, "_bits", drawn)
    monkeypatch.setattr(NoiseSource, "below", drawn)


@pytest.mark.parametrize("mode", SETTINGS)
@pytest.mark.parametrize(("value", "error"), [(0.0, ZeroRow), (np.nan, NonFiniteRow), (np.inf, NonFiniteRow)])
def test_bad_rows_are_refused_before_any_noise(rows, mode, value, error, monkeypatch):
    no_noise(monkeypatch)
    bad = rows.copy()
    bad[7] = value
    with pytest.raises(error, match="7"):
        private_john_ellipsoid(bad, mode=mode, **SETTINGS[mode])


@pytest.mark.parametrize("shape", [(60,), (2, 3, 4)])
def test_what_is_not_a_matrix_is_refused(shape):
    with pytest.raises(InvalidPolytope):
        private_john_ellipsoid(np.ones(shape), **SETTINGS["input"])


def test_other_bad_inputs_are_refused_before_any_noise(rows, monkeypatch):
    no_noise(monkeypatch)
    with pytest.raises(InvalidPolytope, match="real"):
        private_john_ellipsoid(rows + 1j, **SETTINGS["input"])
    with pytest.raises(InvalidCalibration, match="at least 3"):
        private_john_ellipsoid(rows[:2], **SETTINGS["input"])
    with pytest.raises(InvalidBudget):
        private_john_ellipsoid(rows, closeness=1e-3)
    with pytest.raises(CalibrationMismatch, match="calibrated for"):
        release_private(rows, calibrate("input", 1.0, 1e-6, 1e-3, n=61, d=3))


@pytest.mark.parametrize("mode", ["iterate", "moment"])
def test_public_row_norms_are_enforced_not_clipped(rows, mode, monkeypatch):
    no_noise(monkeypatch)
    longest = np.linalg.norm(rows, axis=1).max()
    with pytest.raises(RowNormOutOfBounds, match="row_norm_bound"):
        private_john_ellipsoid(rows, mode=mode, **SETTINGS[mode] | {"row_norm_bound": 0.99 * longest})
    if mode == "iterate":
        with pytest.raises(RowNormOutOfBounds, match="row_norm_floor"):
            private_john_ellipsoid(rows, mode=mode, **SETTINGS[mode] | {"row_norm_floor": 1.0})


def test_rank_is_not_tested_on_private_rows(rows):
    """A singular A passes by its noisy version alone: a test of A itself would be another release."""
    flat = rows.copy()
    flat[:, 2] = flat[:, 1]
    result = private_john_ellipsoid(flat, **SETTINGS["input"] | {"closeness": 0.1}, insecure_seed=0)
    assert np.linalg.eigvalsh(result.ellipsoid.matrix)[0] > 0


def test_everything_after_the_noise_is_post_processing(rows):
    calibration = calibrate("input", **SETTINGS["input"], n=60, d=3)
    whole = release_private(rows, calibration, insecure_seed=4)
    again = release_from_rows(whole.released["rows"], calibration, tolerance=1e-3, insecure_seed=True)
    assert np.array_equal(whole.ellipsoid.matrix, again.ellipsoid.matrix)
    assert whole.certificate == certify(whole.released["rows"], whole.weights)


def test_the_input_noise_has_the_calibrated_sd(rows):
    calibration = calibrate("input", **SETTINGS["input"], n=60, d=3)
    noise = perturb_rows(np.broadcast_to(rows, (2000, 60, 3)), calibration, NoiseSource(0)) - rows
    assert noise.std() == pytest.approx(1e-3 / 0.23670, rel=0.01)


@pytest.mark.parametrize("closeness", [3e-3, 3e-2])
def test_the_ellipsoid_lies_in_the_true_polytope_as_often_as_promised(rows, closeness):
    calibration = calibrate("input", 1.0, 1e-6, closeness, n=60, d=3, failure_probability=0.1)
    inside, inside_before = [], []
    for seed in range(150):
        result = release_private(rows, calibration, insecure_seed=seed)
        inside.append(result.ellipsoid.worst_violation(rows) <= 1e-12)
        inside_before.append(Ellipsoid(result.released["touching"]).worst_violation(rows) <= 1e-12)
    assert result.containment_probability == 0.9
    assert np.mean(inside) >= 0.9
    assert np.mean(inside_before) < 0.5  # the margin is what does it


def test_the_margin_is_that_of_the_longest_axis():
    inner = Ellipsoid(np.diag([4.0, 0.25]))  # half-axes ½ and 2
    assert containment_margin(inner, 0.3) == pytest.approx(0.6)
    expected = 0.1 * (math.sqrt(2) + math.sqrt(2 * math.log(100 / 0.05)))
    assert row_noise_bound(0.1, 100, 2, 0.05) == pytest.approx(expected)


def test_no_row_of_noise_exceeds_its_bound_more_often_than_promised():
    noise = NoiseSource(0).gaussian((2000, 60, 3), 0.2)
    longest = np.linalg.norm(noise, axis=2).max(axis=1)
    assert np.mean(longest > row_noise_bound(0.2, 60, 3, 0.1)) <= 0.1


def test_exact_input_noise_stays_on_a_public_grid(rows):
    calibration = calibrate("input_exact", **SETTINGS["input"], n=60, d=3)
    step, variance = calibration.grid_step, calibration.grid_variance
    assert math.log2(step) == round(math.log2(step))
    released = release_private(rows, calibration, insecure_seed=0).released["rows"]
    assert np.array_equal(released / step, np.rint(released / step))
    distance = (1e-3 + step * math.sqrt(3)) / step
    assert concentrated_delta(1.0, distance**2 / (2 * variance)) <= 1e-6
    plain = calibrate("input", **SETTINGS["input"], n=60, d=3)
    assert 1 < calibration.noise_sd / plain.noise_sd < 1.15  # what exactness costs


def test_rounding_never_moves_neighbours_further_apart_than_is_charged():
    generator = np.random.default_rng(0)
    calibration = calibrate("input_exact", 1.0, 1e-6, 0.01, n=3, d=3)
    step, worst = calibration.grid_step, 0.0
    for _ in range(2000):
        row, direction = generator.standard_normal((2, 3))
        moved = row + 0.01 * direction / np.linalg.norm(direction)
        worst = max(worst, np.linalg.norm(np.rint(moved / step) - np.rint(row / step)))
    assert 0.01 / step < worst <= 0.01 / step + math.sqrt(3)


def test_a_grid_too_fine_is_told_of_the_noisy_rows_alone(rows, monkeypatch):
    """Rows on either side of 2⁵² steps, 2.4e-7 apart, were told apart with certainty; now their noise decides."""
    with pytest.raises(GridTooFine, match="grid steps"):
        private_john_ellipsoid(rows * 1e13, mode="input_exact", **SETTINGS["input"])
    calibration = calibrate("input_exact", **SETTINGS["input"], n=60, d=3)
    edge = 2.0**52 * calibration.grid_step
    refused = []
    for largest in (edge, edge - calibration.grid_step):
        A = np.full((2, 2), largest)
        found = []
        for seed in range(60):
            try:
                perturb_rows_exactly(A[:1], calibration, NoiseSource(seed))
                found.append(False)
            except GridTooFine:
                found.append(True)
        refused.append(np.mean(found))
    assert 0.4 < refused[0] < 1 and abs(refused[0] - refused[1]) < 0.05
    huge = np.full((1, 2), 1e300)
    with pytest.raises(GridTooFine):
        perturb_rows_exactly(huge, calibration, NoiseSource(0))


@pytest.mark.parametrize("mode", ["iterate", "moment", "paper"])
def test_a_tolerance_is_refused_where_nothing_is_solved(rows, mode):
    with pytest.raises(UnusedArgument, match="tolerance"):
        private_john_ellipsoid(rows, mode=mode, **SETTINGS[mode], tolerance=1e-4)


def test_where_a_row_may_be_added_nothing_tells_how_many_there_are(rows):
    """Shapes, indices and counts of private rows, in errors too; and the only row may be the one that is removed."""
    settings = SETTINGS["moment"] | {"mode": "moment", "neighbours": "add_remove", "insecure_seed": 0}
    for count in (60, 1, 0):
        found = private_john_ellipsoid(rows[:count], **settings)
        assert "well below 1/n" in str(found.privacy)
        assert {np.shape(value) for value in found.released.values()} == {(3, 3), ()}
    for value, error in ((0.0, ZeroRow), (np.nan, NonFiniteRow), (9.0, RowNormOutOfBounds)):
        bad = rows.copy()
        bad[47] = value
        with pytest.raises(error) as caught:
            private_john_ellipsoid(bad, **settings)
        assert not any(character.isdigit() for character in str(caught.value))
    with pytest.raises(CalibrationMismatch, match=r"\('n', 3\); calibrated for \('n', 2\)"):
        release_private(
            rows, calibrate("moment", **BUDGET, closeness=None, n=5, d=2, row_norm_bound=5, neighbours="add_remove")
        )


@pytest.mark.parametrize("mode", ["input", "input_exact", "iterate", "moment"])
def test_a_delta_of_one_in_n_is_warned_of(rows, mode):
    with pytest.warns(WeakDelta, match="1/n"):
        private_john_ellipsoid(rows, mode=mode, **SETTINGS[mode] | {"delta": 0.02})


def test_as_the_closeness_vanishes_the_answer_is_the_exact_one(rows):
    exact = john_ellipsoid(rows, tolerance=1e-4).ellipsoid
    result = private_john_ellipsoid(rows, **BUDGET, closeness=1e-9, tolerance=1e-4, insecure_seed=0)
    diagnostic = diagnose(rows, result.ellipsoid, exact)
    assert abs(diagnostic.log_radius_loss) < 1e-4
    assert diagnostic.worst_violation < 1e-9
    assert diagnostic.private is False and "NOT PRIVATE" in (type(diagnostic).__doc__ or "")


def test_a_result_never_carries_the_input(rows):
    result = private_john_ellipsoid(rows, **SETTINGS["input"], insecure_seed=0)
    for value in result.released.values():
        assert not np.array_equal(value, rows)
    assert result.released["rows"] is not rows
