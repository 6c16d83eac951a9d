"""How kernels and samples converge: in width (E1), and in the number of samples (C4)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd

from steps.dp_ntk.datasets import load
from steps.step.params import Count, Field, Params, Positive
from steps.step.run import Run
from tenfold.dp_ntk.findings import prediction_errors, spectral_bound, spectral_error
from tenfold.dp_ntk.kernel import Activation, FiniteKernel, LimitKernel

ACTIVATIONS: tuple[Activation, ...] = ("quadratic", "relu")


class ConvergenceParams(Params):
    """Widths and sample counts, and how often each is drawn."""

    rows: Count
    widths: Annotated[list[Count], Field(min_length=3)]
    width_draws: Count
    spectral_rows: Count
    samples: Annotated[list[Count], Field(min_length=3)]
    sample_draws: Count
    ridge: Positive


def convergence(prepared: Path, *, out: Path, params: ConvergenceParams, run: Run) -> None:
    """Measure the error of finite width against the limit, and of K̃ against K.

    Reads   prepared/digits.npz
    Writes  width.csv: activation, width, draw, error (relative Frobenius); samples.csv: samples, draw, spectral,
            bound, prediction; relu.json: the limit of both layers at known angles
    """
    data = load(prepared, "digits")
    rows = data.x_train[: params.rows]
    records: list[dict[str, Any]] = []
    for activation in ACTIVATIONS:
        limit = LimitKernel(activation=activation).matrix(rows)
        for width in params.widths:
            for draw in range(params.width_draws):
                generator = run.generator(f"{activation} {width} {draw}")
                finite = FiniteKernel.draw(width, rows.shape[1], generator, activation=activation).matrix(rows)
                error = float(np.linalg.norm(finite - limit) / np.linalg.norm(limit))
                records.append({"activation": activation, "width": width, "draw": draw, "error": error})
    pd.DataFrame(records).to_csv(out / "width.csv", index=False)
    few = rows[: params.spectral_rows]
    kernel = LimitKernel()
    errors = prediction_errors(
        kernel.matrix(few),
        kernel.matrix(data.x_test, few),
        data.targets[: params.spectral_rows],
        params.ridge,
        params.samples,
        params.sample_draws,
        int(run.generator("prediction").integers(2**60)),
    )
    pd.DataFrame(
        {
            "n": len(few),
            "samples": k,
            "draw": draw,
            "spectral": spectral_error(len(few), k, run.generator(f"spectral {k} {draw}")),
            "bound": spectral_bound(len(few), k),
            "prediction": errors[index, draw],
        }
        for index, k in enumerate(params.samples)
        for draw in range(params.sample_draws)
    ).to_csv(out / "samples.csv", index=False)
    axes = np.eye(2)
    both = LimitKernel(activation="relu", both_layers=True).matrix(axes)
    facts = {"same": float(both[0, 0]), "orthogonal": float(both[0, 1])}
    (out / "relu.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
