"""The published tables, each with its caption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from steps.step.publish import CaptionedTable


def rate(curves: pd.DataFrame) -> CaptionedTable:
    """Tabulate the exact iteration on the first data set."""
    first = curves[(curves.variant == "exact") & (curves.dataset == curves.dataset.iloc[0])]
    table = first[["updates", "averaged", "last", "bound"]]
    return table, f"Largest leverage by update with exact scores, {first.dataset.iloc[0]}; 1 is optimal."


def certificates(certificates: dict[str, Any]) -> CaptionedTable:
    """Tabulate the library's default solver on every data set."""
    rows = [
        {
            "data set": name,
            "n": facts["n"],
            "d": facts["d"],
            "updates": facts["updates"],
            "support": facts["support"],
            "certificate gap": facts["max_leverage"] - 1,
            "volume gap (nats)": facts["volume_gap"],
            "violation": facts["inscribed_violation"],
        }
        for name, facts in certificates.items()
    ]
    caption = (
        "The default solver on every data set. The certificate gap is max h − 1 from one exact pass; the "
        "violation is that of the inscribed ellipsoid, 0 or below up to rounding."
    )
    return pd.DataFrame(rows), caption


def releases(diagnostics: list[dict[str, Any]]) -> CaptionedTable:
    """Tabulate the utility of every private release, means over draws."""
    rows = []
    for item in diagnostics:
        final, before = item.get("final"), item.get("before_shrinking")
        violations = np.asarray(final["worst_violation"]) if final else np.array([])
        rows.append(
            {
                "data set": item["dataset"],
                "mode": item["mode"],
                "ε": item["epsilon"],
                "ε₀": item["closeness"],
                "σ": item["noise_sd"],
                "released": f"{len(violations)} of {len(item['draws'])}",
                "inside": f"{int((violations <= 1e-9).sum())} of {len(violations)}" if final else "",
                "violation before": np.mean(before["worst_violation"]) if before else None,
                "violation": violations.mean() if final else None,
                "log-radius loss": np.mean(final["log_radius_loss"]) if final else None,
                "constraints held": np.mean(final["fraction_held"]) if final else None,
            }
        )
    caption = (
        "Private releases compared with the true rows (a diagnostic on public data, not private itself). Violation "
        "is max |aᵀx| − 1 over the ellipsoid, before and after shrinking; the loss is per axis, in nats. Mode paper "
        "has no proven ε; mode moment is not a John ellipsoid."
    )
    return pd.DataFrame(rows), caption


def solvers(solvers: pd.DataFrame) -> CaptionedTable:
    """Tabulate seconds of every solver to the same certificate."""
    table = solvers.pivot_table(
        index=["problem", "tolerance"], columns="method", values="seconds", sort=False, dropna=False
    )
    return (
        table.reset_index(),
        "Seconds to max h ≤ 1 + ξ (tolerance), side by side in one run; empty where the cap was hit.",
    )


def audits(audits: pd.DataFrame) -> CaptionedTable:
    """Tabulate the largest ε that each audit bounds from below, over seeds."""
    groups = audits.groupby(["kind", "mechanism", "canary", "claimed_epsilon"], sort=False)
    table = groups.agg(
        largest_bound=("epsilon_lower_bound", "max"),
        least_bound=("epsilon_lower_bound", "min"),
        alarms=("alarm", "sum"),
        audits=("alarm", "size"),
        noise_ratio=("noise_ratio", "mean"),
    ).reset_index()
    caption = (
        "White-box audits: the lower bound on ε over seeds, and how many raised the alarm. Noise ratio is observed "
        "over claimed standard deviation."
    )
    return table, caption
