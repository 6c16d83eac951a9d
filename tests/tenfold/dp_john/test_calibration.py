"""Calibration: the noise follows the budget, and the data have no way in."""

import inspect
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.dp_john.calibration import MODES, USES, InvalidCalibration, UnusedArgument, calibrate
from tenfold.dp_john.input_perturbation import perturb_rows
from tenfold.dp_john.iterate_perturbation import noisy_rounds
from tenfold.dp_john.moment_perturbation import noisy_moment
from tenfold.dp_john.sensitivity import SensitivityUnbounded
from tenfold.privacy.gaussian import InvalidBudget, compose, gaussian_mu, pure_epsilon
from tenfold.privacy.noise import NoiseSource

ITERATE = {"row_norm_bound": 1.0, "row_norm_floor": 0.5, "ridge": 0.1, "rounds": 10}


def test_no_argument_is_a_path_or_an_array():
    signature = inspect.signature(calibrate, eval_str=True)
    allowed = {str, int, float, str | None, int | None, float | None}
    for parameter in signature.parameters.values():
        assert parameter.annotation in allowed, parameter
        assert parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    assert not any(word in name for name in signature.parameters for word in ("path", "data", "file", "rows"))


@pytest.mark.parametrize("mode", MODES)
def test_an_array_or_a_path_in_any_argument_is_refused(mode):
    good = {
        "mode": mode,
        "epsilon": None if mode == "paper" else 1.0,
        "delta": None if mode == "paper" else 1e-6,
        "closeness": None if mode in ("moment", "paper") else 1e-3,
        "n": 10,
        "d": 2,
    }
    good |= ITERATE if mode == "iterate" else {}
    good |= {"row_norm_bound": 1.0, "fraction": 0.9, "neighbours": "replace"} if mode == "moment" else {}
    good |= {"noise_sd": 0.1, "rounds": 5, "truncation": 0.5} if mode == "paper" else {}
    calibrate(**good)
    for name in good:
        for intruder in (np.ones((10, 2)), np.ones(1), "A.npy"):
            with pytest.raises((InvalidCalibration, InvalidBudget)):
                calibrate(**good | {name: intruder})


@given(st.floats(1e-6, 10), st.floats(0.05, 20), st.floats(1e-10, 0.1))
def test_noise_is_linear_in_closeness_and_falls_in_epsilon_and_delta(closeness, epsilon, delta):
    def sd(closeness, epsilon, delta):
        return calibrate("input", epsilon, delta, closeness, n=9, d=3).noise_sd

    assert sd(closeness, epsilon, delta) == pytest.approx(closeness / gaussian_mu(epsilon, delta))
    assert sd(3 * closeness, epsilon, delta) == pytest.approx(3 * sd(closeness, epsilon, delta))
    assert sd(closeness, 1.1 * epsilon, delta) < sd(closeness, epsilon, delta)
    assert sd(closeness, epsilon, 1.1 * delta) < sd(closeness, epsilon, delta)


@pytest.mark.parametrize("mode", ["iterate", "moment"])
def test_the_parts_of_a_release_compose_to_the_whole(mode):
    close = 1e-3 if mode == "iterate" else None
    numbers = ITERATE if mode == "iterate" else {"row_norm_bound": 1.0}
    c = calibrate(mode, 2.0, 1e-6, close, n=9, d=3, release_share=0.3, **numbers)
    assert compose([c.mu_main, c.mu_release]) == pytest.approx(c.mu)
    assert c.mu == gaussian_mu(2.0, 1e-6)
    if mode == "iterate":
        each = c.mu_main / math.sqrt(c.rounds)
        assert compose([each] * c.rounds + [c.mu_release]) == pytest.approx(c.mu)
    else:
        assert c.selection_epsilon == pure_epsilon(c.mu_release)


@pytest.mark.parametrize("mode", MODES)
def test_a_number_that_a_mode_does_not_use_is_refused(mode):
    """Rows of norm 5 passed row_norm_bound = 1 in mode ``input``, which holds no row to it."""
    numbers = {**ITERATE, "closeness": 1e-3, "noise_sd": 0.1, "fraction": 0.5, "truncation": 0.5, "release_share": 0.5}
    used = {name: value for name, value in numbers.items() if name in USES[mode]}
    budget = (None, None) if mode == "paper" else (1.0, 1e-6)
    calibrate(mode, *budget, used.pop("closeness", None), n=10, d=2, **used)
    for name in set(numbers) - set(USES[mode]):
        with pytest.raises(UnusedArgument, match=name):
            calibrate(
                mode,
                *budget,
                **{"closeness": numbers["closeness"] if "closeness" in USES[mode] else None} | {name: numbers[name]},
                n=10,
                d=2,
                **used,
            )


def test_moment_noise_depends_on_the_neighbours_and_hides_n():
    replace = calibrate("moment", 1.0, 1e-6, None, n=5, d=2, row_norm_bound=3.0)
    add = calibrate("moment", 1.0, 1e-6, None, n=5, d=2, row_norm_bound=3.0, neighbours="add_remove")
    assert replace.noise_sd == pytest.approx(math.sqrt(2) * 9 / replace.mu_main)
    assert add.noise_sd == pytest.approx(9 / add.mu_main)
    assert add == calibrate("moment", 1.0, 1e-6, None, n=50, d=2, row_norm_bound=3.0, neighbours="add_remove")


@pytest.mark.parametrize("closeness", [0, 0.0, -1e-3, math.nan, math.inf, None])
@pytest.mark.parametrize("mode", ["input", "input_exact", "iterate"])
def test_a_closeness_that_is_not_above_zero_is_refused(mode, closeness):
    with pytest.raises(InvalidCalibration, match="closeness"):
        calibrate(mode, 1.0, 1e-6, closeness, n=10, d=2, **(ITERATE if mode == "iterate" else {}))


@pytest.mark.parametrize("mode", ["input", "input_exact", "iterate", "moment"])
@pytest.mark.parametrize(("epsilon", "delta"), [(0, 1e-6), (-1, 1e-6), (1, 1), (1, 0), (math.nan, 1e-6), (None, None)])
def test_impossible_budgets_are_refused(mode, epsilon, delta):
    with pytest.raises(InvalidBudget):
        close = None if mode == "moment" else 1e-3
        numbers = {name: value for name, value in ITERATE.items() if name in USES[mode]}
        calibrate(mode, epsilon, delta, close, n=10, d=2, **numbers)


@pytest.mark.parametrize("missing", ["row_norm_bound", "row_norm_floor", "ridge", "rounds"])
def test_iterate_needs_every_public_number(missing):
    numbers = {name: value for name, value in ITERATE.items() if name != missing}
    with pytest.raises(InvalidCalibration, match=missing):
        calibrate("iterate", 1.0, 1e-6, 1e-3, n=10, d=2, **numbers)


def test_iterate_refuses_a_closeness_for_which_no_bound_holds():
    with pytest.raises(SensitivityUnbounded, match="ridge"):
        calibrate("iterate", 1.0, 1e-6, 0.5, n=10, d=2, **ITERATE)


def test_other_refusals():
    def refused(match, mode, **numbers):
        with pytest.raises(InvalidCalibration, match=match):
            calibrate(mode, 1.0, 1e-6, numbers.pop("closeness", 1e-3), **{"n": 10, "d": 2} | numbers)

    refused("unknown mode", "inputs")
    refused("at least 2", "input", n=1)
    refused("noise_sd", "input", noise_sd=0.1)
    refused("neighbours", "input", neighbours="replace")
    refused("freely", "moment", row_norm_bound=1.0)
    refused("fraction", "moment", closeness=None, row_norm_bound=1.0, fraction=1.0)
    refused("row_norm_floor", "iterate", **ITERATE | {"row_norm_floor": 2.0})


def test_the_paper_mode_takes_no_epsilon_and_a_cutoff_below_one():
    with pytest.raises(InvalidBudget, match="proves no epsilon"):
        calibrate("paper", 1.0, 1e-6, 1e-3, n=10, d=2, noise_sd=0.1, rounds=5)
    with pytest.raises(InvalidCalibration, match="truncation"):
        calibrate("paper", None, None, None, n=10, d=2, noise_sd=0.1, rounds=5, truncation=1.0)
    with pytest.raises(InvalidCalibration, match="noise_sd"):
        calibrate("paper", None, None, None, n=10, d=2, rounds=5)


def test_a_calibration_is_json():
    c = calibrate("iterate", 1.0, 1e-6, 1e-3, n=10, d=2, **ITERATE)
    assert json.loads(json.dumps(c.as_dict()))["ridge"] == 0.1


def test_a_calibration_for_another_mode_is_refused():
    """The noise of ``moment`` on the rows, or of ``paper`` on anything, would protect nothing."""
    rows = np.ones((10, 2))
    paper = calibrate("paper", None, None, None, n=10, d=2, noise_sd=0.1, rounds=2)
    moment = calibrate("moment", 1.0, 1e-6, None, n=10, d=2, row_norm_bound=2.0)
    for mechanism, wrong in [
        (perturb_rows, paper),
        (perturb_rows, moment),
        (noisy_moment, paper),
        (noisy_rounds, paper),
    ]:
        with pytest.raises(InvalidCalibration, match="calibrated for mode"):
            mechanism(rows, wrong, NoiseSource(0))
