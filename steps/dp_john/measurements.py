"""From the steps' outputs to one measurement per claim, with intervals over data sets, seeds or draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import (
    SLOPE,
    mean_of,
    measured,
    share_of,
    slope_of,
    unavailable,
)

FAILURE = 0.05  # δ₀, the probability with which the bound under noise may be missed


def rate_measurements(curves: pd.DataFrame) -> dict[str, Measurement]:
    """Return what the convergence curves say of C1, C2, C4 and F11."""
    exact = curves[(curves.variant == "exact") & (curves.updates >= 3)]
    ratio = np.log(exact.averaged) / np.log(exact.bound)  # log m / (log(n/d)/T)
    late = exact[exact.updates >= exact.updates.max() / 30]
    names = ", ".join(exact.dataset.unique())
    slopes = [
        slope_of(group.updates, group.averaged - 1, "").number
        for _, group in late.groupby("dataset")
        if (group.averaged - 1 > 1e-9).all() and len(group) > 2
    ]
    last = exact[exact.updates == exact.updates.max()]
    found = {
        "rate_bound_ratio": measured(
            ratio.max(), "ratio", f"largest log max h over its bound log(n/d)/T, T ≥ 3, on {names}", n=len(exact)
        ),
        "rate_slope": mean_of(slopes, SLOPE, f"of the averaged iterate's gap against T, mean over {names}"),
        "last_over_averaged": measured(
            ((last["last"] - 1) / (last.averaged - 1)).max(),
            "ratio",
            f"gap of the last iterate over the averaged one's at T = {last.updates.max()}, largest of {names}",
            n=len(last),
        ),
    }
    return found | _sketch_gap(curves) | _noisy(curves)


def _at_last(curves: pd.DataFrame, prefix: str) -> pd.DataFrame:
    chosen = curves[curves.variant.str.startswith(prefix)]
    return chosen[chosen.updates == chosen.updates.max()]


def _sketch_gap(curves: pd.DataFrame) -> dict[str, Measurement]:
    """The gap with the largest sketch over the gap that the bound allows at the same T."""
    sketched = _at_last(curves, "sketch")
    rows = sketched.variant.str.split().str[1].astype(int)
    widest = sketched[rows == rows.max()]
    ratio = np.log(widest.averaged) / np.log(widest.bound)
    of_seeds = ratio.groupby(widest.seed).mean()
    detail = f"log max h over log(n/d)/T with {rows.max()} sketch rows at T = {widest.updates.max()}"
    return {"sketch_gap_ratio": mean_of(of_seeds, "ratio", detail, seeds=len(of_seeds))}


def _noisy(curves: pd.DataFrame) -> dict[str, Measurement]:
    """Truncated noise of sd σ adds at most σ²/2 to the bound on log max h, and a deviation that falls as 1/√T."""
    noisy = _at_last(curves, "noise").copy()
    sd = noisy.variant.str.split().str[1].astype(float)
    rounds = noisy.updates
    allowed = np.log(noisy.bound) + sd**2 / 2 + sd * np.sqrt(2 * np.log(noisy.n / FAILURE) / rounds)
    ratio = np.log(noisy.averaged) / allowed
    smallest = noisy[sd == sd.min()]
    success = int((ratio[sd == sd.min()] <= 1).sum())
    return {
        "noisy_bound_ratio": measured(
            ratio.max(),
            "ratio",
            "largest log max h over log(n/d)/T + σ²/2 + σ√(2 log(n/δ₀)/T), all noise levels",
            n=len(ratio),
            seeds=int(noisy.seed.nunique()),
        ),
        "noisy_success": share_of(
            success, len(smallest), f"draws within that bound at σ = {sd.min()}, T = {rounds.max()}, δ₀ = {FAILURE}"
        ),
    }


def gap_measurements(gaps: dict[str, Any]) -> dict[str, Measurement]:
    """Return what the gap gallery says of C3 and F1 to F7."""
    own, neighbour = gaps["subspace"]["own"], gaps["subspace"]["neighbour"]
    truncation, holder, duplicates = gaps["truncation"], gaps["holder"], gaps["duplicates"]
    union = dict(zip(truncation["sds"], truncation["union"], strict=True))
    mass = dict(zip(truncation["sds"], truncation["mass"], strict=True))
    together = f"{truncation['n']} rows × {truncation['rounds']} rounds"
    composition, free, sketch = gaps["composition"], gaps["free_replacement"], gaps["sketch"]
    at_one = free["epsilons"].index(1.0)
    found = {
        "subspace_own": measured(own, "relative distance", "of Q from the span of its own rows' a aᵀ"),
        "subspace_neighbour": measured(neighbour, "relative distance", "of Q from a neighbour's span"),
        "truncation_delta": measured(mass[0.5], "probability", "one weight, σ = 0.5, shift 10⁻³: δ can be no smaller"),
        "truncation_union": measured(union[0.2], "probability mass", f"the same at σ = 0.2, {together}"),
        "composition_excess": measured(
            np.min(composition["needed"]) / composition["permitted"],
            "ratio",
            "least σ that composition needs over the largest that truncation permits, ε ≤ 8, ξ ≤ 0.1, Lε₀ = 1",
        ),
        "holder_slope": measured(
            slope_of(holder["closeness"], holder["ratio"], "").number, SLOPE, "of ‖ΔQ‖/ε₀ against ε₀ on three rows"
        ),
        "duplicate_slope": measured(
            slope_of(duplicates["updates"], duplicates["last"], "").number,
            SLOPE,
            "of a duplicate's weight change against T",
        ),
        "sketch_growth": measured(
            sketch["sketched"][-1] / sketch["exact"][-1],
            "ratio",
            f"change of a sketched score's logarithm over the exact one's, offset {sketch['offsets'][-1]:g}",
        ),
        "zero_row_share": measured(gaps["zero_row"]["share_zero"], "share", "of runs that leave a zero row at 0"),
        "free_replacement_miss": share_of(
            round(free["attained"][at_one] * free["runs"]), free["runs"], "misses of the best private choice at ε = 1"
        ),
        "sensitivity_worst_ratio": measured(
            max(gaps["sensitivity_search"][key] for key in ("own", "others", "total", "matrix", "moment")),
            "ratio",
            "largest change found over its proven bound",
            n=gaps["sensitivity_search"]["trials"],
        ),
    }
    for closeness, ratio in zip(holder["closeness"], holder["ratio"], strict=True):
        name = f"holder_1e{round(np.log10(closeness))}"
        found[name] = measured(ratio, "ratio", f"‖ΔQ‖/ε₀ at ε₀ = {closeness:g}")
    for offset, change in zip(sketch["offsets"], sketch["sketched"], strict=True):
        name = f"sketch_1e{round(np.log10(offset))}"
        found[name] = measured(change, "nats", f"change of a sketched score's logarithm from offset {offset:g}")
    return found


def audit_measurements(audits: pd.DataFrame) -> dict[str, Measurement]:
    """Return what the audits say of C3, F1, F6 and F10."""
    correct, planted = audits[audits.kind == "correct"], audits[audits.kind == "planted"]
    leaked = planted[planted.mechanism == "leaked matrix"].epsilon_lower_bound
    zero = planted[planted.mechanism == "zero row"].epsilon_lower_bound
    seeds = int(audits.seed.nunique())
    claimed = correct.claimed_epsilon.max()
    return {
        "audit_correct_epsilon": measured(
            correct.epsilon_lower_bound.max(),
            "ε",
            f"largest lower bound over all canaries, claimed ε = {claimed:g}",
            n=len(correct),
            seeds=seeds,
        ),
        "audit_caught": measured(
            planted.alarm.mean(), "share", "of audits of planted bugs with alarm", n=len(planted), seeds=seeds
        ),
        "leaked_matrix_epsilon": measured(leaked.min(), "ε", "least lower bound with Q exact", seeds=seeds),
        "zero_row_epsilon": measured(zero.min(), "ε", "least lower bound with a zero row let in", seeds=seeds),
    }


def certificate_measurements(certificates: dict[str, Any]) -> dict[str, Measurement]:
    """Return how near to optimal the default solver's ellipsoids are."""
    worst = max(facts["max_leverage"] for facts in certificates.values()) - 1
    detail = "largest max h − 1 of the default solver over all data sets"
    return {"largest_certificate_gap": measured(worst, "leverage", detail, n=len(certificates))}


def release_measurements(diagnostics: list[dict[str, Any]]) -> dict[str, Measurement]:
    """Return what the private releases say of F8 and F9, at ε = 1 and ε₀ = 10⁻³."""

    def entry(dataset: str, mode: str) -> dict[str, Any] | None:
        wanted = {"dataset": dataset, "mode": mode, "epsilon": 1.0}
        found = [item for item in diagnostics if wanted.items() <= item.items() and "final" in item]
        exact = [item for item in found if item["closeness"] == 1e-3]
        return exact[0] if exact else None

    where = "at ε = 1, ε₀ = 10⁻³"
    violation, loss = "worst violation before shrinking", "mean log-radius loss an axis"
    rows = [
        ("input_violation_before", "gaussian", "input", "before_shrinking", "worst_violation", violation),
        ("input_radius_loss", "gaussian", "input", "final", "log_radius_loss", loss),
        ("iterate_radius_loss", "gaussian", "iterate", "final", "log_radius_loss", loss),
        ("input_radius_loss_breast_cancer", "breast_cancer", "input", "final", "log_radius_loss", loss),
    ]
    found = {"input_violation_after": unavailable(f"no release of mode input on gaussian {where} in this profile")}
    for name, dataset, mode, label, key, words in rows:
        item = entry(dataset, mode)
        detail = f"{words}, {dataset}, mode {mode}, {where}"
        found[name] = (
            unavailable(f"no release of mode {mode} on {dataset} {where} in this profile")
            if item is None
            else mean_of(item[label][key], "relative" if "violation" in key else "nats", detail)
        )
    item = entry("gaussian", "input")
    if item is not None:
        worst = item["final"]["worst_violation"]
        detail = f"largest violation of a true row over all draws after shrinking, gaussian, mode input, {where}"
        found["input_violation_after"] = measured(max(worst), "relative", detail, n=len(worst))
    iterate = entry("gaussian", "iterate")
    noise = [draw["noise_sd"] for draw in iterate["draws"] if draw["released"]] if iterate else []
    found["iterate_noise"] = (
        mean_of(noise, "nats", f"median noise sd on log weights a round, gaussian, {where}")
        if noise
        else unavailable(f"no release of mode iterate on gaussian {where} in this profile")
    )
    return found


def timing_measurements(solvers: pd.DataFrame, rounds: pd.DataFrame) -> dict[str, Measurement]:
    """Return what the timings say of C2, C5 and F12; ratios are within one run of one machine."""
    medians = rounds.groupby(["n", "d", "kind"]).seconds.median().unstack("kind")
    largest = medians.index[-1] if len(medians) == 1 else medians["exact"].idxmax()
    repeats = rounds[(rounds.n == largest[0]) & (rounds.d == largest[1])].pivot(
        index="repeat", columns="kind", values="seconds"
    )
    found = {}
    for kind, name in (("sketched", "sketch_round_speedup"), ("sampled", "sampled_round_speedup")):
        ratio = (repeats["exact"] / repeats[kind]).to_numpy()
        half = (np.quantile(ratio, 0.1), np.quantile(ratio, 0.9))
        detail = f"exact over {kind} seconds a round at {largest[0]}×{largest[1]}, median; interval of the middle 80 %"
        found[name] = measured(np.median(ratio), "ratio", detail, half, n=len(ratio))
    exact = rounds[rounds.kind == "exact"]
    widths = exact.groupby("d").n.nunique()
    chosen = exact[exact.d == widths.idxmax()]
    best = chosen.groupby("n").seconds.min()
    found["round_time_slope"] = measured(
        slope_of(best.index, best, "").number,
        SLOPE,
        f"of the best time of an exact round against n, d = {widths.idxmax()}",
        n=len(chosen),
    )
    table = solvers.pivot_table(index=["problem", "tolerance"], columns="method", values="seconds")
    both = table[["active_set", "averaged"]].dropna()
    tight = both[both.index.get_level_values("tolerance") == both.index.get_level_values("tolerance").min()]
    ratio = tight["averaged"] / tight["active_set"]
    found["active_set_speedup"] = measured(
        ratio.min(),
        "ratio",
        f"seconds of the averaged fixed point over the active set's at ξ = {tight.index.get_level_values(1).min():g}, "
        "least over the problems that the fixed point finished",
        n=len(ratio),
    )
    return found
