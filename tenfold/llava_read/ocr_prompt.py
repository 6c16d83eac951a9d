"""OCR text for the prompt: words in an order or laid out by spaces, cut to a budget, with what the cut costs.

    from tenfold.llava_read.ocr_prompt import ocr_text
    kept = ocr_text(page, layout="space", budget=256, policy="head_tail")
    print(kept.text, kept.truncated, kept.holds(["12.40"]))

The space layout is LATIN-Prompt's (Wang et al. 2023), which sorts by rows itself, so that an order belongs to the words
only. Budgets count what ``count`` counts: characters, unless it is said, or a tokenizer's tokens.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from tenfold.arguments import whole
from tenfold.llava_read.questions import SIGHT, Question
from tenfold.llava_read.reading_errors import InvalidPrompt
from tenfold.ocr.page import Page
from tenfold.ocr.reading_order import plain_order, xy_cut
from tenfold.ocr.spacing import space_layout
from tenfold.text.anls import collapsed

Order = Literal["plain", "xy_cut"]
Layout = Literal["words", "space"]
Policy = Literal["head", "head_tail"]
Count = Callable[[str], int]

LEFT_OUT = "\n...\n"  # stands where the middle was cut out
PIECE = re.compile(r"\s*\S+")
ENLARGED = re.compile(r", (enlarged \d+ times)$")  # as `tenfold.ocr.reading.read` says it
_SOURCES = {  # beginning of an engine's version -> how its rows are called
    "described": "oracle",
    "simulated": "simulated",
    "PP-OCRv6": "ppocr6",
    "PP-OCRv4": "ppocr4",
    "EasyOCR": "easyocr",
    "tesseract": "tesseract",
    "corrupted": "corrupted",
    "none": "none",
}


@dataclass(frozen=True)
class OcrText:
    """What of a page's OCR text goes into the prompt.

    ``full`` is the text before the cut, ``tokens`` and ``full_tokens`` are the lengths of both as the budget counts
    them, ``source`` names the engine in every row of a table.
    """

    text: str
    full: str
    tokens: int
    full_tokens: int
    source: str

    @property
    def truncated(self) -> bool:
        """Whether anything was cut."""
        return self.text != self.full

    def holds(self, answers: Sequence[str]) -> bool:
        """Say whether one of the answers stands in what was kept, whatever the case and the white space."""
        return _stands(answers, self.text)

    def held(self, answers: Sequence[str]) -> bool:
        """Say whether one of the answers stood in the text before the cut."""
        return _stands(answers, self.full)


@dataclass(frozen=True)
class PromptStatistics:
    """How long OCR texts are, and what the budget costs.

    ``p50`` and ``p95`` are of the lengths before the cut; ``truncated`` is the share of texts that were cut, ``read``
    the share of questions about text whose answer the engine read, ``survived`` the share of these whose answer is
    still there after the cut (NaN where none was read).
    """

    texts: int
    p50: float
    p95: float
    truncated: float
    questions: int
    read: float
    survived: float


def ocr_text(
    page: Page,
    *,
    order: Order | None = None,
    layout: Layout = "words",
    budget: int | None = None,
    policy: Policy | None = None,
    count: Count = len,
) -> OcrText:
    """Return the OCR text of a page, cut at the ends of words to at most ``budget``: characters, or what is counted.

    ``order`` ("plain" if not given) is that of the layout "words", which joins them by single spaces. ``policy`` says
    what a cut keeps: "head" (if not given) the beginning, "head_tail" the beginning and the end in equal parts, with a
    mark between. Raises InvalidPrompt for an unknown order, layout or policy, an order of the space layout, a policy
    without a budget, a budget that is no whole number from 1, and a word whose box is not of finite numbers.
    """
    _check(order, layout, budget, policy)
    for word in page.words:
        if not all(map(math.isfinite, word.box)):
            raise InvalidPrompt(f"the word {word.text[:40]!r} has the box {word.box}: boxes are of finite numbers")
    if layout == "space":
        full = space_layout(page.words)
    else:
        ordered = (plain_order if order in (None, "plain") else xy_cut)([word.box for word in page.words])
        full = " ".join(page.words[index].text for index in ordered)
    length = count(full)
    text = full if budget is None or length <= budget else _cut(full, budget, policy or "head", count)
    return OcrText(text, full, length if text == full else count(text), length, ocr_source(page))


def ocr_source(page: Page) -> str:
    """Return how rows that rest on what a page's engine read are called, as "ppocr6", "simulated" or "oracle".

    What was read on an enlarged image has another name, as "ppocr6 enlarged 3 times".

    Raises InvalidPrompt for an engine that has no such name.
    """
    for beginning, name in _SOURCES.items():
        if page.engine.startswith(beginning):
            return page.engine if name == "corrupted" else _enlarged(name, page.engine)
    raise InvalidPrompt(f"pages read by {page.engine!r} have no name in tables; known are {', '.join(_SOURCES)}")


def _enlarged(name: str, engine: str) -> str:
    return f"{name} {found[1]}" if (found := ENLARGED.search(engine)) else name


def statistics_of(texts: Mapping[str, OcrText], questions: Sequence[Question]) -> PromptStatistics:
    """Return the lengths of pages' OCR texts, and how many answers survive; questions that need eyes are left out.

    Raises InvalidPrompt if there is no text, or none for a question's page.
    """
    if not texts:
        raise InvalidPrompt("there are no OCR texts, so that there are no statistics")
    asked = [question for question in questions if question.stratum not in SIGHT]
    if missing := sorted({question.page for question in asked} - set(texts)):
        raise InvalidPrompt(f"no OCR text for the page {missing[0]!r} and {len(missing) - 1} others")
    read = [question for question in asked if texts[question.page].held(question.answers)]
    kept = [question for question in read if texts[question.page].holds(question.answers)]
    lengths = [one.full_tokens for one in texts.values()]
    p50, p95 = np.quantile(lengths, [0.5, 0.95]).tolist()
    return PromptStatistics(
        texts=len(texts),
        p50=p50,
        p95=p95,
        truncated=sum(one.truncated for one in texts.values()) / len(texts),
        questions=len(asked),
        read=len(read) / len(asked) if asked else float("nan"),
        survived=len(kept) / len(read) if read else float("nan"),
    )


def _check(order: str | None, layout: str, budget: int | None, policy: str | None) -> None:
    for name, value, known in (("order", order, Order), ("layout", layout, Layout), ("policy", policy, Policy)):
        if value is not None and value not in get_args(known):
            raise InvalidPrompt(f"no {name} is called {value!r}; there are {', '.join(get_args(known))}")
    if layout == "space" and order is not None:
        raise InvalidPrompt(f"the space layout goes by rows: leave out order={order!r}, or take layout='words'")
    if policy is not None and budget is None:
        raise InvalidPrompt(f"without a budget nothing is cut: leave out policy={policy!r}, or give a budget")
    if budget is not None:
        says = ", in characters; take the engine 'none' for no text at all"
        whole(budget, "budget", least=1, error=InvalidPrompt, says=says)


def _cut(full: str, budget: int, policy: Policy, count: Count) -> str:
    pieces = PIECE.findall(full)
    if policy == "head":
        return "".join(pieces[: _most(len(pieces), lambda number: count("".join(pieces[:number])) <= budget)])
    room = budget - count(LEFT_OUT)
    head = _most(len(pieces), lambda number: count("".join(pieces[:number])) <= room // 2)
    begun = "".join(pieces[:head])

    def joined(tail: int) -> str:
        ending = "".join(pieces[len(pieces) - tail :]).lstrip() if tail else ""
        return f"{begun}{LEFT_OUT}{ending}"

    tail = _most(len(pieces) - head, lambda number: count(joined(number)) <= budget)
    return joined(tail) if count(joined(tail)) <= budget else ""


def _most(highest: int, fits: Callable[[int], bool]) -> int:
    """Return the largest number up to ``highest`` that fits, where larger ones fit no better; 0 if none does."""
    low = 0
    while low < highest:
        middle = (low + highest + 1) // 2
        if fits(middle):
            low = middle
        else:
            highest = middle - 1
    return low


def _stands(answers: Sequence[str], text: str) -> bool:
    there = collapsed(text)
    return any(collapsed(answer) in there for answer in answers)
