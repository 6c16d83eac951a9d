"""Measurements of the facts about pages, prompts and scores, which no training decides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps.llava_read.estimates import Asked, contrast
from steps.llava_read.measurements import UNIT
from steps.llava_read.reading_tables import NOISE
from steps.step.json_files import read_json
from tenfold.llava_read.scores import Measure, item_scores
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

if TYPE_CHECKING:
    from tenfold.ocr.page import Page

DUMPED: tuple[Measure, ...] = ("contained", "exact", "anls_lmms")
RECALLS = {"recall_words": "recall of words", "recall_spaceless": "recall of words, spaces ignored,"}
NO_PAGES = "no page was read by the engine in this profile"
ENGINE = "ppocr6"


def containment(test: Asked, read: Mapping[str, Page]) -> dict[str, Measurement]:
    """Return what an answer is worth, by measure, that is all of a page's OCR text; questions that need eyes left out.

    ``read`` is the engine's text of each page of the test.
    """
    if not read:
        return dict.fromkeys((f"dump_{measure}" for measure in DUMPED), unavailable(NO_PAGES))
    dumps = {one.id: " ".join(word.text for word in read[one.page].words) for one in test.questions}
    chosen, found = test.group("text_rich"), dict[str, Measurement]()
    for measure in DUMPED:
        detail = f"{measure} × 100 of all OCR text of the page as the answer, questions about text, over pages"
        scores = item_scores(measure, test.questions, dumps)
        known = contrast(test.pages, [(1.0, scores[None], chosen)])
        missing = unavailable(f"fewer than two pages: {detail}")
        found[f"dump_{measure}"] = missing if known is None else estimated(known, UNIT, detail)
    return found


def preparation(prepared: Path, tasks: Path) -> dict[str, Measurement]:
    """Return what parts of the pages share, and by how much the simulated OCR's recall is off on held-out pages."""
    from steps.llava_read.page_sets import ABOUT

    overlaps: Mapping[str, int] = read_json(prepared / ABOUT)["overlaps"]
    shared = ", ".join(overlaps)
    found = {"overlaps": measured(sum(overlaps.values()), "things", f"that two parts of the pages share: {shared}")}
    check: Mapping[str, Any] = read_json(tasks / NOISE)
    for name in RECALLS:
        gap = 100 * (check["simulated"][name] - check["real"][name])
        detail = f"{RECALLS[name]} × 100 of simulated OCR less that of {ENGINE}, on {check['pages']} pages of no fit"
        found[f"noise_model_{name}_error"] = measured(gap, UNIT, detail, n=check["pages"])
    return found
