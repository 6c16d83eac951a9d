"""Pages of OCR by the name of their image: read once, by threads side by side, kept as JSON lines.

    reading = read_pages(images, "ppocr6")
    write_pages(reading.pages, folder / "ocr.jsonl")
    pages = load_pages(folder / "ocr.jsonl")

Each thread has an engine of its own, which runs on one thread of the processor, so that pages are the same whatever the
number of threads. Names are what the images go by: a digest, an id.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.ocr.errors import InvalidPages
from tenfold.ocr.page import Page

if TYPE_CHECKING:
    from tenfold.ocr.engine import Engine, Pixels

Pages = Mapping[str, Page]  # by the name of the image


@dataclass(frozen=True)
class Reading:
    """What an engine read: ``pages`` by the name of their image, and what that took.

    ``engine`` is its version, with the enlargement; ``cpu_seconds`` are those of this process and its children while it
    read, loading left out, so that a busy process counts too much; ``seconds`` are those of the clock.
    """

    pages: dict[str, Page]
    engine: str
    cpu_seconds: float
    seconds: float


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
    pages are read. Raises InvalidPages for fewer than one thread and for other images, and, before any page is read,
    what `tenfold.ocr.reading.load_engine` raises for an engine that is not there.
    """
    from concurrent.futures import ThreadPoolExecutor
    from threading import local

    from tenfold.ocr.reading import fresh_engine, load_engine, read

    count = min(2, os.cpu_count() or 1) if threads is None else threads
    if count < 1:
        raise InvalidPages(f"pages are read by one thread or more, not {count}")
    first = load_engine(engine)
    spare: list[Engine] = [first, *(fresh_engine(engine) for _ in range(min(count, len(images)) - 1))]
    own = local()

    def page_of(name: str) -> Page:
        if not hasattr(own, "engine"):
            own.engine = spare.pop()
        return read([images[name]], own.engine, enlarge=enlarge)[0]

    pages: dict[str, Page] = {}
    began, cpu = time.perf_counter(), _cpu_seconds()
    with ThreadPoolExecutor(len(spare)) as pool:
        try:
            for name, page in zip(images, pool.map(page_of, images), strict=True):
                pages[name] = page
                if progress is not None:
                    progress(len(pages), len(images))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    version = next(iter(pages.values())).engine if pages else first.version
    return Reading(pages, version, _cpu_seconds() - cpu, time.perf_counter() - began)


def write_pages(pages: Pages, path: Path) -> None:
    """Write pages as JSON lines, ``image`` the name; coordinates to a tenth of a pixel."""
    lines = (json.dumps({"image": name} | page.to_json(), ensure_ascii=False) for name, page in pages.items())
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def pages_digest(pages: Pages) -> str:
    """Return the SHA-256 of pages as ``write_pages`` writes them, whatever their order: what replies depend on."""
    found = hashlib.sha256()
    for name in sorted(pages):
        found.update(json.dumps([name, pages[name].to_json()]).encode())
    return found.hexdigest()


def as_written(page: Page) -> Page:
    """Return a page as ``load_pages`` gives it after ``write_pages``: coordinates to a tenth of a pixel."""
    return Page.from_json(page.to_json())


def load_pages(path: Path) -> dict[str, Page]:
    """Return the pages of a file by the name of their image.

    Raises InvalidPages if there is no such file, a line is no page, or two are of one image.
    """
    if not path.is_file():
        raise InvalidPages(f"there is no file {path}; write one with write_pages")
    pages: dict[str, Page] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, page = row["image"], Page.from_json(row)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidPages(f"{path}:{number} is no page: {type(error).__name__}: {error}") from None
        if not isinstance(name, str) or name in pages:
            raise InvalidPages(f"{path}:{number}: {name!r} is no name of an image, or has a page already")
        pages[name] = page
    return pages


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
