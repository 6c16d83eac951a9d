"""Measurements about bounds: C1 to C4, and the gaps that need no release."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import SLOPE, measured, slope_of


def convergence_measurements(width: pd.DataFrame, samples: pd.DataFrame) -> dict[str, Measurement]:
    """Return what width and samples do to the error: E1 and C4."""
    found = {
        f"width_slope_{name}": slope_of(
            group.width, group.error, f"of the relative error of the {name} kernel against m", n=len(group)
        )
        for name, group in width.groupby("activation", sort=False)
    }
    n, least = int(samples.n.iloc[0]), int(samples.samples.min())
    ratio = samples.spectral / samples.bound
    return found | {
        "spectral_bound_ratio": measured(
            ratio.max(), "ratio", f"largest spectral error over ρ with constant 1, n = {n}, k ≥ {least}", n=len(samples)
        ),
        "spectral_slope": slope_of(
            samples.samples, samples.spectral, f"of the spectral error against k, n = {n}", n=len(samples)
        ),
        "prediction_slope": slope_of(
            samples.samples, samples.prediction, f"of the error of f̃ against k, n = {n}", n=len(samples)
        ),
    }


def gap_measurements(gaps: dict[str, Any], spectra: dict[str, Any]) -> dict[str, Measurement]:
    """Return the searches for violations and the numbers behind the gaps."""
    search, scaling, eta, noise = gaps["search"], gaps["scaling"], gaps["eta"], gaps["noise_by_count"]
    trials = search["trials"]

    def worst(name: str, words: str) -> Measurement:
        return measured(search[name], "ratio", f"largest found in {trials} trials: {words}", n=trials)

    middle = sorted({entry["epsilon"] for entry in gaps["counts"]})[1]
    at = {entry["setting"]: entry for entry in gaps["counts"] if entry["epsilon"] == middle}
    ten = [entry for entry in gaps["counts"] if entry["setting"] == "ten classes"]
    two, published, utility = at["two classes"], at["published"], gaps["utility"]
    counts, cifar = noise["counts"], spectra["cifar_two"]
    return {
        "sensitivity_ratio": worst("matrix", "‖ΔK‖_F over its bound"),
        "diameter_ratio": worst("diameter", "‖φ(x) − φ(x')‖ over its bound"),
        "whitened_ratio": worst("whitened", "exact Δ over ‖ΔK‖_F's bound/η_min"),
        "sampling_ratio": worst("sampling", "exact ε over the theorem's ε, where its condition holds"),
        "laplace_ratio": worst("laplace", "exact δ of truncated Laplace noise over the δ it was calibrated for"),
        "laplace_support": measured(gaps["laplace"]["largest_over_bound"], "ratio", "largest draw over its bound"),
        "sensitivity_slope_n": measured(
            slope_of(scaling["counts"], scaling["by_count"], "").number,
            SLOPE,
            "of ‖ΔK‖_F against n, aligned records",
            n=len(scaling["counts"]),
        ),
        "sensitivity_slope_beta": measured(
            slope_of(scaling["closenesses"], scaling["by_closeness"], "").number,
            SLOPE,
            "of ‖ΔK‖_F against β",
            n=len(scaling["closenesses"]),
        ),
        "group_epsilon": measured(
            gaps["neighbours"]["group_epsilon"], "ε", "by group privacy for a replaced record, ε = 1 at the published β"
        ),
        "eta_digits": measured(eta["relative"], "ratio", "λ_min/λ_max of K on raw digits, 0 within float64"),
        "eta_after_duplicate": measured(
            eta["after_over_before"], "ratio", "λ_min once one record equals another, over λ_min before"
        ),
        "eta_over_declared": measured(
            cifar["smallest"] / gaps["declared_eta"],
            "ratio",
            f"λ_min of K on the two-class data over the declared {gaps['declared_eta']:g}",
        ),
        "count_ratio": measured(
            two["k"] / published["k"], "ratio", f"k at n = {two['n']} over k at n = {published['n']}, ε = {middle:g}"
        ),
        "condition_ratio": measured(
            min(entry["whitened"] / entry["condition"] for entry in ten),
            "ratio",
            f"Δ over ε/(8 ln(1/δ)), which it must not exceed, n = {ten[0]['n']}, least over ε",
        ),
        "condition_ratio_two": measured(
            two["whitened"] / two["condition"], "ratio", f"the same for two classes, n = {two['n']}, ε = {middle:g}"
        ),
        "utility_bound": measured(
            utility["bound"], "relative error", f"ρ at n = {utility['n']}, k = {utility['samples']}"
        ),
        "rank_share": measured(utility["rank_share"], "share", "rank of K̃ over n, likewise"),
        "noise_by_count": measured(
            np.max(noise["noise_variance"]) / np.min(noise["noise_variance"]),
            "ratio",
            f"largest λ₀ over smallest for n from {counts[0]} to {counts[-1]}",
        ),
        "noise_to_signal": measured(noise["noise_to_signal"], "ratio", "λ₀ over ‖φ(x)‖², ε = 1, δ = 10⁻⁵, k = 32"),
        "midpoint_share": measured(gaps["midpoint"]["share"], "share", "δ by midpoint quantiles over δ by upper sums"),
    }
