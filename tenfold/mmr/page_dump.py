"""The whole text of the page as the reply to every question: what a score is worth that only looks for the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.queries import Query
from tenfold.mmr.reading import page_of
from tenfold.ocr.page import Page
from tenfold.ocr.page_files import Pages, pages_digest
from tenfold.ocr.reading_order import xy_cut


class PageDump:
    """A model that replies with all that an engine read, in reading order, whatever the question is."""

    def __init__(self, pages: Pages, *, name: str = "") -> None:
        """Take pages by the digest of their image; ``name`` is "page dump" with the engine if not given."""
        self._pages, self._digest = pages, pages_digest(pages)
        self.engines = tuple(sorted({page.engine for page in pages.values()}))
        self.name = name or f"page dump ({', '.join(self.engines) or 'no pages'})"

    def identity(self) -> dict[str, Any]:
        """Return the kind, the engines, and a digest of the pages."""
        return {"kind": "page_dump", "version": 1, "engines": list(self.engines), "pages": self._digest}

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return the whole text for each query, "empty" where nothing was read.

        Raises MissingPage if the page of a query's image is not there.
        """
        return [self._answer(query) for query in queries]

    def _answer(self, query: Query) -> Prediction:
        page = page_of(self._pages, query)
        return prediction_of(query.key, whole_text(page), why="all that was read")


def whole_text(page: Page) -> str:
    """Return the words of a page in reading order (XY-cut), in one line."""
    ordered = page.in_order(xy_cut([word.box for word in page.words]))
    return " ".join(word.text for word in ordered.words)
