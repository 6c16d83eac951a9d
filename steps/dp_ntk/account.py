"""The exact accountant beside the paper's bound, from a move of 10⁻⁶ to a record replaced (E4)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd

from steps.dp_ntk.datasets import load
from steps.step.params import Count, Field, Params, Share
from steps.step.run import Run
from tenfold.dp_ntk.calibration import implied_epsilon
from tenfold.dp_ntk.covariance_accountant import covariance_epsilon, deviation, whitened_eigenvalues
from tenfold.dp_ntk.kernel import FiniteKernel
from tenfold.dp_ntk.sensitivity import published_bound, whitened_bound
from tenfold.dp_ntk.validation import unit_rows

REPLACED = 2.0  # the largest distance of two unit rows stands for a record replaced


class AccountParams(Params):
    """Pairs of neighbours and numbers of samples."""

    dataset: str
    rows: Count
    closenesses: list[Annotated[float, Field(gt=0, le=2)]]
    samples: list[Count]
    pairs: Count
    delta: Share


def account(prepared: Path, kernels: Path, *, out: Path, params: AccountParams, run: Run) -> None:
    """Compare exact Δ and ε with the bounds that calibrate k, on pairs of neighbours of a real data set.

    A pair moves one record by β in a random direction, back to unit norm; at β = 2 it is replaced by the nearest
    record of another class that is not in the data. These are audits of pairs: no guarantee follows from them.

    Reads   prepared/<dataset>.npz, kernels/<dataset>.npy
    Writes  pairs.csv: closeness, pair, samples, eta_min, exact_deviation, proven_bound, published_bound,
            exact_epsilon, proven_epsilon, published_epsilon
    """
    data = load(prepared, params.dataset)
    kernel = FiniteKernel(np.load(kernels / f"{params.dataset}.npy"))
    rows, labels = data.x_train[: params.rows], data.y_train[: params.rows]
    held_out = data.x_train[params.rows :], data.y_train[params.rows :]
    K = kernel.matrix(rows)
    eta = float(np.linalg.eigvalsh(K)[0])
    generator = run.generator("pairs")
    records: list[dict[str, Any]] = []
    for closeness in params.closenesses:
        proven = whitened_bound(len(rows), closeness, eta, operator_norm=kernel.operator_norm)
        published = published_bound(len(rows), closeness, eta)
        for pair in range(params.pairs):
            row = int(generator.integers(len(rows)))
            changed = _moved(rows[row], closeness, generator)
            if closeness == REPLACED:
                changed = _nearest_of_another_class(rows[row], labels[row], *held_out)
            column = kernel.matrix(changed[None], rows)[0]
            column[row] = kernel.matrix(changed[None])[0, 0]
            eigenvalues = whitened_eigenvalues(K, row, column)
            for k in params.samples:
                exact = covariance_epsilon(params.delta, eigenvalues, k)
                records.append(
                    {
                        "closeness": closeness,
                        "pair": pair,
                        "samples": k,
                        "eta_min": eta,
                        "n": len(rows),
                        "exact_deviation": deviation(eigenvalues),
                        "proven_bound": proven,
                        "published_bound": published,
                        "exact_epsilon": exact if math.isfinite(exact) else 1e9,
                        "proven_epsilon": implied_epsilon(k, params.delta, proven),
                        "published_epsilon": implied_epsilon(k, params.delta, published),
                    }
                )
    pd.DataFrame(records).to_csv(out / "pairs.csv", index=False)


def _moved(row: np.ndarray, closeness: float, generator: np.random.Generator) -> np.ndarray:
    direction = generator.standard_normal(row.size)
    direction -= (direction @ row) * row  # along the sphere
    return unit_rows((row + closeness * direction / np.linalg.norm(direction))[None])[0]


def _nearest_of_another_class(row: np.ndarray, label: int, rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    others = np.flatnonzero(labels != label)
    return rows[others[np.argmax(rows[others] @ row)]]
