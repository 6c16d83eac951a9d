"""Pages of OCR by the digest of their image: read once, by threads side by side, kept as JSON lines.

    images = images_of(queries)
    reading = read_pages(images, "ppocr6")
    write_pages(reading.pages, folder / "ocr.jsonl")
    model = OCRRules(reading.pages)

Each thread has an engine of its own, which runs on one thread of the processor, so that pages are the same whatever the
number of threads.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from tenfold.mmr.errors import InvalidReading, MissingPage
from tenfold.mmr.queries import Query
from tenfold.ocr.page import Page
from tenfold.ocr.word_recall import Recall, recall

if TYPE_CHECKING:
    from tenfold.ocr.engine import Engine

Pixels = UInt8[np.ndarray, "H W 3"]
Pages = Mapping[str, Page]  # by `Query.image_digest`


@dataclass(frozen=True)
class Reading:
    """What an engine read: ``pages`` by the digest of their image, and what that took.

    ``engine`` is its version, with the enlargement; ``cpu_seconds`` are those of this process and its children while it
    read, loading left out, so that a busy process counts too much; ``seconds`` are those of the clock.
    """

    pages: dict[str, Page]
    engine: str
    cpu_seconds: float
    seconds: float


def images_of(queries: Iterable[Query]) -> dict[str, Pixels]:
    """Return the images of some queries by their digest, each once; queries without an image are left out."""
    return {query.image_digest: query.image for query in queries if query.image is not None}


def read_pages(
    images: Mapping[str, Pixels],
    engine: str = "ppocr6",
    *,
    enlarge: int = 1,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Reading:
    """Return what the engine of that name reads on each image, uint8 RGB (H, W, 3), in the order of the mapping.

    With ``enlarge`` images are made that many times as large before they are read; boxes stay in pixels of the image.
    ``threads`` is two, or one on a machine with one processor, if not given; ``progress`` is told how many of how many
    pages are read. Raises InvalidReading for fewer than one thread, what `tenfold.ocr.reading.load_engine` raises for
    an engine that is not there, before any page is read, and InvalidPages for other images.
    """
    from concurrent.futures import ThreadPoolExecutor
    from threading import local

    from tenfold.ocr.reading import fresh_engine, load_engine, read

    count = min(2, os.cpu_count() or 1) if threads is None else threads
    if count < 1:
        raise InvalidReading(f"pages are read by one thread or more, not {count}")
    first = load_engine(engine)
    spare: list[Engine] = [first, *(fresh_engine(engine) for _ in range(min(count, len(images)) - 1))]
    own = local()

    def page_of(digest: str) -> Page:
        if not hasattr(own, "engine"):
            own.engine = spare.pop()
        return read([images[digest]], own.engine, enlarge=enlarge)[0]

    pages: dict[str, Page] = {}
    began, cpu = time.perf_counter(), _cpu_seconds()
    with ThreadPoolExecutor(len(spare)) as pool:
        try:
            for digest, page in zip(images, pool.map(page_of, images), strict=True):
                pages[digest] = page
                if progress is not None:
                    progress(len(pages), len(images))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    version = next(iter(pages.values())).engine if pages else first.version
    return Reading(pages, version, _cpu_seconds() - cpu, time.perf_counter() - began)


def page_of(pages: Pages, query: Query) -> Page:
    """Return the page of a query's image.

    Raises MissingPage if the query has no image, or its page is not among ``pages``.
    """
    digest = query.image_digest
    if not digest:
        raise MissingPage(f"{query.key}: a model that reads by OCR needs an image, and this item has none here")
    if digest not in pages:
        raise MissingPage(
            f"{query.key}: none of the {len(pages)} pages is of its image {digest[:12]}…, {query.image.shape[1]}×"  # type: ignore[union-attr]
            f"{query.image.shape[0]} pixels; read the images as they are shown, with images_of and read_pages"  # type: ignore[union-attr]
        )
    return pages[digest]


def write_pages(pages: Pages, path: Path) -> None:
    """Write pages as JSON lines, ``image`` the digest; coordinates to a tenth of a pixel."""
    lines = (json.dumps({"image": digest} | page.to_json(), ensure_ascii=False) for digest, page in pages.items())
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def pages_digest(pages: Pages) -> str:
    """Return the SHA-256 of pages as ``write_pages`` writes them, whatever their order: what replies depend on."""
    found = hashlib.sha256()
    for digest in sorted(pages):
        found.update(json.dumps([digest, pages[digest].to_json()]).encode())
    return found.hexdigest()


def as_written(page: Page) -> Page:
    """Return a page as ``load_pages`` gives it after ``write_pages``: coordinates to a tenth of a pixel."""
    return Page.from_json(page.to_json())


def load_pages(path: Path) -> dict[str, Page]:
    """Return the pages of a file by the digest of their image.

    Raises InvalidReading if there is no such file, a line is no page, or two are of one image.
    """
    if not path.is_file():
        raise InvalidReading(f"there is no file {path}; write one with write_pages")
    pages: dict[str, Page] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            digest, page = row["image"], Page.from_json(row)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidReading(f"{path}:{number} is no page: {type(error).__name__}: {error}") from None
        if not isinstance(digest, str) or digest in pages:
            raise InvalidReading(f"{path}:{number}: {digest!r} is no digest, or has a page already")
        pages[digest] = page
    return pages


def reading_recall(truths: Pages, pages: Pages) -> Recall:
    """Return how many of the described words were read, with and without spaces, over the images of ``truths``.

    Raises MissingPage if a described image was not read, InvalidPages if nothing is described.
    """
    missing = [digest for digest in truths if digest not in pages]
    if missing:
        raise MissingPage(f"{len(missing)} of {len(truths)} described images were not read, such as {missing[0][:12]}…")
    return recall(list(truths.values()), [pages[digest] for digest in truths])


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
