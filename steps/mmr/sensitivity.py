"""What a ranking owes to prompt, parser, score, threshold, resolution and convention: rows B1 to B11."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from steps.mmr import sensitivity_rows
from steps.mmr.item_sets import read_sets
from steps.mmr.replies import read_replies
from steps.mmr.scored import score_sets
from steps.step.params import Params
from steps.step.run import Run

DIGITS = "%.8g"


class SensitivityParams(Params):
    """Which rows there are."""

    rows: list[sensitivity_rows.RowName]


def sensitivity(
    official: Path,
    rendered: Path,
    receipts: Path,
    predicted: list[Path],
    *,
    out: Path,
    params: SensitivityParams,
    run: Run,
) -> None:
    """Score the same replies, or replies under varied settings, in each of the ways that a row compares.

    Reads   items.jsonl, about.json of each set; replies.json and predictions of the steps that predict
    Writes  shares.csv: by row, set, variant and model the share of the points × 100 with its interval over images, or
            another value where the row says so; ranks.csv: Kendall's τ between the order of models by each variant and
            by the first one
    Logs    models and variants per row
    """
    sets = score_sets(read_sets(official, rendered, receipts), read_replies(predicted))
    rows = []
    for name in params.rows:
        found = [row for own in sets.values() for row in sensitivity_rows.ROWS[name](own)]
        rows += [{"row": name} | row for row in found]
        run.say(f"{name}: {len(found)} values, {len({row['variant'] for row in found})} variants")
    table = pd.DataFrame(rows, columns=["row", *sensitivity_rows.FIELDS])
    table.to_csv(out / sensitivity_rows.SHARES, index=False, float_format=DIGITS)
    sensitivity_rows.rank_changes(table).to_csv(out / sensitivity_rows.RANKS, index=False, float_format=DIGITS)
    run.log({"values": len(table)})
