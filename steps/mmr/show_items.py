"""Pages to look at of items that are other people's data, and so are not published."""

from __future__ import annotations

from pathlib import Path

from steps.mmr.item_sets import OFFICIAL, RECEIPTS, read_sets
from steps.mmr.pages import write_items
from steps.mmr.replies import read_replies
from steps.mmr.scored import score_sets
from steps.step.params import Count, Params
from steps.step.run import Run


class ShowItemsParams(Params):
    """How many items a page shows."""

    shown: Count


def show_items(
    official: Path,
    rendered: Path,
    receipts: Path,
    predicted: list[Path],
    *,
    out: Path,
    params: ShowItemsParams,
    run: Run,
) -> None:
    """Write a page of official items and one of receipts, with the replies of some models.

    Reads   items.jsonl, images/, about.json of each set; replies.json and predictions of each step that predicts
    Writes  official.html, receipts.html, which stay in the folder of artifacts
    """
    sets = score_sets(read_sets(official, rendered, receipts), read_replies(predicted))
    for name in (OFFICIAL, RECEIPTS):
        write_items(sets[name], out / f"{name}.html", params.shown)
    run.say(f"look at {OFFICIAL}.html and {RECEIPTS}.html")
