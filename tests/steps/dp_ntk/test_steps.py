"""The steps of private kernel regression as plain functions."""

from __future__ import annotations

import inspect
import json
import typing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from steps.dp_ntk.account import AccountParams, account
from steps.dp_ntk.calibrate import CalibrateParams, calibrate
from steps.dp_ntk.close_measurements import account_measurements
from steps.dp_ntk.datasets import DataSet, load
from steps.dp_ntk.fit import fit
from steps.dp_ntk.kernel_public import KernelPublicParams, kernel_public
from steps.dp_ntk.release_close import ReleaseCloseParams, release_close
from steps.dp_ntk.release_replace import ReleaseReplaceParams, release_replace
from steps.step.run import Run
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.release import Model, Release
from tenfold.dp_ntk.release import fit as fit_release
from tenfold.dp_ntk.validation import unit_rows

N, D = 60, 12


def step_run(name: str, out: Path) -> Run:
    out.mkdir()
    return Run("dp_ntk", name, out=out)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    folder = tmp_path / "prepared"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name, classes in (("cifar_two", 2), ("digits", 3)):
        centres = generator.standard_normal((classes, D))
        labels = np.arange(2 * N) % classes
        rows = unit_rows(centres[labels] + 0.5 * generator.standard_normal((2 * N, D))).astype(np.float32)
        np.savez(
            folder / f"{name}.npz",
            x_train=rows[:N],
            y_train=labels[:N],
            x_test=rows[N:],
            y_test=labels[N:],
            allow_pickle=False,
        )
    return folder


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    out = tmp_path / "kernels"
    params = KernelPublicParams(width=16, sd=1.0, dimensions={"cifar_two": D, "digits": D})
    kernel_public(out=out, params=params, run=step_run("kernels", out))
    return out


@pytest.fixture
def calibrated(kernels: Path, tmp_path: Path) -> Path:
    out = tmp_path / "calibrated"
    params = CalibrateParams(
        sizes={"cifar_two": N},
        published_count=N // 2,
        closenesses=[1e-6, 1e-2],
        close_epsilons=[3.2, 10.0],
        close_delta=1e-3,
        eta_min=4e-4,
        replace_datasets={"digits": 3},
        replace_epsilons=[1.0, 8.0],
        replace_delta=1e-5,
        ridge_sample=[(4, 0.3), (4, 0.0)],
        features=20,
    )
    calibrate(kernels, out=out, params=params, run=step_run("calibrated", out))
    return out


def test_calibration_and_kernel_have_no_data_path(calibrated: Path) -> None:
    for function, allowed in ((kernel_public, []), (calibrate, ["kernels"])):
        positional = [p.name for p in inspect.signature(function).parameters.values() if p.kind is not p.KEYWORD_ONLY]
        assert positional == allowed
    found = json.loads((calibrated / "privacy.json").read_text())
    by_rule = {(e["rule"], e["epsilon"]): e["first_branch"] for e in found["samples"]}
    assert by_rule["published n", 10.0] > by_rule["true n", 10.0]  # a smaller n makes k larger
    noise = [e["noise_sd"] for e in found["replace"] if e["mode"] == "ssp"]
    assert noise[0] > noise[1]


def test_fitting_takes_a_release_and_nothing_else() -> None:
    """No argument of what comes after a release could carry records."""
    hints = typing.get_type_hints(fit_release)
    assert set(hints) == {"release", "ridge", "return"} and hints["release"] is Release
    fields = typing.get_type_hints(Model)
    assert fields["release"] is Release and set(fields) == {"release", "coefficients"}
    assert [p.name for p in inspect.signature(fit).parameters.values() if p.kind is not p.KEYWORD_ONLY] == ["released"]


def test_a_release_can_be_fitted_without_records(prepared: Path, calibrated: Path, tmp_path: Path) -> None:
    released, out = tmp_path / "released", tmp_path / "fitted"
    params = ReleaseReplaceParams(draws=2, ridge=1.0, published="digits")
    release_replace(prepared, calibrated, out=released, params=params, run=step_run("release", released))
    record = pd.read_csv(released / "record.csv")
    assert len(record) == 3 * 2 * 2
    assert set(record.method) == {"ssp", "ridge-sample, k = 4", "ridge-sample, k = 4, labels public"}
    fit(released, out=out, run=step_run("fit", out))
    statement = json.loads((out / "model.json").read_text())
    assert statement["insecure_seed"] and statement["epsilon"] == 8.0
    first = record[(record.method == "ssp") & (record.epsilon == 8.0) & (record.draw == 0)].accuracy.item()
    data = load(prepared, "digits")
    with np.load(out / "model.npz") as model:
        scores = RandomFeatures(model["weights"]).transform(data.x_test) @ model["coefficients"]
    assert data.accuracy(scores) == first


def test_the_close_setting_has_its_controls(prepared: Path, kernels: Path, calibrated: Path, tmp_path: Path) -> None:
    out = tmp_path / "close"
    params = ReleaseCloseParams(draws=2, ridge=1.0, input_datasets=["cifar_two"])
    release_close(prepared, kernels, calibrated, out=out, params=params, run=step_run("release_close", out))
    curve = pd.read_csv(out / "curve.csv")
    assert set(curve.method) == {"non-private", "no solve", "sampling", "sampling, raw queries", "input"}
    exact = curve[curve.method == "non-private"].accuracy.item()
    tiny = curve[(curve.method == "input") & (curve.closeness == 1e-6)].accuracy
    assert tiny.to_numpy() == pytest.approx(exact, abs=1e-9)  # noise of 10⁻⁶ changes no prediction
    again = tmp_path / "again"
    release_close(prepared, kernels, calibrated, out=again, params=params, run=step_run("release_close", again))
    assert (again / "curve.csv").read_bytes() == (out / "curve.csv").read_bytes()


def test_exact_loss_stays_below_the_theorem(prepared: Path, kernels: Path, tmp_path: Path) -> None:
    out = tmp_path / "account"
    params = AccountParams(
        dataset="cifar_two", rows=30, closenesses=[1e-6, 1e-3, 2.0], samples=[8, 88], pairs=2, delta=1e-3
    )
    account(prepared, kernels, out=out, params=params, run=step_run("account", out))
    pairs = pd.read_csv(out / "pairs.csv")
    assert (pairs.exact_deviation[pairs.closeness < 1] <= pairs.proven_bound[pairs.closeness < 1]).all()
    found = account_measurements(pairs)
    assert found["exact_over_claimed"].number <= 1
    assert found["exact_epsilon_replaced"].number > found["exact_epsilon_close"].number


def test_splits_are_taken_by_name(tmp_path: Path) -> None:
    """A pair in the wrong order is the authors' ten-class slip: here train and test cannot be swapped unnoticed."""
    assert list(typing.get_type_hints(DataSet)) == ["name", "x_train", "y_train", "x_test", "y_test"]
    np.savez(
        tmp_path / "small.npz",
        x_test=np.eye(3),
        y_test=np.array([0, 1, 2]),
        x_train=np.eye(3)[:2],
        y_train=np.array([0, 1]),
        allow_pickle=False,
    )
    data = load(tmp_path, "small")
    assert len(data.x_train) == len(data.y_train) == 2 and len(data.x_test) == len(data.y_test) == 3
