"""OCR text of each page by its source, as ``tasks`` writes it: what models are trained with, and asked with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenfold.ocr.page import Page

OCR = "ocr"
SIMULATED, MIXED, ORACLE = "simulated", "mixed", "oracle"


def corrupted_name(per_cent: int) -> str:
    """Return the name of the source in which so many of a hundred letters are wrong."""
    return f"corrupted_{per_cent:02d}"


def read_ocr(tasks: Path, part: str, source: str) -> dict[str, Page]:
    """Return what ``source`` read on each page of a part, by the page's id.

    Parts are "train", "validation", "test", "receipts_train", "receipts_validation" and "receipts_test". Sources are
    "simulated" for training pages, and "mixed", which is PP-OCRv6's text where it has read the page and simulated
    elsewhere; "oracle" and "corrupted_05" and the like for the other parts; and engines by name, as far as they have
    read the part: of training pages the first ones only. Each page bears the name of what read it; ``ocr_sources``
    says which sources there are. Raises InvalidPages if the source has not read the part.
    """
    from tenfold.ocr.page_files import load_pages

    return load_pages(tasks / OCR / part / f"{source}.jsonl")


def write_ocr(pages: Mapping[str, Page], tasks: Path, part: str, source: str) -> None:
    """Write what a source read on the pages of a part."""
    from tenfold.ocr.page_files import write_pages

    folder = tasks / OCR / part
    folder.mkdir(parents=True, exist_ok=True)
    write_pages(pages, folder / f"{source}.jsonl")


def ocr_sources(tasks: Path, part: str) -> tuple[str, ...]:
    """Return the sources that have read a part, by name; none for a part that there is not."""
    return tuple(sorted(path.stem for path in (tasks / OCR / part).glob("*.jsonl")))
