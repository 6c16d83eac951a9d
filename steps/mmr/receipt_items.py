"""Ask about real receipts: items of the six tasks that their annotations answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps.mmr.item_sets import RECEIPTS, origin_of, write_about, write_fit
from steps.mmr.ocr_pages import PAGES
from steps.step.params import Count, Params
from steps.step.run import Run

if TYPE_CHECKING:
    from tenfold.data.receipts import Receipt

FIT_PER_TASK = 50  # items of each task to fit on, at most


class ReceiptItemsParams(Params):
    """How many items of each task there are at most."""

    per_task: Count


def receipt_items(sroie: Path, *, out: Path, params: ReceiptItemsParams, run: Run) -> None:
    """Make items of receipts, whose boxes, texts and fields people have written down.

    Reads   sroie/: receipts with their boxes and fields; source.json
    Writes  items.jsonl; images/; pages.jsonl: the words as people wrote them down, which no model reads; about.json:
            rows per task, where they came from; fit/items.jsonl: items about other receipts, without images
    Logs    items, images
    """
    from tenfold.data.receipts import read_receipts
    from tenfold.mmr.receipts import receipt_items as items_of
    from tenfold.mmr.receipts import write_receipt_items

    items = write_receipt_items(sroie, out, per_task=params.per_task, seed=run.seed)
    write_fit(out, items_of(sroie, per_task=FIT_PER_TASK, seed=run.seed, part="fit"))
    used = set(items.images.tolist())
    rows = [described(receipt) for receipt in read_receipts(sroie) if receipt.name in used]
    (out / PAGES).write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    write_about(out, items, **origin_of(sroie))
    images = len(set(items.images.tolist()))
    run.log({"items": len(items), "images": images})
    run.say(f"{RECEIPTS}: {len(items)} items about {images} receipts, {items.points} points")


def described(receipt: Receipt) -> dict[str, Any]:
    """Return the words of a receipt, each with the box of its line, in the form in which drawn pages are described."""
    words = [
        {"text": word, "box": box.tolist(), "line": line}
        for line, (text, box) in enumerate(zip(receipt.texts, receipt.boxes, strict=True))
        for word in text.split()
    ]
    return {"image": receipt.name, "width": receipt.width, "height": receipt.height, "words": words}
