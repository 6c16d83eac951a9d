"""Pages of real scanned receipts (SROIE; Huang et al. 2019), split by company: what is the date, what is the total?

A company is in one part only, in whatever spelling the annotators gave it. Receipts that a benchmark asks about can be
kept out of training by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import open_image
from tenfold.llava_read.pages import Pixels, ReadingPage
from tenfold.llava_read.parts import PARTS, Part, share_of
from tenfold.llava_read.questions import Question
from tenfold.llava_read.reading_errors import NoPages
from tenfold.ocr.page import words_of_line
from tenfold.text.anls import collapsed

ALIKE = 88.0  # per cent of equal letters (rapidfuzz.fuzz.ratio), from which two spellings are one company
SHARES: dict[Part, float] = {"train": 0.5, "validation": 0.15, "test": 0.35}
ASKED = {"date": "What is the date?", "total": "What is the total?"}
_NUMBER = re.compile(r"\d[\d,]*\.\d\d")


class LabelledReceipt(Protocol):
    """A receipt as a data stage brings it: boxes (L, 4) in pixels, their L texts, four fields, the image's file."""

    @property
    def name(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def boxes(self) -> np.ndarray: ...
    @property
    def texts(self) -> tuple[str, ...]: ...
    @property
    def fields(self) -> Mapping[str, str]: ...
    @property
    def encoded(self) -> bytes: ...


def receipts_of(
    part: Part, receipts: Sequence[LabelledReceipt], *, never_trained_on: Collection[str] = ()
) -> list[ReadingPage]:
    """Return the receipts of a part as pages with one or two questions each.

    A question is asked where its answer stands on the receipt; receipts without one, or without a company, are in no
    part. Those named in ``never_trained_on`` are left out of "train" and "validation". Raises NoPages if none is left.
    """
    parts = company_parts(receipts)
    pages = []
    for receipt in receipts:
        held = part != "test" and receipt.name in never_trained_on
        if parts.get(_company(receipt)) == part and not held:
            page = _page(part, receipt)
            if page.questions:
                pages.append(page)
    if not pages:
        raise NoPages(f"none of {len(receipts)} receipts is left for the part {part!r}: bring more companies")
    return pages


def company_parts(receipts: Sequence[LabelledReceipt]) -> dict[str, Part]:
    """Return the part of each company, by its letters and digits; spellings that are alike belong together."""
    from rapidfuzz.fuzz import ratio

    names = sorted({_company(receipt) for receipt in receipts} - {""})
    first: dict[str, str] = {}
    for place, name in enumerate(names):
        kin = [first[other] for other in names[:place] if ratio(name, other) >= ALIKE]
        first[name] = min(kin, default=name)
        joined = set(kin)
        first |= {other: first[name] for other, group in first.items() if group in joined}
    return {name: _part(group) for name, group in first.items()}


def _part(company: str) -> Part:
    place, total = share_of(company), 0.0
    for part in PARTS[:-1]:
        total += SHARES[part]
        if place < total:
            return part
    return PARTS[-1]


def _company(receipt: LabelledReceipt) -> str:
    return "".join(letter for letter in receipt.fields.get("company", "").casefold() if letter.isalnum())


def _page(part: Part, receipt: LabelledReceipt) -> ReadingPage:
    name = f"receipt-{receipt.name}"
    words: list[dict[str, Any]] = []
    for number, (text, box) in enumerate(zip(receipt.texts, receipt.boxes.tolist(), strict=True)):
        for word in words_of_line(text, tuple(box), 1.0, number):
            words.append({"text": word.text, "box": list(word.box), "line": number})
    description = {
        "layout": "receipt",
        "width": receipt.width,
        "height": receipt.height,
        "words": words,
        "lines": [{"text": text, "box": box} for text, box in zip(receipt.texts, receipt.boxes.tolist(), strict=True)],
        "shapes": [],
        "facts": dict(receipt.fields),
    }
    return ReadingPage(name, part, _pixels(receipt), description, _questions(name, receipt))


def _questions(page: str, receipt: LabelledReceipt) -> tuple[Question, ...]:
    shown = collapsed(" ".join(receipt.texts))
    found = []
    for field, question in ASKED.items():
        text = receipt.fields.get(field, "").strip()
        amount = _NUMBER.search(text) if field == "total" else None
        answers = tuple(dict.fromkeys((text, amount.group())) if amount else (text,))
        if text and any(collapsed(answer) in shown for answer in answers):
            found.append(Question(f"{page}-{field}", page, "receipt", question, answers, field))
    return tuple(found)


def _pixels(receipt: LabelledReceipt) -> Pixels:
    try:
        pixels = np.asarray(open_image(receipt.encoded, "RGB", name=f"the image of receipt {receipt.name!r}"))
    except InvalidImages as error:
        raise NoPages(f"{error}. Bring the receipts again.") from error
    if pixels.shape[:2] != (receipt.height, receipt.width):
        raise NoPages(f"receipt {receipt.name!r} is {receipt.width}×{receipt.height}, its image {pixels.shape[1::-1]}")
    return pixels
