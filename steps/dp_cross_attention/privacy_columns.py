"""What every result row carries about its privacy, and tables written so that the same numbers are the same bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tenfold.dp_cross_attention.ledger import Ledger


def privacy_facts(ledger: Ledger) -> dict[str, Any]:
    """Return the facts of a memory's last release, and of all of them together: ε, δ, μ."""
    release = ledger.releases[-1]
    known = release.setting
    return {
        "epsilon": round(ledger.epsilon, 9),
        "delta": ledger.delta,
        "relation": known.neighbours,
        "unit": known.privacy_unit,
        "radius": known.radius,
        "value_radius": known.value_radius,
        "temperature": known.temperature,
        "logit_bound": known.logit_bound,
        "features": known.features,
        "degree": known.degree,
        "feature_count": known.feature_count,
        "mu": ledger.mu,
        "noise_sd": release.noise_sd,
        "sketches": sum(item.sketches for item in ledger.releases),
        "insecure_seed": release.insecure_seed,
    }


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Write rows as CSV with nine digits, and return them as a table."""
    frame = pd.DataFrame(rows)
    frame.to_csv(path, index=False, float_format="%.9g")
    return frame


def root_mean_square(difference: Any) -> float:
    """Return √mean(x²)."""
    return math.sqrt(float((difference**2).mean()))
