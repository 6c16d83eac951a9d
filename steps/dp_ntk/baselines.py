"""What a user would take instead, at the same (ε, δ) and the same adjacency."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from steps.dp_ntk.datasets import DataSet, load
from steps.step.params import Count, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_ntk.baselines import GradientDescent, adassp, dp_sgd, no_solve
from tenfold.dp_ntk.kernel import LimitKernel
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.regression import fit_dense
from tenfold.privacy.noise import NoiseSource


class BaselinesParams(Params):
    """Data sets, budgets and settings: one setting for all, not tuned on any of them."""

    datasets: list[str]
    epsilons: list[Positive]
    delta: Share
    features: Count
    draws: Count
    sgd_draws: Count
    updates: Count
    learning_rate: Positive
    max_grad_norm: Positive
    ridge: Positive


def baselines(prepared: Path, *, out: Path, params: BaselinesParams, run: Run) -> None:
    """Measure AdaSSP, Opacus' DP-SGD and methods without privacy on every data set.

    Reads   prepared/<name>.npz
    Writes  baselines.csv: dataset, method, epsilon (empty without privacy), draw, accuracy
    """
    records: list[dict[str, Any]] = []
    for name in params.datasets:
        data = load(prepared, name)
        records += _without_privacy(data, params)
        for epsilon in params.epsilons:
            records += _adassp(data, epsilon, params, run)
            records += _dp_sgd(data, epsilon, params, run)
        run.say(f"{name}: {len(records)} records so far")
    pd.DataFrame(records).to_csv(out / "baselines.csv", index=False)


def _record(data: DataSet, method: str, accuracy: float, epsilon: float | None = None, draw: int = 0) -> dict[str, Any]:
    return {"dataset": data.name, "method": method, "epsilon": epsilon, "draw": draw, "accuracy": accuracy}


def _without_privacy(data: DataSet, params: BaselinesParams) -> list[dict[str, Any]]:
    kernel = LimitKernel()
    cross = kernel.matrix(data.x_test, data.x_train)
    solved = cross @ fit_dense(kernel.matrix(data.x_train), data.targets, params.ridge)
    peers = {
        "ridge on the rows": RidgeClassifier(alpha=params.ridge),
        "logistic regression": LogisticRegression(C=100.0, max_iter=1000),
    }
    return [
        _record(data, "non-private kernel", data.accuracy(solved)),
        _record(data, "no solve", data.accuracy(no_solve(cross, data.targets))),
        *(
            _record(data, name, float(peer.fit(data.x_train, data.y_train).score(data.x_test, data.y_test)))
            for name, peer in peers.items()
        ),
    ]


def _adassp(data: DataSet, epsilon: float, params: BaselinesParams, run: Run) -> list[dict[str, Any]]:
    records = []
    for draw in range(params.draws):
        generator = run.generator(f"features {data.name} {draw}")
        features = RandomFeatures.draw(params.features, data.x_train.shape[1], generator)
        source = NoiseSource(int(run.generator(f"adassp {data.name} {epsilon} {draw}").integers(2**62)))
        weights = adassp(features.transform(data.x_train), data.targets, epsilon, params.delta, source)
        accuracy = data.accuracy(features.transform(data.x_test) @ weights)
        records.append(_record(data, "AdaSSP", accuracy, epsilon, draw))
    return records


def _dp_sgd(data: DataSet, epsilon: float, params: BaselinesParams, run: Run) -> list[dict[str, Any]]:
    settings = GradientDescent(params.updates, params.learning_rate, params.max_grad_norm)
    records = []
    for draw in range(params.sgd_draws):
        seed = int(run.generator(f"sgd {data.name} {epsilon} {draw}").integers(2**31))
        weights = dp_sgd(data.x_train, data.y_train, data.classes, epsilon, params.delta, settings, seed)
        records.append(_record(data, "DP-SGD", data.accuracy(data.x_test @ weights), epsilon, draw))
    return records
