"""Measurements in the paper's setting, a record that moves by β: C5, the control, redundancy, looseness."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import mean_or_unavailable, measured, unavailable
from tenfold.metrics.measurements import unpaired_difference as less

BETA = 1e-6
MODEST = 20.0  # total ε of two releases at ε = 10 each


def _accuracies(curve: pd.DataFrame, method: str, dataset: str = "cifar_two", **equal: object) -> pd.Series:
    chosen = curve[(curve.method == method) & (curve.dataset == dataset)]
    for column, value in equal.items():
        same = np.isclose(chosen[column].astype(float), value) if isinstance(value, float) else chosen[column] == value
        chosen = chosen[same]
    return chosen.accuracy


def close_measurements(curve: pd.DataFrame) -> dict[str, Measurement]:
    """Return what accuracy in the paper's setting says of C5 and of the findings on the control and on redundancy."""
    exact = _accuracies(curve, "non-private")
    control = _accuracies(curve, "no solve")
    modest = _accuracies(curve, "sampling", rule="true n", epsilon=MODEST)
    raw = _accuracies(curve, "sampling, raw queries", rule="published n", epsilon=MODEST)
    smallest = _accuracies(curve, "sampling, raw queries", rule="published n", samples=8.0)
    noisy = _accuracies(curve, "input", closeness=BETA, epsilon=float(curve[curve.method == "input"].epsilon.min()))
    ten = _accuracies(curve, "sampling", "cifar_ten", rule="true n", epsilon=MODEST)
    ten_exact = _accuracies(curve, "non-private", "cifar_ten")
    where = "two classes, total ε = 20, k by the true n, private cross terms"
    return {
        "c5_private_accuracy": mean_or_unavailable(modest, "accuracy", where),
        "c5_gap": less(exact, modest, "accuracy", f"non-private less private: {where}"),
        "c5_gap_ten": less(ten_exact, ten, "accuracy", "non-private less private, ten classes, total ε = 20"),
        "c5_over_control": less(modest, control, "accuracy", f"private less the no-solve control: {where}"),
        "control_accuracy": mean_or_unavailable(
            control, "accuracy", "K(x, X)Y on two classes: raw records, nothing solved"
        ),
        "smallest_over_control": less(
            smallest, control, "accuracy", "sampling at k = 8 with raw queries less the no-solve control, two classes"
        ),
        "raw_spread": _spread(curve),
        "close_input_gap": less(exact, noisy, "accuracy", "non-private less mode input, least ε, β = 10⁻⁶"),
        "input_over_sampling": less(
            noisy, raw, "accuracy", "mode input at the least ε less sampling at k = 88, two classes, β = 10⁻⁶"
        ),
    }


def _spread(curve: pd.DataFrame) -> Measurement:
    """How far single draws of one setting lie apart: what a single run can show."""
    chosen = curve[(curve.dataset == "cifar_two") & (curve.method == "sampling, raw queries")]
    chosen = chosen[np.isclose(chosen.samples.astype(float), 8)]
    if len(chosen) < 2:
        return unavailable("needs at least two draws at k = 8")
    return measured(np.ptp(chosen.accuracy), "accuracy", "largest less smallest of the draws at k = 8", n=len(chosen))


def account_measurements(pairs: pd.DataFrame) -> dict[str, Measurement]:
    """Return what the exact accountant says of looseness and of replaced records."""
    close = pairs[np.isclose(pairs.closeness, BETA, rtol=1e-3)]
    most = close[close.samples == pairs.samples.max()]
    replaced = pairs[pairs.closeness == 2]
    k, n = int(most.samples.iloc[0]), int(pairs.n.iloc[0])
    found = {
        "looseness": measured(
            (close.published_bound / close.exact_deviation).min(),
            "ratio",
            f"published bound nβ/η on Δ over the exact Δ, β = 10⁻⁶, n = {n}, least over pairs",
            n=len(most),
        ),
        "proven_looseness": measured(
            (close.proven_bound / close.exact_deviation).min(),
            "ratio",
            "the proven bound over the exact Δ, likewise",
            n=len(most),
        ),
        "exact_epsilon_close": measured(
            most.exact_epsilon.max(), "ε", f"exact at δ = 10⁻³, k = {k}, β = 10⁻⁶, largest over pairs", n=len(most)
        ),
        "exact_epsilon_replaced": measured(
            replaced.groupby("samples").exact_epsilon.max().min(),
            "ε",
            "exact at δ = 10⁻³ for the worst of the records that were replaced, least over k",
            n=len(replaced),
        ),
        "exact_over_claimed": measured(
            (pairs[pairs.closeness < 2].exact_epsilon / pairs[pairs.closeness < 2].proven_epsilon).max(),
            "ratio",
            "exact ε over the theorem's ε with the proven Δ, largest over pairs, β and k",
            n=len(pairs),
        ),
    }
    for beta, name in ((1e-3, "1e-3"), (1e-2, "1e-2")):
        chosen = pairs[np.isclose(pairs.closeness, beta) & (pairs.samples == k)]
        found[f"exact_epsilon_{name}"] = mean_or_unavailable(
            chosen.exact_epsilon, "ε", f"exact at δ = 10⁻³, k = {k}, β = {beta:g}"
        )
    return found
