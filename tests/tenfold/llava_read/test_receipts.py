"""Receipts as pages: a company is in one part whatever its spelling, and answers stand there."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from tenfold.llava_read.parts import PARTS
from tenfold.llava_read.reading_errors import NoPages
from tenfold.llava_read.receipts import company_parts, receipts_of
from tenfold.text.anls import collapsed

COMPANIES = [
    f"{name} TRADING SDN BHD" for name in ("ALPINE", "BISTRO", "CANVAS", "DELUXE", "EMBER", "FJORD", "GRANITE")
]


def encoded(width: int = 40, height: int = 60) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (width, height), 230).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Receipt:
    name: str
    fields: Mapping[str, str]
    texts: tuple[str, ...]
    width: int = 40
    height: int = 60
    encoded: bytes = field(default_factory=encoded)

    @property
    def boxes(self) -> np.ndarray:
        return np.array([[2.0, 10.0 * row, 38.0, 10.0 * row + 8] for row in range(len(self.texts))]).reshape(-1, 4)


def receipt(number: int, company: str, **changed: str) -> Receipt:
    fields = {"company": company, "date": "25/12/2018", "total": f"RM {number}.90", **changed}
    return Receipt(f"{number:03d}", fields, (company, "Date: 25/12/2018", f"TOTAL {number}.90"))


RECEIPTS = [receipt(number, COMPANIES[number % len(COMPANIES)]) for number in range(1, 29)]


def test_a_company_is_in_one_part_whatever_its_spelling():
    others = [receipt(90, "Alpine  trading Sdn. Bhd."), receipt(91, "ALPINE TRADlNG SDN BHD")]
    parts = company_parts([*RECEIPTS, *others])
    assert len({part for name, part in parts.items() if name.startswith("alpine")}) == 1
    assert company_parts(list(reversed([*RECEIPTS, *others]))) == parts


def test_every_receipt_is_in_one_part():
    held = {part: receipts_of(part, RECEIPTS) for part in PARTS if part in company_parts(RECEIPTS).values()}
    assert sum(map(len, held.values())) == len(RECEIPTS) and len(held) >= 2
    companies = [{page.description["facts"]["company"] for page in pages} for pages in held.values()]
    assert not set.intersection(*companies)


def test_questions_are_answered_by_the_description_alone():
    for page in receipts_of("test", RECEIPTS):
        date, total = page.questions
        shown = collapsed(page.truth.text)
        assert date.answers == ("25/12/2018",) and collapsed(date.answers[0]) in shown
        assert total.answers[0].startswith("RM ") and total.answers[1] in shown
        assert {one.kind for one in page.questions} == {"receipt"}
        assert page.image.shape == (60, 40, 3) and page.truth.lines[0].text == page.description["facts"]["company"]


def test_answers_that_do_not_stand_there_are_not_asked_for():
    missing = [receipt(number, COMPANIES[number % 7], date="1 January", total="") for number in range(1, 15)]
    with pytest.raises(NoPages, match="none of 14"):
        receipts_of("test", missing)


def test_receipts_of_a_benchmark_are_never_trained_on():
    named = {one.name for one in RECEIPTS}
    assert receipts_of("test", RECEIPTS, never_trained_on=named)
    for part in ("train", "validation"):
        with pytest.raises(NoPages, match=part):
            receipts_of(part, RECEIPTS, never_trained_on=named)


def test_images_that_cannot_be_read_or_are_of_another_size_are_refused():
    for wrong in (b"no image", encoded(10, 10)):
        with pytest.raises(NoPages, match="receipt '"):
            receipts_of("test", [Receipt(one.name, one.fields, one.texts, encoded=wrong) for one in RECEIPTS])
