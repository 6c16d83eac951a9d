"""How sure the order of models is: in resamples of the images.

Legend:  M models · R resamples
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from jaxtyping import Float

from steps.mmr.scored import ScoredSet

LEAST = 2  # models of an order


@dataclass(frozen=True)
class Stability:
    """The order of a set's models, best first; Kendall's τ with each resample's; how often two keep it, and all."""

    models: tuple[str, ...]
    tau: np.ndarray
    kept: tuple[float, ...]
    same: float


def stability(own: ScoredSet) -> Stability | None:
    """Return how stable the order of the plain models is, oracle and dump apart; None for fewer than two."""
    names = [one.entry.named for one in own.plain if one.entry.kind not in ("oracle", "dump")]
    table = own.table()
    if len(names) < LEAST or table.images < LEAST:
        return None
    shares = [table.share(name) for name in names]
    values = np.array([float(share(table.sums.sum(axis=0))) for share in shares])
    order = np.argsort(-values, kind="stable")
    draws = table.draws(shares)[:, order]
    draws = draws[~np.isnan(draws).any(axis=1)]
    tau = kendall(values[order], draws)
    kept = tuple(float((draws[:, one] > draws[:, two]).mean()) for one, two in pairwise(range(len(order))))
    same = float((np.diff(draws, axis=1) < 0).all(axis=1).mean())
    return Stability(tuple(names[place] for place in order), tau, kept, same)


def kendall(values: Float[np.ndarray, " M"], draws: Float[np.ndarray, "R M"]) -> Float[np.ndarray, " R"]:
    """Return Kendall's τ of each row's order with that of ``values``.

    Pairs that are level in ``values`` are left out; one that is level in a row counts 0. NaN if all are level.
    """
    one, two = np.triu_indices(len(values), 1)
    whole = np.sign(values[one] - values[two])
    chosen = whole != 0
    if not chosen.any():
        return np.full(len(draws), np.nan)
    return (np.sign(draws[:, one] - draws[:, two])[:, chosen] * whole[chosen]).mean(axis=1)


def rows_of(name: str, found: Stability) -> list[dict[str, object]]:
    """Return a row per two neighbours in the order."""
    return [
        {"items": name, "better": one, "worse": two, "kept": kept, "whole_order_kept": found.same}
        for (one, two), kept in zip(pairwise(found.models), found.kept, strict=True)
    ]


def table_of_stability(found: dict[str, Stability]) -> pd.DataFrame:
    """Return a row per two neighbours of each set."""
    rows = [row for name, own in found.items() for row in rows_of(name, own)]
    return pd.DataFrame(rows, columns=["items", "better", "worse", "kept", "whole_order_kept"])
