"""The exact accountant beside the paper's bound, from a move of 10⁻⁶ to a record replaced (E4)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd

from steps.dp_ntk.datasets import load
from steps.runtime.params import Field, dataclass
from steps.runtime.run import Run
from tenfold.dp_ntk.calibration import implied_epsilon
from tenfold.dp_ntk.covariance_accountant import covariance_epsilon, deviation, whitened_eigenvalues
from tenfold.dp_ntk.kernel import FiniteKernel
from tenfold.dp_ntk.rows import unit_rows
from tenfold.dp_ntk.sensitivity import published_bound, whitened_bound

Count = Annotated[int, Field(gt=0)]


@dataclass
class AccountParams:
    """Pairs of neighbours and numbers of samples."""

    dataset: str
    rows: Count
    closenesses: list[Annotated[float, Field(gt=0, le=2)]]
    samples: list[Count]
    pairs: Count
    delta: Annotated[float, Field(gt=0, lt=1)]


def account(prepared: Path, kernels: Path, *, out: Path, params: AccountParams, run: Run) -> None:
    """Compare exact Δ and ε with the bounds that calibrate k, on pairs of neighbours of a real data set.

    A pair moves one record by β in a random direction, back to unit norm; at β = 2 it is replaced by the nearest
    record of another class (the adversary's choice). These are audits of pairs: no guarantee follows from them.

    Reads   prepared/<dataset>.npz, kernels/<dataset>.npy
    Writes  pairs.csv: closeness, pair, samples, eta_min, exact_deviation, proven_bound, published_bound,
            exact_epsilon, proven_epsilon, published_epsilon
    """
    data = load(prepared, params.dataset)
    kernel = FiniteKernel(np.load(kernels / f"{params.dataset}.npy"))
    rows, labels = data.x_train[: params.rows], data.y_train[: params.rows]
    K = kernel.matrix(rows)
    eta = float(np.linalg.eigvalsh(K)[0])
    generator = run.generator("pairs")
    records: list[dict[str, Any]] = []
    for closeness in params.closenesses:
        proven = whitened_bound(len(rows), closeness, eta, operator_norm=kernel.operator_norm)
        published = published_bound(len(rows), closeness, eta)
        for pair in range(params.pairs):
            row = int(generator.integers(len(rows)))
            changed = _moved(rows, labels, row, closeness, generator)
            column = kernel.matrix(changed[None], rows)[0]
            column[row] = kernel.matrix(changed[None])[0, 0]
            eigenvalues = whitened_eigenvalues(K, row, column)
            for k in params.samples:
                exact = covariance_epsilon(params.delta, eigenvalues, k)
                records.append(
                    {
                        "closeness": closeness, "pair": pair, "samples": k, "eta_min": eta, "n": len(rows),
                        "exact_deviation": deviation(eigenvalues), "proven_bound": proven,
                        "published_bound": published, "exact_epsilon": exact if math.isfinite(exact) else 1e9,
                        "proven_epsilon": implied_epsilon(k, params.delta, proven),
                        "published_epsilon": implied_epsilon(k, params.delta, published),
                    }
                )  # fmt: skip
    pd.DataFrame(records).to_csv(out / "pairs.csv", index=False)


def _moved(
    rows: np.ndarray, labels: np.ndarray, row: int, closeness: float, generator: np.random.Generator
) -> np.ndarray:
    if closeness == 2:
        others = np.flatnonzero(labels != labels[row])
        nearest = others[np.argmax(rows[others] @ rows[row])]
        tie = (
            1e-3 * generator.standard_normal(rows.shape[1]) / np.sqrt(rows.shape[1])
        )  # an equal record would be singular
        return unit_rows((rows[nearest] + tie)[None])[0]
    direction = generator.standard_normal(rows.shape[1])
    direction -= (direction @ rows[row]) * rows[row]  # along the sphere
    step = closeness * direction / np.linalg.norm(direction)
    return unit_rows((rows[row] + step)[None])[0]
