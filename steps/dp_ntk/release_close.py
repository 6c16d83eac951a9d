"""The paper's setting: a record moves by β; its sampling mechanism, input noise, and controls (E2)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.dp_ntk.datasets import DataSet, load
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run
from tenfold.dp_ntk.baselines import no_solve
from tenfold.dp_ntk.calibration import Calibration
from tenfold.dp_ntk.kernel import FiniteKernel
from tenfold.dp_ntk.mechanisms import release_input
from tenfold.dp_ntk.regression import fit_dense, fit_woodbury
from tenfold.dp_ntk.release import fit
from tenfold.dp_ntk.sampling import factor, sample_by_factor
from tenfold.dp_ntk.truncated_laplace import truncated_laplace
from tenfold.privacy.noise import NoiseSource


class ReleaseCloseParams(Params):
    """How often each mechanism is drawn, and the authors' λ."""

    draws: Count
    ridge: Positive
    input_datasets: list[str]  # on which mode ``input`` is drawn


def release_close(
    prepared: Path, kernels: Path, calibrated: Path, *, out: Path, params: ReleaseCloseParams, run: Run
) -> None:
    """Draw every mechanism of the paper's setting, with insecure seeds, on public data.

    ``sampling, raw queries`` takes k by the published n and answers with K(x, X), as the authors' two-class run does;
    ``sampling`` takes k by the true n and answers with K(x, X̃), as the paper describes.
    Test accuracy is a diagnostic, not a release.

    Reads   prepared/<name>.npz, kernels/<name>.npy, calibrated/privacy.json
    Writes  curve.csv: dataset, method, rule, closeness, epsilon (total), samples, draw, accuracy;
            spectra.json: K's extreme eigenvalues
    """
    privacy = read_json(calibrated / "privacy.json")
    records: list[dict[str, Any]] = []
    spectra = {}
    for name in dict.fromkeys(entry["dataset"] for entry in privacy["samples"]):
        data = load(prepared, name)
        kernel = FiniteKernel(np.load(kernels / f"{name}.npy"))
        K = kernel.matrix(data.x_train)
        F = factor(K)
        values = np.sum(F**2, axis=0)
        spectra[name] = {"smallest": float(values.min()), "largest": float(values.max()), "n": len(K)}
        cross = kernel.matrix(data.x_test, data.x_train)
        records += _controls(data, K, cross, params.ridge)
        chosen = [entry for entry in privacy["samples"] if entry["dataset"] == name and entry["rule"] != "proven"]
        for entry in chosen:
            records += _sampling(data, kernel, F, cross, entry, privacy["close"], params, run)
        for entry in (item for item in privacy["close"] if item["dataset"] == name and name in params.input_datasets):
            records += _input(data, kernel, entry, params, run)
        run.say(f"{name}: {len(records)} records so far")
    pd.DataFrame(records).to_csv(out / "curve.csv", index=False)
    write_json(out / "spectra.json", spectra)


def _record(data: DataSet, method: str, accuracy: float, **more: Any) -> dict[str, Any]:
    empty = {"rule": "", "closeness": None, "epsilon": None, "samples": None, "draw": 0}
    return {"dataset": data.name, "method": method, **empty, **more, "accuracy": accuracy}


def _controls(data: DataSet, K: np.ndarray, cross: np.ndarray, ridge: float) -> list[dict[str, Any]]:
    exact = cross @ fit_dense(K, data.targets, ridge)
    return [
        _record(data, "non-private", data.accuracy(exact)),
        _record(data, "no solve", data.accuracy(no_solve(cross, data.targets))),
    ]


def _sampling(
    data: DataSet,
    kernel: FiniteKernel,
    F: np.ndarray,
    cross: np.ndarray,
    entry: dict[str, Any],
    close: list[dict[str, Any]],
    params: ReleaseCloseParams,
    run: Run,
) -> list[dict[str, Any]]:
    """Draw K̃ with k of the first branch; ε is the total of both releases. k = 0 releases nothing."""
    k, epsilon = entry["first_branch"], entry["epsilon"]
    if k < 1:
        return []
    beta, delta = min(item["closeness"] for item in close), close[0]["delta"]
    noise = truncated_laplace(epsilon, delta, beta, data.x_train.shape[1])
    queries = data.x_test.astype(np.float32)  # after the release, float32 is precise enough and twice as fast
    facts = {"rule": entry["rule"], "closeness": beta, "epsilon": 2 * epsilon, "samples": k}
    raw = entry["rule"] == "published n"
    method = "sampling, raw queries" if raw else "sampling"
    records = []
    for draw in range(params.draws):
        source = NoiseSource(int(run.generator(f"{data.name} {entry['rule']} {epsilon} {draw}").integers(2**62)))
        alpha = fit_woodbury(sample_by_factor(F, k, source), data.targets, params.ridge)
        noisy = data.x_train + noise.draw(data.x_train.shape, source)
        scores = (cross if raw else kernel.matrix(queries, noisy.astype(np.float32))) @ alpha
        records.append(_record(data, method, data.accuracy(scores), **facts, draw=draw))
    return records


def _input(
    data: DataSet, kernel: FiniteKernel, entry: dict[str, Any], params: ReleaseCloseParams, run: Run
) -> list[dict[str, Any]]:
    calibration = Calibration(**{key: value for key, value in entry.items() if key != "dataset"})
    facts = {"closeness": calibration.closeness, "epsilon": calibration.epsilon}
    records = []
    for draw in range(params.draws):
        purpose = f"{data.name} input {calibration.closeness} {calibration.epsilon} {draw}"
        source = NoiseSource(int(run.generator(purpose).integers(2**62)))
        released = release_input(data.x_train, data.targets, kernel, calibration, source)
        rows = released.arrays["rows"].astype(np.float32)  # post-processing: precise enough, and twice as fast
        model = fit(replace(released, arrays={**released.arrays, "rows": rows}), params.ridge)
        scores = model.decision_function(data.x_test.astype(np.float32))
        records.append(_record(data, "input", data.accuracy(scores), **facts, draw=draw))
    return records
