"""What the engines read, as ``read`` writes it, and how much of what was drawn is among it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps.mmr.views import VIEWS, View
from steps.step.json_files import read_json
from tenfold.mmr.items import ItemSet
from tenfold.mmr.queries import Query
from tenfold.ocr.page import Page

if TYPE_CHECKING:
    from tenfold.mmr.reading import Pages

SUMMARY = "read.json"


@dataclass(frozen=True)
class ReadView:
    """The pages that an engine read of one set of items in one view, by the digest of their image."""

    engine: str
    items: str
    view: View
    pages: Pages

    @property
    def named(self) -> str:
        """Engine and view."""
        return self.engine


def read_summary(folder: Path) -> dict[str, Any]:
    """Return what a step ``read`` wrote of itself."""
    summary: dict[str, Any] = read_json(folder / SUMMARY)
    return summary


def read_views(folders: Sequence[Path]) -> Iterator[ReadView]:
    """Yield what each engine read, engines in the order of ``folders``."""
    from tenfold.mmr.reading import load_pages

    for folder in folders:
        summary = read_summary(folder)
        for name, views in summary["sets"].items():
            for view in (one for one in VIEWS if one in views):
                yield ReadView(summary["engine"], name, view, load_pages(folder / name / f"{view}.jsonl"))


def recalls(items: ItemSet, queries: Sequence[Query], pages: Mapping[str, Page]) -> dict[str, float]:
    """Return recall of words and of characters, spaces left out, over the pages and by band; empty where it is not known.

    Both are between 0 and 1.
    """
    raise NotImplementedError
