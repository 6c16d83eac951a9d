"""Pages as ``prepare`` writes them, by part: drawn pages, receipts, and pages of the probe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tenfold.llava_read.pages import read_pages
from tenfold.llava_read.parts import Part

if TYPE_CHECKING:
    from tenfold.llava_read.pages import ReadingPage
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
