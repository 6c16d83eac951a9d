"""Whether Stage I taught its tasks: their losses on validation pages, before and after."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from steps.step.publish import CaptionedTable
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import mean_of, unavailable

HISTORY, STAGE = "history.jsonl", "stage_one"
TASKS = ("T1", "T2", "T3", "T4")
START = "both"  # what the whole model starts from
COLUMNS = ["start", "seed", "task", "before", "after", "learnt"]


def read_losses(pretrained: Path) -> pd.DataFrame:
    """Return the losses of each start, seed and task before and after Stage I, and the share that was learnt.

    Rows lack ``before`` (NaN) where it was not measured.
    """
    with (pretrained / HISTORY).open(encoding="utf-8") as file:
        rows = [row for line in file if (row := json.loads(line))["stage"] == STAGE and row["task"] in TASKS]
    return pd.DataFrame(
        [_before_and_after(key, own) for key, own in _by_task(rows).items()], columns=COLUMNS
    ).reset_index(drop=True)


def stage_one_learnt(losses: pd.DataFrame) -> dict[str, Measurement]:
    """Return by how much Stage I lowers the loss of the task that it teaches least, as a share of the loss before.

    Of what the whole model starts from; the least of the tasks within each seed, its mean over seeds with Student's
    interval.
    """
    own = losses[losses.start == START]
    table = own.pivot(index="seed", columns="task", values="learnt").reindex(columns=list(TASKS))
    if table.empty or table.isna().to_numpy().any():
        known = table.columns[table.notna().any()].tolist() if len(table) else []
        found = unavailable(f"not all of {', '.join(TASKS)} were measured before and after Stage I: {known}")
    else:
        least = table.min(axis=1).tolist()
        detail = (
            f"loss (nats per token) before Stage I less that after it, of the loss before, on validation pages: the "
            f"least of {', '.join(TASKS)} by seed, of the start {START!r}"
        )
        found = mean_of(least, "share", detail, seeds=len(least))
    return {"stage_one_learnt": found}


def table(losses: pd.DataFrame) -> CaptionedTable:
    """Return the losses of the tasks of Stage I."""
    return losses, (
        "Losses (nats per token of the answers) of the tasks of Stage I on validation pages, before and after it, by "
        "what arms start from, and seed. Learnt: the share of the loss before that is gone after."
    )


def _by_task(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int, str], dict[int, float]]:
    found: dict[tuple[str, int, str], dict[int, float]] = {}
    for row in rows:
        found.setdefault((row["start"], row["seed"], row["task"]), {})[row["update"]] = row["loss"]
    return found


def _before_and_after(key: tuple[str, int, str], losses: Mapping[int, float]) -> dict[str, Any]:
    start, seed, task = key
    last = max(losses)
    before, after = losses.get(0, float("nan")), losses[last] if last else float("nan")
    told = {"start": start, "seed": seed, "task": task, "before": before, "after": after}
    return told | {"learnt": (before - after) / before}
