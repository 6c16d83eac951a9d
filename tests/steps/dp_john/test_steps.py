"""The steps of the private John ellipsoid as plain functions."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from steps.dp_john import measurements
from steps.dp_john.calibrate import CalibrateParams, PublicNumbers, calibrate
from steps.dp_john.rate import RateParams, rate
from steps.dp_john.solve import SolveParams, solve
from steps.step.run import Run
from tenfold.dp_john.certificate import certify


def test_calibrate_has_no_data_path(tmp_path: Path) -> None:
    assert not [item for item in inspect.signature(calibrate).parameters.values() if item.kind is not item.KEYWORD_ONLY]
    public = PublicNumbers(n=50, d=3, row_norm_bound=1.0, row_norm_floor=0.1, ridge=0.5)
    params = CalibrateParams(
        public={"rows": public},
        modes=["input", "moment"],
        epsilons=[1.0, 2.0],
        closenesses=[1e-3],
        delta=1e-6,
        rounds=5,
        failure_probability=0.05,
        paper_noise_sds=[0.1],
    )
    calibrate(out=tmp_path, params=params, run=Run("dp_john", "calibrate", out=tmp_path))
    entries = json.loads((tmp_path / "privacy.json").read_text())
    assert [(entry["mode"], entry.get("epsilon")) for entry in entries] == [
        ("input", 1.0),
        ("input", 2.0),
        ("moment", 1.0),
        ("moment", 2.0),
        ("paper", None),
    ]
    noise = [entry["calibration"]["noise_sd"] for entry in entries[:2]]
    assert noise[0] > noise[1]  # a larger ε needs less noise


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    folder = tmp_path / "prepared"
    folder.mkdir()
    np.save(folder / "rows.npy", np.random.default_rng(0).normal(size=(80, 4)))
    (folder / "meta.json").write_text(json.dumps({"rows": {}}))
    return folder


def test_solve_writes_weights_that_certify(prepared: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    solve(prepared, out=out, params=SolveParams(tolerance=1e-5), run=Run("dp_john", "solve", out=out))
    found = np.load(out / "rows.npz")
    assert certify(np.load(prepared / "rows.npy"), found["weights"]).meets(1e-5)


def test_rate_measures_every_variant_below_its_bound(prepared: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    params = RateParams(
        datasets=["rows"],
        updates=60,
        random_datasets=["rows"],
        random_updates=30,
        checkpoints=6,
        sketch_rows=[20],
        sampled_rows=[60],
        noise_sds=[0.1],
        truncation=0.5,
        seeds=2,
        noise_seeds=2,
    )
    rate(prepared, out=out, params=params, run=Run("dp_john", "rate", out=out))
    curves = pd.read_csv(out / "curves.csv")
    assert set(curves.variant) == {"exact", "sketch 20", "sample 60", "noise 0.1"}
    exact = curves[curves.variant == "exact"]
    assert (exact.averaged <= exact.bound).all()
    found = measurements.rate_measurements(curves)
    assert found["rate_bound_ratio"]["value"] <= 1
    assert found["noisy_success"]["interval"][1] == 1


def test_intervals_hold_what_they_should() -> None:
    mean = measurements.mean_of([1.0, 2.0, 3.0], "", "")
    assert mean["interval"][0] < 2.0 < mean["interval"][1]
    assert measurements.mean_of([2.0, 2.0], "", "")["interval"] is None
    x = np.array([10.0, 20.0, 40.0, 80.0])
    assert measurements.slope(x, 5 / x, "")["value"] == pytest.approx(-1)
    assert measurements.share_of(20, 20, "")["interval"] == pytest.approx([0.8316, 1.0], abs=1e-4)


def test_what_the_profile_does_not_measure_is_unavailable_not_wrong() -> None:
    found = measurements.release_measurements([])
    assert {tuple(item) for item in found.values()} == {("unavailable",)}
