"""Draw the kernel's public weights, and state every public number that calibrations rest on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from steps.step.json_files import write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run
from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel


class KernelPublicParams(Params):
    """Width and weight sd of the network, and the features of each data set."""

    width: Count
    sd: Positive
    dimensions: dict[str, Count]


def kernel_public(*, out: Path, params: KernelPublicParams, run: Run) -> None:
    """Draw W for every data set's number of features; there is no data path into this step.

    Writes  <name>.npy: W (m, d); public.json: κ, the diameter and ‖W‖_op/√m of the finite kernel and its limit
    """
    public = {}
    for name, dimension in params.dimensions.items():
        finite = FiniteKernel.draw(params.width, dimension, run.generator(f"weights {dimension}"), sd=params.sd)
        limit = LimitKernel(params.sd)
        np.save(out / f"{name}.npy", finite.weights)
        public[name] = {
            "d": dimension,
            "width": params.width,
            "sd": params.sd,
            "operator_norm": finite.operator_norm,
            "kappa_squared": finite.bound() ** 2,
            "diameter": finite.diameter(),
            "limit_diameter": limit.diameter(),
        }
    write_json(out / "public.json", public)
