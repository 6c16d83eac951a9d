"""Measurements about bounds: C1 to C4, and the gaps that need no release."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from steps.dp_ntk.measuring import Measurement, measured, slope


def convergence_measurements(width: pd.DataFrame, samples: pd.DataFrame) -> dict[str, Measurement]:
    """Return what width and samples do to the error: E1 and C4."""
    found = {
        f"width_slope_{name}": slope(group.width, group.error, f"of the relative error of the {name} kernel against m")
        for name, group in width.groupby("activation", sort=False)
    }
    n, least = int(samples.n.iloc[0]), int(samples.samples.min())
    ratio = samples.spectral / samples.bound
    return found | {
        "spectral_bound_ratio": measured(
            ratio.max(), "ratio", f"largest spectral error over ρ with constant 1, n = {n}, k ≥ {least}", n=len(samples)
        ),
        "spectral_slope": slope(samples.samples, samples.spectral, f"of the spectral error against k, n = {n}"),
        "prediction_slope": slope(samples.samples, samples.prediction, f"of the error of f̃ against k, n = {n}"),
    }


def gap_measurements(gaps: dict[str, Any], spectra: dict[str, Any]) -> dict[str, Measurement]:
    """Return the searches for violations and the numbers behind the gaps."""
    search, scaling, eta, noise = gaps["search"], gaps["scaling"], gaps["eta"], gaps["noise_by_count"]
    trials = search["trials"]

    def worst(name: str, words: str) -> Measurement:
        return measured(search[name], "ratio", f"largest found in {trials} trials: {words}", n=trials)

    counts = {(entry["setting"], round(entry["epsilon"], 1)): entry for entry in gaps["counts"]}
    ten = [entry for entry in gaps["counts"] if entry["setting"] == "ten classes"]
    two = counts["two classes", 10.0]
    published = counts["published", 10.0]
    return {
        "sensitivity_ratio": worst("matrix", "‖ΔK‖_F over its bound"),
        "diameter_ratio": worst("diameter", "‖φ(x) − φ(x')‖ over its bound"),
        "whitened_ratio": worst("whitened", "exact Δ over ‖ΔK‖_F's bound/η_min"),
        "sampling_ratio": worst("sampling", "exact ε over the theorem's ε, where its condition holds"),
        "laplace_ratio": worst("laplace", "exact δ of truncated Laplace noise over the δ it was calibrated for"),
        "laplace_support": measured(gaps["laplace"]["largest_over_bound"], "ratio", "largest draw over its bound"),
        "sensitivity_slope_n": slope(scaling["counts"], scaling["by_count"], "of ‖ΔK‖_F against n, aligned records"),
        "sensitivity_slope_beta": slope(scaling["closenesses"], scaling["by_closeness"], "of ‖ΔK‖_F against β"),
        "group_epsilon": measured(
            gaps["neighbours"]["group_epsilon"], "ε", "by group privacy for a replaced record at ε = 1, β = 10⁻⁶"
        ),
        "eta_digits": measured(eta["relative"], "ratio", "λ_min/λ_max of K on raw digits, 0 within float64"),
        "eta_after_duplicate": measured(
            eta["after_over_before"], "ratio", "λ_min once one record equals another, over λ_min before"
        ),
        "eta_over_declared": measured(
            spectra["cifar_two"]["smallest"] / 7e-3, "ratio", "λ_min of K on the two-class data over the declared one"
        ),
        "count_ratio": measured(two["k"] / published["k"], "ratio", "k with n = 2000 over k with n = 1000, ε = 10"),
        "condition_ratio": measured(
            min(entry["whitened"] / entry["condition"] for entry in ten), "ratio",
            "Δ over ε/(8 ln(1/δ)), which it must not exceed, n = 10⁴, least over ε",
        ),
        "condition_ratio_two": measured(
            two["whitened"] / two["condition"], "ratio", "the same for two classes, n = 2000, ε = 10"
        ),
        "utility_bound": measured(gaps["utility"]["bound"], "relative error", "ρ at n = 10⁴, k = 886"),
        "rank_share": measured(gaps["utility"]["rank_share"], "share", "rank of K̃ over n, n = 10⁴, k = 886"),
        "noise_by_count": measured(
            np.max(noise["noise_variance"]) / np.min(noise["noise_variance"]), "ratio",
            "largest λ₀ over smallest for n from 10² to 10⁶",
        ),
        "noise_to_signal": measured(noise["noise_to_signal"], "ratio", "λ₀ over ‖φ(x)‖², ε = 1, δ = 10⁻⁵, k = 32"),
        "midpoint_share": measured(gaps["midpoint"]["share"], "share", "δ by midpoint quantiles over δ by upper sums"),
    }  # fmt: skip
