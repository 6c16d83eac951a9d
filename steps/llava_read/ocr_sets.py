"""OCR text of each page by its source, as ``tasks`` writes it: what models are trained with, and asked with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenfold.ocr.page import Page

OCR = "ocr"


def read_ocr(tasks: Path, part: str, source: str) -> dict[str, Page]:
    """Return what ``source`` read on each page of a part, by the page's id.

    Parts are "train", "validation", "test", "receipts_train", "receipts_validation" and "receipts_test"; sources are
    "simulated", "oracle", "ppocr6", "ppocr4", "tesseract", "corrupted_05", "corrupted_15" and "corrupted_30", as far
    as the part has them: ``ocr_sources`` says. Raises InvalidReading if it has not.
    """
    from tenfold.ocr.page_files import load_pages

    return load_pages(tasks / OCR / part / f"{source}.jsonl")


def ocr_sources(tasks: Path, part: str) -> tuple[str, ...]:
    """Return the sources that have read a part, by name; none for a part that there is not."""
    return tuple(sorted(path.stem for path in (tasks / OCR / part).glob("*.jsonl")))
