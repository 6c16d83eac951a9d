"""Record level: one record and its label replaced by any other; modes ridge-sample and ssp (E3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from steps.dp_ntk.datasets import DataSet, load
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run
from tenfold.dp_ntk.calibration import Calibration
from tenfold.dp_ntk.kernel import LimitKernel
from tenfold.dp_ntk.mechanisms import release_ridge_sample, release_ssp
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.release import Release, fit
from tenfold.dp_ntk.sampling import direction_shape, project
from tenfold.privacy.noise import NoiseSource

KERNEL = LimitKernel()


class ReleaseReplaceParams(Params):
    """How often each mechanism is drawn; the ridges are public and were not chosen by accuracy."""

    draws: Count
    ridge: Positive
    published: str  # the data set whose first ``ssp`` release at the largest ε is written out


def release_replace(prepared: Path, calibrated: Path, *, out: Path, params: ReleaseReplaceParams, run: Run) -> None:
    """Draw every record-level mechanism, with insecure seeds, on public data.

    A draw has its own public projections or features. Accuracy on the test split is a diagnostic, not a release.

    Reads   prepared/<name>.npz; calibrated/privacy.json
    Writes  record.csv: dataset, method, epsilon, draw, accuracy; private_release.npz and private_release.json: one
            release with its guarantee, from which ``fit`` makes a model without any other input
    """
    entries = read_json(calibrated / "privacy.json")["replace"]
    records: list[dict[str, Any]] = []
    for name in dict.fromkeys(entry["dataset"] for entry in entries):
        data = load(prepared, name)
        mine = [Calibration(**_without_name(entry)) for entry in entries if entry["dataset"] == name]
        largest = max(c.epsilon for c in mine)
        for draw in range(params.draws):
            projections = _Projections(data, draw, run)
            for calibration in mine:
                purpose = (
                    f"{name} {calibration.mode} {calibration.samples} {calibration.labels} {calibration.epsilon} {draw}"
                )
                source = NoiseSource(int(run.generator(purpose).integers(2**62)))
                released = _released(data, calibration, projections, draw, source, run)
                accuracy = data.accuracy(fit(released, params.ridge).decision_function(data.x_test))
                records.append(_record(name, calibration, draw, accuracy))
                first = draw == 0 and calibration.mode == "ssp" and calibration.epsilon == largest
                if name == params.published and first:
                    _publish(released, params.ridge, accuracy, out)
        run.say(f"{name}: {len(records)} records so far")
    pd.DataFrame(records).to_csv(out / "record.csv", index=False)


def _without_name(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "dataset"}


class _Projections:
    """The public projections R of one draw and ΦR: the same for every budget, so they are made once."""

    def __init__(self, data: DataSet, draw: int, run: Run) -> None:
        self.data, self.draw, self.run = data, draw, run
        self.known: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __call__(self, samples: int) -> tuple[np.ndarray, np.ndarray]:
        """Return R (k, d, d) and ΦR (n, k)."""
        if samples not in self.known:
            shape = direction_shape(KERNEL, self.data.x_train.shape[1])
            generator = self.run.generator(f"projections {shape} {samples} {self.draw}")
            directions = generator.standard_normal((samples, *shape))
            self.known[samples] = directions, project(KERNEL, self.data.x_train, directions)
        return self.known[samples]


def _released(
    data: DataSet, calibration: Calibration, projections: _Projections, draw: int, source: NoiseSource, run: Run
) -> Release:
    if calibration.mode == "ssp":
        generator = run.generator(f"features {data.name} {draw}")
        features = RandomFeatures.draw(calibration.d, data.x_train.shape[1], generator)
        return release_ssp(data.x_train, data.targets, features, calibration, source)
    assert calibration.samples is not None
    directions, projected = projections(calibration.samples)
    return release_ridge_sample(
        data.x_train, data.targets, KERNEL, directions, calibration, source, projected=projected
    )


def _record(name: str, calibration: Calibration, draw: int, accuracy: float) -> dict[str, Any]:
    method = calibration.mode if calibration.samples is None else f"{calibration.mode}, k = {calibration.samples}"
    method += ", labels public" if calibration.labels == "public" else ""
    return {
        "dataset": name,
        "method": method,
        "epsilon": calibration.epsilon,
        "delta": calibration.delta,
        "noise_variance": calibration.noise_variance,
        "draw": draw,
        "accuracy": accuracy,
    }


def _publish(released: Release, ridge: float, accuracy: float, out: Path) -> None:
    assert isinstance(released.kernel, RandomFeatures)
    np.savez(
        out / "private_release.npz",
        **released.arrays,
        weights=released.kernel.weights,
        noise_sd=np.array(released.noise_sd),
        allow_pickle=False,
    )
    facts = {"mode": released.mode, "ridge": ridge, "accuracy": accuracy, "privacy": released.privacy.as_dict()}
    write_json(out / "private_release.json", facts)
