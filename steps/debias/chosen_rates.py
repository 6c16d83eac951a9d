"""What the search of the rate of deliberation found: whether the winner stands at an edge, and the table of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from steps.debias.measurements import TARGETS
from steps.step.publish import CaptionedTable
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import measured, unavailable

Row = dict[str, Any]  # of rates.json, which deliberate writes: target, learning_rate, validation_loss, chosen …


def rate_measurements(rows: Sequence[Row]) -> dict[str, Measurement]:
    """Return for each target that is taught how far from the grid's edge the chosen rate stands."""
    taught = [target for target in TARGETS if target != "none"]
    return {
        f"micro_{target}_rates_beyond_chosen": _beyond([row for row in rows if row["target"] == target])
        for target in taught
    }


def _beyond(rows: Sequence[Row]) -> Measurement:
    """Return how many rates were tried on that side of the chosen one where fewer were: 0 at an edge."""
    if len(rows) < 2:
        return unavailable("this profile searches no rate of deliberation for these agents")
    rates = sorted(row["learning_rate"] for row in rows)
    (chosen,) = (row["learning_rate"] for row in rows if row["chosen"])
    below = rates.index(chosen)
    detail = (
        "0 where the chosen rate stands at the edge of what was tried, so that a better one may lie beyond it; rates "
        f"tried below or above the chosen {chosen:g}, whichever are fewer, of "
        f"{', '.join(f'{rate:g}' for rate in rates)}; chosen for all seeds by the first one, on templates of "
        "deliberation that were held out of its own, and that other seeds test"
    )
    return measured(min(below, len(rates) - 1 - below), "rates", detail)


def table(rows: Sequence[Row]) -> CaptionedTable:
    """Return a row per target and rate."""
    return pd.DataFrame(rows), (
        "Learning rates of deliberation: loss of second replies, in nats per word, on templates of deliberation that "
        "were held out from the first seed's agents, of each agent and the mean, by which one rate is chosen for each "
        "target. Empty where a profile has a single rate, which is taken as it is."
    )
