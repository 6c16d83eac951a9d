"""Ask about real receipts: items of the six tasks that their annotations answer."""

from __future__ import annotations

from pathlib import Path

from steps.mmr.item_sets import RECEIPTS, origin_of, write_about
from steps.step.params import Count, Params
from steps.step.run import Run


class ReceiptItemsParams(Params):
    """How many items of each task there are at most."""

    per_task: Count


def receipt_items(sroie: Path, *, out: Path, params: ReceiptItemsParams, run: Run) -> None:
    """Make items of receipts, whose boxes, texts and fields people have written down.

    Reads   sroie/: receipts with their boxes and fields; source.json
    Writes  items.jsonl; images/; about.json: rows per task, where they came from
    Logs    items, images
    """
    from tenfold.mmr.items import ItemSet, write_items
    from tenfold.mmr.receipts import receipt_items as items_of

    items = ItemSet(RECEIPTS, tuple(items_of(sroie, per_task=params.per_task, seed=run.seed, out=out)), out)
    write_items(items.rows, out)
    write_about(out, items, **origin_of(sroie))
    images = len(set(items.images.tolist()))
    run.log({"items": len(items), "images": images})
    run.say(f"{RECEIPTS}: {len(items)} items about {images} receipts, {items.points} points")
