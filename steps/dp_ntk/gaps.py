"""The gaps between the paper's claims and a proof, in numbers that need no data or little of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from steps.dp_ntk.datasets import load
from steps.step.json_files import write_json
from steps.step.params import Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_ntk.calibration import ConditionFails, affordable_samples, calibrate
from tenfold.dp_ntk.findings import after_duplicate, group_epsilon, search, spectral_bound
from tenfold.dp_ntk.kernel import LimitKernel
from tenfold.dp_ntk.mixture_accountant import midpoint_delta, mixture_delta, smallest_noise_variance
from tenfold.dp_ntk.sensitivity import frobenius_sensitivity, published_bound
from tenfold.dp_ntk.truncated_laplace import truncated_laplace
from tenfold.privacy.noise import NoiseSource


class GapsParams(Params):
    """The published setting, and how hard to search."""

    closeness: Positive
    delta: Share
    eta_min: Positive
    published_count: int
    two_class_count: int
    ten_class_count: int
    epsilons: list[Positive]
    search_trials: Annotated[int, Field(ge=10)]
    laplace_draws: Annotated[int, Field(ge=1000)]


def gaps(prepared: Path, *, out: Path, params: GapsParams, run: Run) -> None:
    """Compute the numbers behind every gap that is not measured elsewhere.

    Reads   prepared/digits.npz
    Writes  gaps.json: one entry per gap, its numbers by name
    """
    worst = search(params.search_trials, run.generator("search"))
    counts = _counts(params)
    samples = max(entry["k"] for entry in counts if entry["setting"] == "published")
    found: dict[str, Any] = {
        "neighbours": {"epsilon": 1.0, "group_epsilon": group_epsilon(1.0, params.closeness)},
        "counts": counts,
        "declared_eta": params.eta_min,
        "eta": _eta(prepared),
        "utility": {
            "samples": samples,
            "n": params.ten_class_count,
            "bound": spectral_bound(params.ten_class_count, samples),
            "rank_share": samples / params.ten_class_count,
        },
        "noise_by_count": _noise_by_count(),
        "midpoint": _midpoint(),
        "search": {name: getattr(worst, name) for name in worst.__dataclass_fields__},
        "scaling": _scaling(),
        "laplace": _laplace(params, run),
    }
    write_json(out / "gaps.json", found)


def _counts(params: GapsParams) -> list[dict[str, Any]]:
    """k by the published formula with the published n and the true ones, and the condition that it leaves out."""
    entries = []
    log_term = 8 * math.log(1 / params.delta)
    for words, n in (
        ("published", params.published_count),
        ("two classes", params.two_class_count),
        ("ten classes", params.ten_class_count),
    ):
        whitened = published_bound(n, params.closeness, params.eta_min)
        for epsilon in params.epsilons:
            try:
                affordable_samples(epsilon, params.delta, whitened)
                holds = True
            except ConditionFails:
                holds = False
            k = math.floor(epsilon**2 / (log_term * whitened**2))
            entries.append(
                {
                    "setting": words,
                    "n": n,
                    "epsilon": epsilon,
                    "k": k,
                    "whitened": whitened,
                    "condition": epsilon / log_term,
                    "condition_holds": holds,
                }
            )
    return entries


def _eta(prepared: Path) -> dict[str, float]:
    """The smallest eigenvalue of K on raw digits, relative to the largest, and what one equal record does to it."""
    rows = load(prepared, "digits").x_train
    values = np.linalg.eigvalsh(LimitKernel().matrix(rows))
    few = LimitKernel().matrix(rows[: min(len(rows), 200)])
    before, after = after_duplicate(few, 0, 1)
    return {
        "relative": float(max(values[0], 0.0) / values[-1]),
        "before_duplicate": before,
        "after_duplicate": after,
        "after_over_before": max(after, 0.0) / before,
    }


def _noise_by_count() -> dict[str, Any]:
    """λ₀ at ε = 1, δ = 10⁻⁵, k = 32 is the same for any number of records: nothing averages out."""
    counts = [100, 10_000, 1_000_000]
    values = [
        calibrate("ridge-sample", 1.0, 1e-7, d=64, n=n, samples=32, diameter=math.sqrt(2)).noise_variance
        for n in counts
    ]
    largest_signal = 1.0  # ‖φ(x)‖² of a unit record in the limit
    at_five = smallest_noise_variance(1.0, 1e-5, math.sqrt(2), 32)
    return {"counts": counts, "noise_variance": values, "noise_to_signal": at_five / largest_signal}


def _midpoint() -> dict[str, float]:
    """By how much midpoint quantiles understate δ where upper sums say 10⁻⁵ (κ² = 1.2, k = 32, ε = 1)."""
    distance = 2 * math.sqrt(1.2)
    variance = smallest_noise_variance(1.0, 1e-5, distance, 32)
    rough, bound = midpoint_delta(1.0, distance, variance, 32), mixture_delta(1.0, distance, variance, 32)
    return {"noise_variance": variance, "bound": bound, "midpoint": rough, "share": rough / bound}


def _scaling() -> dict[str, Any]:
    """The attained change of K for aligned records, by n and by β, beside its bound."""
    counts, closenesses = [10, 30, 100, 300, 1000], [1e-5, 1e-4, 1e-3, 1e-2]
    kernel = LimitKernel()

    def change(n: int, beta: float) -> float:
        rows = np.zeros((n, 2))
        rows[:, 0] = 1.0
        neighbour = rows.copy()
        neighbour[0, 0] -= beta
        return float(np.linalg.norm(kernel.matrix(rows) - kernel.matrix(neighbour)))

    return {
        "counts": counts,
        "by_count": [change(n, 1e-3) for n in counts],
        "closenesses": closenesses,
        "by_closeness": [change(100, beta) for beta in closenesses],
        "attained": change(1000, 1e-5) / frobenius_sensitivity(1000, 1e-5),
    }


def _laplace(params: GapsParams, run: Run) -> dict[str, float]:
    noise = truncated_laplace(1.0, params.delta, params.closeness, 16)
    drawn = noise.draw((params.laplace_draws,), NoiseSource(int(run.generator("laplace").integers(2**60))))
    return {
        "largest_over_bound": float(np.abs(drawn).max() / noise.bound),
        "sd_over_exact": float(drawn.std() / noise.sd),
    }
