"""The steps of the private John ellipsoid as plain functions."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from steps.dp_john import measurements
from steps.dp_john.baselines import BaselinesParams, baselines
from steps.dp_john.calibrate import CalibrateParams, PublicNumbers, calibrate
from steps.dp_john.rate import RateParams, rate
from steps.dp_john.solve import SolveParams, solve
from steps.step.params import ParameterError
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
    assert found["rate_bound_ratio"].number <= 1
    assert found["noisy_success"].bounds[1] == 1


def test_an_unknown_solver_is_refused_by_name(prepared: Path, tmp_path: Path) -> None:
    params = BaselinesParams(
        sizes=[[50, 3]],
        tolerances=[0.1],
        methods=["averaged", "newton"],
        cap=1.0,
        repeats=1,
        round_sizes=[[50, 3]],
        round_repeats=3,
        sketch_rows=5,
        sampling_accuracy=0.5,
    )
    with pytest.raises(ParameterError, match=r"baselines\.methods: newton: choose among active_set"):
        baselines(prepared, out=tmp_path, params=params, run=Run("dp_john", "baselines", out=tmp_path))


def test_what_the_profile_does_not_measure_is_unavailable_not_wrong() -> None:
    found = measurements.release_measurements([])
    assert all(item.value is None and item.unavailable for item in found.values())


def test_the_worst_certificate_of_all_data_sets_is_measured() -> None:
    certificates = {"wine": {"max_leverage": 1.00005}, "digits": {"max_leverage": 1.00002}}
    found = measurements.certificate_measurements(certificates)["largest_certificate_gap"]
    assert found.number == pytest.approx(5e-5) and found.n == 2
