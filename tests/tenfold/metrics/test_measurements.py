"""Measurements: their intervals hold what they should, and what is no measurement is refused."""

import json

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.measurement import Measurement, NoValue
from tenfold.metrics.measurements import (
    InvalidMeasurement,
    difference_of,
    estimated,
    geometric_mean_of,
    mean_of,
    mean_or_unavailable,
    measured,
    share_of,
    slope_of,
    slope_over_seeds,
    unavailable,
    unpaired_difference,
)


def test_means_have_students_interval():
    mean = mean_of([1.0, 2.0, 3.0], "", "")
    assert mean.value == 2 and mean.interval == pytest.approx((2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4)
    assert mean_of([2.0, 2.0], "", "").interval is None
    assert mean_of([2.0], "", "").interval is None


def test_a_mean_of_nothing_is_unavailable():
    assert mean_or_unavailable([], "accuracy", "at ε = 1").unavailable == "no draw in this profile: at ε = 1"
    assert mean_or_unavailable([1.0, 2.0], "", "") == mean_of([1.0, 2.0], "", "")


def test_shares_have_clopper_and_pearsons_or_wilsons():
    assert share_of(20, 20, "").interval == pytest.approx((0.8316, 1.0), abs=1e-4)
    assert share_of(20, 20, "", method="wilson").interval == pytest.approx((0.8389, 1.0), abs=1e-4)


def test_slopes_are_of_the_logarithms():
    x = np.array([10.0, 20.0, 40.0])
    found = slope_over_seeds(x, {0: 5 / x, 1: 7 / x**0.9}, "")
    assert found.value == pytest.approx(-0.95) and found.seeds == 2
    assert slope_over_seeds(x, {(0, "a"): 5 / x, (0, "b"): 7 / x}, "", seeds=1).seeds == 1
    assert slope_of([10.0, 20.0, 40.0, 80.0], [0.5, 0.25, 0.125, 0.0625], "").value == pytest.approx(-1)
    whole = slope_of(x, 5 / x * np.array([1.0, 1.01, 1.0]), "", n=3)
    assert whole.value == pytest.approx(-1, abs=0.01) and whole.bounds[0] < -1 < whole.bounds[1]


def test_differences_are_paired():
    found = difference_of([2.0, 3.0, 4.1], [1.0, 2.0, 3.0], "", "")
    assert found.value == pytest.approx(1.0333, abs=1e-4) and found.bounds[0] > 0.5


def test_differences_of_independent_values():
    found = unpaired_difference([2.0, 3.0, 4.0], [1.0, 2.0], "", "")
    assert found.value == 1.5 and found.n == 3 and found.bounds[0] < 0 < 3 < found.bounds[1]
    exact = unpaired_difference([0.9], [0.7, 0.8], "", "")
    assert exact.value == pytest.approx(0.15) and exact.bounds[0] < 0.15 < exact.bounds[1]
    assert unpaired_difference([2.0], [1.0], "", "").interval is None
    assert unpaired_difference([], [1.0], "", "detail").value is None


def test_geometric_means_are_averaged_within_seeds_first():
    one = geometric_mean_of([1.0, 4.0], "")
    assert one.value == pytest.approx(2) and one.n == 2 and one.seeds is None
    many = geometric_mean_of([1.0, 4.0, 8.0], "time", seeds=[0, 0, 1])
    assert many.value == pytest.approx(4) and many.seeds == 2 and many.detail == "time, geometric mean"
    assert many.bounds[0] < 2 and many.bounds[1] > 8  # of two seeds: 2 and 8
    repeated = geometric_mean_of([1.0, 4.0] * 50 + [8.0], "", seeds=[0] * 100 + [1])
    assert repeated.bounds == pytest.approx(many.bounds)


def test_an_estimates_interval_holds_its_value():
    assert estimated(Estimate(1.0, (1.1, 1.3), 7), "", "", seeds=2) == measured(1, "", "", (1.0, 1.3), seeds=2, n=7)


@pytest.mark.parametrize(
    ("value", "interval", "message"),
    [
        (float("nan"), None, "value = nan: Input should be a finite number"),
        (1.0, (2.0, 3.0), r"the interval \[2.0, 3.0\] does not contain the value 1.0"),
        (1.0, (0.0, float("inf")), "interval.1 = inf"),
    ],
)
def test_what_is_no_measurement_is_refused(value: float, interval: tuple[float, float] | None, message: str):
    with pytest.raises(InvalidMeasurement, match=f"the measurement 'speed of x' .ratio.: .*{message}"):
        measured(value, "ratio", "speed of x", interval)
    with pytest.raises(InvalidMeasurement, match="n = 0"):
        measured(1.0, "ratio", "speed of x", n=0)


def test_a_measurement_does_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        measured(1, "", "").value = 2.0  # type: ignore[misc]


def test_what_is_unavailable_has_no_number():
    assert measured(1, "", "").number == 1 and measured(1, "", "").bounds == (1, 1)
    for ask in (lambda found: found.number, lambda found: found.bounds):
        with pytest.raises(NoValue, match="needs a GPU"):
            ask(unavailable("needs a GPU"))


def test_measurements_come_back_from_json():
    kind = TypeAdapter(dict[str, Measurement])
    written = {"a": measured(0.1 + 0.2, "nats per token", "‖·‖", (0.1, 1 / 3), seeds=2), "b": unavailable("no GPU")}
    text = json.dumps({name: found.model_dump(mode="json") for name, found in written.items()})
    assert json.loads(text)["b"] == {"unavailable": "no GPU"}
    assert kind.validate_json(text) == written
