"""Loading claims.yaml and claims.json: what is refused, and what the refusal says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.report.claims import load_claims, load_measurements, require_measurements
from flows.report.errors import ClaimsError, MeasurementError
from tenfold.metrics.measurement import Measurement
from tests.flows.report.made_up import CLAIMS, MEASUREMENTS, write


def test_claims_keep_their_order_and_kinds(tmp_path: Path) -> None:
    loaded = load_claims(write(tmp_path / "claims.yaml", CLAIMS))
    assert [entry.id for entry in loaded.entries] == ["C1", "C2", "C3", "C4", "C5", "C6", "C7", "F1", "F2"]
    kinds = [test.kind for entry in loaded.entries for test in entry.tests or ()]
    assert kinds == ["at_most", "between", "order", "equals", "at_least", "at_most", "at_least", "at_least", "equals"]
    assert loaded.claims[0].published is not None and loaded.claims[0].published.value == 0.93


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "at_most: 1.0",
            'at_most: "1.0"',
            "claim C1: tests[0].at_most = '1.0': input should be a valid number",
        ),
        ("at_most: 1.0", "at_mots: 1.0", "claim C1: tests[0].at_mots is not a known key"),
        ("at_most: 1.0", "at_most: .nan", "claim C1: tests[0].at_most = nan: must be a finite number"),
        ("at_most: 1.0", "at_most: 1.0, at_least: 0.5", "claim C1: tests[0]: a test has one of"),
        ("rate_ratio, at_most: 1.0, over: seeds}", "rate_ratio}", "this one has none"),
        ("measurement: rate_ratio, ", "", "claim C1: tests[0]: a test names its measurement"),
        ("[-1.2, -0.8]", "[-0.8, -1.2]", "claim C1: tests[1]: between [-0.8, -1.2]: the first number"),
        (", tolerance: 0.05", "", "claim C3: tests[0]: equals and tolerance go together"),
        ("tolerance: 0.05", "tolerance: -0.05", "claim C3: tests[0].tolerance = -0.05"),
        ("[gap_wide, gap_narrow]", "[gap_wide]", "claim C2: tests[0].order"),
        (
            "[gap_wide, gap_narrow]",
            "[gap_wide, gap_wide]",
            "order names a measurement twice: gap_wide, gap_wide",
        ),
        ("    where: theorem 5\n", "", "claim C3: where is missing"),
        (
            "    not_testable: A lower bound over all algorithms would be needed.\n",
            "",
            "claim C5: a claim has tests, or not_testable",
        ),
        ('source: "Table 2, row 3"', 'from: "Table 2"', "claim C1: published.source is missing"),
        ("id: C2", "id: C1", "used for more than one claim, finding or fact: C1"),
        ("id: F1", "id: C3", "used for more than one claim, finding or fact: C3"),
        ("  - id: F1\n", "  - no: F1\n", "finding number 1: id is missing"),
        ('"2408.06395"', "2408.06395", "arxiv = 2408.06395: input should be a valid string"),
        ("id: F2", "id: F1", "used for more than one claim, finding or fact: F1"),
        ("fact: Our", "finding: Our", "fact F2: fact is missing"),
        (
            "1.0e-9, identity: true",
            "1.0e-9, identity: true, training: true",
            "claim C6: tests[0]: no training is an identity",
        ),
        ('"2025-11-25"', '"last year"', "claim C7: amendments[0].date = 'last year'"),
        ("        why: The old limit was a slip.\n", "", "claim C7: amendments[0].why is missing"),
        ("title: A", "title: [", "is not valid YAML"),
        ("title: A", "titel: A", "titel is not a known key"),
    ],
)
def test_broken_claims_are_refused_by_name(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in CLAIMS
    path = write(tmp_path / "claims.yaml", CLAIMS.replace(old, new, 1))
    with pytest.raises(ClaimsError) as error:
        load_claims(path)
    assert message in str(error.value) and str(path) in str(error.value)


def test_absent_claims_are_named(tmp_path: Path) -> None:
    with pytest.raises(ClaimsError, match=r"claims\.yaml does not exist"):
        load_claims(tmp_path / "claims.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": float("nan")}, "slope.value = nan: must be a finite number, not NaN or infinite"),
        ({"value": float("inf")}, "slope.value = inf: must be a finite number"),
        ({"interval": [-1.2, float("-inf")]}, "slope.interval[1] = -inf: must be a finite number"),
        ({"interval": [-1.2, -1.1]}, "slope: the interval [-1.2, -1.1] does not contain the value -1.03"),
        ({"interval": [-0.9, -1.1]}, "does not contain"),
        ({"interval": [-1.1]}, "slope.interval[1] is missing"),
        ({"intervall": [-1.1, -0.9]}, "slope.intervall is not a known key"),
        ({"value": "-1.03"}, "slope.value = '-1.03': input should be a valid number"),
        ({"value": None}, "slope: a measurement has either a value or the reason why it is unavailable"),
        ({"unavailable": "too large"}, "slope: a measurement has either a value or the reason"),
        ({"seeds": 0}, "slope.seeds = 0"),
        ({"n": 2.5}, "slope.n = 2.5"),
    ],
)
def test_broken_measurements_are_refused_by_name(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    broken = {**MEASUREMENTS, "slope": {**MEASUREMENTS["slope"], **changes}}
    path = write(tmp_path / "claims.json", broken)
    with pytest.raises(MeasurementError) as error:
        load_measurements(path)
    assert message in str(error.value) and str(path) in str(error.value)


def test_a_half_written_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "claims.json", json.dumps(MEASUREMENTS)[:-20])
    with pytest.raises(MeasurementError, match="is not valid JSON"):
        load_measurements(path)


def test_every_lacking_measurement_is_named(tmp_path: Path) -> None:
    claims = load_claims(write(tmp_path / "claims.yaml", CLAIMS))
    rest = {name: item for name, item in MEASUREMENTS.items() if name not in ("slope", "leak")}
    path = write(tmp_path / "claims.json", rest)
    with pytest.raises(MeasurementError) as error:
        require_measurements(claims, load_measurements(path), tmp_path / "claims.yaml", path)
    assert "C1 tests the measurement 'slope'" in str(error.value)
    assert "F1 tests the measurement 'leak'" in str(error.value)
    assert str(error.value).count("tests the measurement") == 2


def test_a_claim_that_may_be_untestable_lacks_all_of_its_measurements_or_none(tmp_path: Path) -> None:
    path = write(tmp_path / "claims.yaml", CLAIMS.replace("    inconclusive: Too few", "    not_testable: Too few"))
    claims = load_claims(path)
    (named,) = (entry for entry in claims.claims if entry.id == "C3")
    assert named.tests is not None and named.not_testable is not None
    wanted = {name for test in named.tests for name in test.measurements}
    others = {
        name for entry in claims.entries if entry.id != "C3" for test in entry.tests or () for name in test.measurements
    }
    alone = {name: item for name, item in MEASUREMENTS.items() if name not in wanted - others}
    written = load_measurements(write(tmp_path / "claims.json", alone))
    require_measurements(claims, written, path, tmp_path / "claims.json")


def test_a_mean_of_equal_numbers_lies_in_its_interval() -> None:
    mean = (0.1 + 0.1 + 0.1) / 3
    assert mean != 0.1
    assert Measurement(value=mean, interval=(0.1, 0.1)).bounds == (0.1, 0.1)
