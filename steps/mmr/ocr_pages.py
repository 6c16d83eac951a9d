"""What the engines read, as ``read`` writes it, and how much of what was drawn is among it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps.mmr.views import VIEWS, View
from steps.step.json_files import read_json
from tenfold.mmr.items import ItemSet
from tenfold.mmr.queries import Query
from tenfold.ocr.page import Page, Word

if TYPE_CHECKING:
    from tenfold.ocr.page_files import Pages

SUMMARY = "read.json"
PAGES = "pages.jsonl"  # what stands on the images of a set, which no model reads


@dataclass(frozen=True)
class ReadView:
    """The pages that an engine read of one set of items in one view, by the digest of their image."""

    engine: str
    items: str
    view: View
    pages: Pages


def read_summary(folder: Path) -> dict[str, Any]:
    """Return what a step ``read`` wrote of itself."""
    summary: dict[str, Any] = read_json(folder / SUMMARY)
    return summary


def read_views(folders: Sequence[Path]) -> Iterator[ReadView]:
    """Yield what each engine read, engines in the order of ``folders``."""
    from tenfold.ocr.page_files import load_pages

    for folder in folders:
        summary = read_summary(folder)
        for name, views in summary["sets"].items():
            for view in (one for one in VIEWS if one in views):
                yield ReadView(summary["engine"], name, view, load_pages(folder / name / f"{view}.jsonl"))


def recalls(items: ItemSet, queries: Sequence[Query], pages: Pages) -> dict[str, float]:
    """Return the recall of words, with spaces and without, over all pages and by band of their items.

    All are shares from 0 to 1. ``queries`` are one per image. Empty where it is not known what stands on the images.
    """
    from tenfold.ocr.word_recall import recall

    path = None if items.folder is None else items.folder / PAGES
    if path is None or not path.is_file():
        return {}
    truths = {row["image"]: _truth(row) for row in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    by_key = {item.key: item for item in items.rows}
    shown = [(by_key[query.key], query.image_digest) for query in queries]
    found: dict[str, float] = {}
    for band in ("", *sorted({item.band for item, _ in shown} - {""})):
        own = [(truths[item.image], pages[digest]) for item, digest in shown if band in ("", item.band)]
        counts = recall([truth for truth, _ in own], [page for _, page in own])
        ending = f"_{band}" if band else ""
        found |= {f"recall_words{ending}": counts.word_recall, f"recall_spaceless{ending}": counts.spaceless_recall}
    return found


def _truth(row: Mapping[str, Any]) -> Page:
    words = tuple(Word(word["text"], tuple(word["box"]), 1.0, word["line"]) for word in row["words"])
    return Page(row["width"], row["height"], words, "described")
