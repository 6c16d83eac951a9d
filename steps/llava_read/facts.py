"""Measurements of the facts about pages, prompts and scores, which no training decides.

Legend:  P pages
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steps.llava_read.estimates import DECIMALS, SEED, Asked, contrast
from steps.llava_read.measurements import FULL, PLAIN, UNIT, XY_CUT, is_judged
from steps.llava_read.reading_tables import NOISE
from steps.step.json_files import read_json
from tenfold.llava_read.scores import Measure, item_scores
from tenfold.metrics.bootstrap import Estimate
from tenfold.metrics.clustered import clustered_estimate
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

if TYPE_CHECKING:
    from tenfold.llava_read.pages import ReadingPage
    from tenfold.ocr.page import Page
    from tenfold.ocr.word_recall import Recall

DUMPED: tuple[Measure, ...] = ("contained", "exact", "anls_lmms")
DRAWS = 8  # of the simulation, of each page
COUNTS = ("words", "found", "found_without_spaces")
NOISE_ERRORS = {  # name -> (what it is of, its weights of the counts found and found without spaces)
    "recall_words": ("recall of words", (1, 0)),
    "recall_spaceless": ("recall of words, spaces ignored,", (0, 1)),
    "lost_to_spaces": ("words lost to spaces alone,", (-1, 1)),
}
LAYOUTS: dict[str, Any] = {  # of the arms that C4 compares, as ``ocr_text`` is asked for them
    FULL: {"layout": "space"},
    PLAIN: {"order": "plain"},
    XY_CUT: {"order": "xy_cut"},
}
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


def preparation(prepared: Path) -> dict[str, Measurement]:
    """Return what parts of the pages share."""
    from steps.llava_read.page_sets import ABOUT

    overlaps: Mapping[str, int] = read_json(prepared / ABOUT)["overlaps"]
    shared = ", ".join(overlaps)
    return {"overlaps": measured(sum(overlaps.values()), "things", f"that two parts of the pages share: {shared}")}


def simulation(tasks: Path, pages: Sequence[ReadingPage], read: Mapping[str, Page]) -> dict[str, Measurement]:
    """Return by how much simulated OCR is off on test pages, which it was not fitted to: recalls and what spaces cost.

    ``read`` is the engine's text of each page; the simulation's counts are means over ``DRAWS`` draws.
    """
    from tenfold.ocr.noise_model import NoiseModel

    names = {name: f"noise_model_{name}_error" for name in NOISE_ERRORS}
    if not read:
        return dict.fromkeys(names.values(), unavailable(NO_PAGES))
    noise = NoiseModel.from_json(read_json(tasks / NOISE)["model"])
    sums = np.array([_read_and_simulated(page, number, read[page.id], noise) for number, page in enumerate(pages)])
    found = {}
    for name, (said, weights) in NOISE_ERRORS.items():
        detail = f"{said} × 100 of simulated OCR less that of {ENGINE}, over test pages, not fitted to"
        estimate = _error(sums, np.array(weights)) if len(sums) > 1 else None
        missing = unavailable(f"fewer than two pages: {detail}")
        found[names[name]] = missing if estimate is None else estimated(estimate, UNIT, f"{detail}; {DRAWS} draws")
    return found


def _read_and_simulated(page: ReadingPage, number: int, read: Page, noise: Any) -> np.ndarray:
    """Return the counts of a page as the engine read it and as the simulation does, (2, 3)."""
    from tenfold.ocr.page import Page
    from tenfold.ocr.word_recall import recall

    truth, draws = page.truth, []
    for draw in range(DRAWS):
        words = noise.misread(truth, np.random.default_rng([SEED, number, draw]))
        draws.append(_counts(recall([truth], [Page(truth.width, truth.height, words, "simulated")])))
    return np.stack([_counts(recall([truth], [read])), np.mean(draws, axis=0)])


def _counts(found: Recall) -> np.ndarray:
    return np.array([getattr(found, name) for name in COUNTS], dtype=float)


def _error(sums: np.ndarray, weights: np.ndarray) -> Estimate | None:
    """Return simulated less real of a weighted share of the words, from counts (P, 2, 3), its interval over pages."""

    def statistic(summed: np.ndarray) -> np.ndarray:
        shares = (summed[..., 1:] * weights).sum(axis=-1) / summed[..., 0]
        return np.round(100 * (shares[..., 1] - shares[..., 0]), DECIMALS)

    return clustered_estimate(sums, statistic, seed=SEED)


def cut_texts(arms: Sequence[Mapping[str, Any]], read: Mapping[str, Page]) -> dict[str, Measurement]:
    """Return the share × 100 of test pages whose OCR text an arm's budget cuts, the largest of the layouts' arms.

    ``arms`` are the rows of all arms.json, ``read`` is the engine's text of each page.
    """
    from tenfold.llava_read.ocr_prompt import ocr_text

    given = [row for row in arms if row["arm"] in LAYOUTS and row["budget"] is not None]
    own = [row for row in given if is_judged(row["arm"], row["code"])]
    budgets = {name: min(row["budget"] for row in own if row["arm"] == name) for name in {row["arm"] for row in own}}
    missing = [name for name in LAYOUTS if name not in budgets]
    if missing or not read:
        said = f"this profile has no arm {', '.join(missing)}" if missing else NO_PAGES
        return {"texts_cut_of_layouts": unavailable(said)}
    cut = {
        name: 100 * float(np.mean([ocr_text(page, budget=budgets[name], **how).truncated for page in read.values()]))
        for name, how in LAYOUTS.items()
    }
    each = ", ".join(f"{share:.1f} of {name} at {budgets[name]} characters" for name, share in cut.items())
    detail = f"test pages × 100 whose text by {ENGINE} the budget of an arm cuts, the most of: {each}"
    return {"texts_cut_of_layouts": measured(max(cut.values()), UNIT, detail, n=len(read))}
