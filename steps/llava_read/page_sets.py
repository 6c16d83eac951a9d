"""Pages as ``prepare`` writes them, by part: drawn pages, receipts, and pages of the probe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.llava_read.pages import read_pages
from tenfold.llava_read.parts import PARTS, Part
from tenfold.ocr.page import Page

if TYPE_CHECKING:
    from tenfold.llava_read.pages import Pixels, ReadingPage
    from tenfold.llava_read.probe_pages import ProbePage

PAGES, RECEIPTS, PROBE = "pages", "receipts", "probe"
ABOUT = "about.json"


def pages_of(prepared: Path, part: Part) -> list[ReadingPage]:
    """Return the drawn pages of a part, in order, each with its image and questions. Raises NoPages."""
    return list(read_pages(prepared / PAGES / part))


def receipts_of_part(prepared: Path, part: Part) -> list[ReadingPage]:
    """Return the receipts of a part; none where the parameters ask for none. Raises NoPages for a broken folder."""
    folder = prepared / RECEIPTS / part
    return list(read_pages(folder)) if folder.is_dir() else []


def probe_pages_of(prepared: Path, part: Part) -> list[ProbePage]:
    """Return the pages of the probe, "train" or "test". Raises NoPages."""
    from tenfold.llava_read.probe_pages import read_probe_pages

    return read_probe_pages(prepared / PROBE / part)


def set_of(prepared: Path, name: str, most: int | None = None) -> Iterator[tuple[str, Pixels, Page]]:
    """Yield id, image and truth of each page of a set, of the first ``most`` if given.

    Sets are a part's name for its drawn pages, "receipts_" or "probe_" with it for the others. Raises NoPages.
    """
    for page in islice(_pages_of_set(prepared, name), most):
        yield page.id, page.image, page.truth


def _pages_of_set(prepared: Path, name: str) -> Iterable[ReadingPage | ProbePage]:
    kind, _, ending = name.rpartition("_")
    part = next(one for one in PARTS if one == ending)
    if kind == PROBE:
        return probe_pages_of(prepared, part)
    return receipts_of_part(prepared, part) if kind == RECEIPTS else read_pages(prepared / PAGES / part)
