"""Pages that another OCR read, from a file of one's own: JSON lines, one for each image file.

    {"file": "sale.png", "words": [["SALE", [40, 30, 360, 120]], ["today only", [60, 150, 240, 180]]]}

A box is [x0, y0, x1, y1] in pixels of the image, upright, from its upper left corner. A text is a word or a whole line.

Legend:  H, W height and width in pixels
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.mmr.errors import InvalidReading, MissingPage
from tenfold.mmr.items import ItemSet
from tenfold.mmr.queries import Query
from tenfold.ocr.page import Page, Word, words_of_line

EXAMPLE = '{"file": "sale.png", "words": [["SALE", [40, 30, 360, 120]], …]}'

MOST = 1e6  # pixels: no image is larger


@dataclass(frozen=True)
class OwnPages:
    """Words by image file, called ``name``, and the SHA-256 of the file that they come from."""

    name: str
    sha256: str
    words: Mapping[str, tuple[Word, ...]]

    def check(self, items: ItemSet) -> None:
        """Raise MissingPage if an item's image has no page."""
        lacking = [item for item in items.rows if item.file not in self.words]
        if lacking:
            raise MissingPage(
                f"{self.name}: {len(lacking)} of {len(items)} items have no page; the first is {lacking[0].key!r}, of "
                f"the image {lacking[0].file!r}; an image without text has no words: []"
            )

    def pages(self, items: ItemSet, queries: Iterator[Query]) -> dict[str, Page]:
        """Return the page of each query's image by its digest; queries are those of the items.

        Raises InvalidReading for two images of the same pixels with other words.
        """
        files = {item.key: item.file for item in items.rows}
        pages: dict[str, Page] = {}
        for query in queries:
            if query.image is None:
                continue
            height, width = query.image.shape[:2]
            page = Page(width, height, self.words[files[query.key]], f"{self.name} {self.sha256[:8]}")
            if pages.setdefault(query.image_digest, page) != page:
                raise InvalidReading(
                    f"{self.name}: {files[query.key]!r} has the pixels of another file, and other words"
                )
        return pages


def read_own_pages(path: Path) -> OwnPages:
    """Return the pages of a file of JSON lines with ``file`` and ``words``.

    Raises InvalidReading if there is no such file, or it is empty or not in UTF-8; with the line, for one that is no
    page, has a box without area, or only boxes within one pixel, as shares would be, and for a file that comes twice.
    """
    if not path.is_file():
        raise InvalidReading(f"there is no file {path}; give pages as JSON lines, such as {EXAMPLE}")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidReading(f"{path} is not in UTF-8: {error}") from None
    found: dict[str, tuple[Word, ...]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            file, words = _page(line)
            if file in found:
                raise InvalidReading(f"{file!r} has a page already")
        except InvalidReading as error:
            raise InvalidReading(f"{path}:{number}: {error}") from None
        found[file] = words
    if not found:
        raise InvalidReading(f"{path} holds no page; each line is an object such as {EXAMPLE}")
    return OwnPages(path.stem, hashlib.sha256(data).hexdigest(), found)


def _page(line: str) -> tuple[str, tuple[Word, ...]]:
    """Return a line's image file and words."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidReading(f"each line is an object such as {EXAMPLE}, and this is no JSON: {error}") from None
    file, rows = (row.get("file"), row.get("words")) if isinstance(row, dict) else (None, None)
    if not isinstance(file, str) or not file or not isinstance(rows, list):
        raise InvalidReading(f"each line is an object such as {EXAMPLE}")
    words = tuple(word for number, one in enumerate(rows) for word in _words(one, number))
    if words and all(max(word.box) <= 1 for word in words):
        raise InvalidReading("all boxes lie within one pixel: boxes are in pixels of the image, not in shares of it")
    return file, words


def _words(row: Any, line: int) -> list[Word]:
    if not isinstance(row, list) or len(row) != 2 or not isinstance(row[0], str) or not _is_box(row[1]):
        raise InvalidReading(f"words are [text, [x0, y0, x1, y1]] in pixels, with x0 < x1 and y0 < y1, not {row!r}")
    x0, y0, x1, y1 = map(float, row[1])
    return words_of_line(row[0], (x0, y0, x1, y1), 1.0, line)


def _is_box(box: Any) -> bool:
    if not isinstance(box, list) or len(box) != 4:
        return False
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in box):
        return False
    return all(-MOST <= one <= MOST for one in box) and bool(box[0] < box[2] and box[1] < box[3])
