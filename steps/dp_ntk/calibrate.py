"""Turn budgets and public numbers into noise; there is no data path into this step."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Annotated, Any

from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_ntk.calibration import (
    ConditionFails,
    TooFewSamples,
    WeakDelta,
    affordable_samples,
)
from tenfold.dp_ntk.calibration import (
    calibrate as calibrated,
)
from tenfold.dp_ntk.sensitivity import published_bound, whitened_bound


class CalibrateParams(Params):
    """The budgets. ``close`` is the paper's setting, a record that moves by β; ``replace`` is record level."""

    sizes: dict[str, Count]  # records of each data set of the paper's setting, public
    published_count: Count  # the n in the published formula for k
    closenesses: list[Positive]
    close_epsilons: list[Positive]  # of each of the two releases that the paper composes
    close_delta: Share
    eta_min: Positive
    replace_datasets: dict[str, Count]  # and their numbers of classes
    replace_epsilons: list[Positive]
    replace_delta: Share
    ridge_sample: list[tuple[Count, Annotated[float, Field(ge=0, lt=1)]]]  # k and the labels' share of the budget
    features: Count


def calibrate(kernels: Path, *, out: Path, params: CalibrateParams, run: Run) -> None:
    """Turn every budget of the grid into noise, from public numbers alone.

    Reads   kernels/public.json: numbers of the public weights
    Writes  privacy.json: close (mode input, by β and ε), samples (k by rule, data set and ε), replace (by mode)
    Raises  InvalidBudget, InvalidCalibration
    """
    public = read_json(kernels / "public.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeakDelta)  # δ = 10⁻³ is the paper's; the finding on n says what it is worth
        close = [
            calibrated("input", epsilon, params.close_delta, d=public[name]["d"], n=n, closeness=beta).as_dict()
            | {"dataset": name}
            for name, n in params.sizes.items()
            for beta in params.closenesses
            for epsilon in params.close_epsilons
        ]
    found = {"close": close, "samples": _samples(public, params), "replace": _replace(public, params)}
    write_json(out / "privacy.json", found)


def _samples(public: dict[str, Any], params: CalibrateParams) -> list[dict[str, Any]]:
    """Return k by each rule: published n, true n, and the proven Δ with its second branch, at the paper's β."""
    beta, delta, eta = min(params.closenesses), params.close_delta, params.eta_min
    entries = []
    for name, n in params.sizes.items():
        bounds = {
            "published n": published_bound(params.published_count, beta, eta),
            "true n": published_bound(n, beta, eta),
            "proven": whitened_bound(n, beta, eta, operator_norm=public[name]["operator_norm"]),
        }
        for epsilon in params.close_epsilons:
            for rule, whitened in bounds.items():
                entry = {"dataset": name, "n": n, "rule": rule, "epsilon": epsilon, "whitened": whitened}
                entries.append(entry | _affordable(epsilon, delta, whitened))
    return entries


def _affordable(epsilon: float, delta: float, whitened: float) -> dict[str, Any]:
    """Return k by the first branch alone, as published, and the theorem's own answer."""
    try:
        theorem: int | str = affordable_samples(epsilon, delta, whitened)
    except (ConditionFails, TooFewSamples) as error:
        theorem = type(error).__name__
    first = math.floor(epsilon**2 / (8 * math.log(1 / delta) * whitened**2))
    return {"first_branch": first, "theorem": theorem, "condition": epsilon / (8 * math.log(1 / delta))}


def _replace(public: dict[str, Any], params: CalibrateParams) -> list[dict[str, Any]]:
    entries = []
    for name, classes in params.replace_datasets.items():
        for epsilon in params.replace_epsilons:
            ssp = calibrated("ssp", epsilon, params.replace_delta, d=params.features, classes=classes)
            entries.append(ssp.as_dict() | {"dataset": name})
            for k, share in params.ridge_sample:
                ridge = calibrated(
                    "ridge-sample",
                    epsilon,
                    params.replace_delta,
                    d=public[name]["d"],
                    samples=k,
                    diameter=public[name]["limit_diameter"],
                    label_share=share,
                )
                entries.append(ridge.as_dict() | {"dataset": name})
    return entries
