"""The page's text is dumped whole, which recognition rewards; symptom of glued words as the engines have it."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.mmr.alignment import pnls, pnls_length, pnls_spaceless
from tenfold.mmr.errors import MissingPage
from tenfold.mmr.page_dump import PageDump, whole_text
from tenfold.mmr.queries import Query
from tenfold.ocr.page import Page, Word
from tenfold.ocr.word_recall import recall

IMAGE = np.full((60, 300, 3), 255, np.uint8)


def page(*texts: str) -> Page:
    words = (Word(text, (10 + 90 * n, 10, 90 + 90 * n, 30), 1.0, 0) for n, text in enumerate(texts))
    return Page(300, 60, tuple(words), "test")


def dumped(*texts: str):
    query = Query("k", "recognition_label", "What is the title?", "", image=IMAGE)
    (found,) = PageDump({query.image_digest: page(*texts)}).answer([query])
    return found


def test_all_that_was_read_is_the_reply_and_the_released_score_rewards_it():
    found = dumped("Silent", "Rivers", "Müller")
    assert found.reply == "Silent Rivers Müller" and found.status == "answered"
    assert pnls(["silent rivers"], [found.reply])[0] == 1
    assert pnls_length(["silent rivers"], [found.reply])[0] < 0.9


def test_glued_words_are_found_without_spaces_only():
    """Symptom: an engine leaves out spaces, and its recall falls to nothing though it read every letter."""
    glued = recall([page("Total", "revenue")], [page("Totalrevenue")])
    assert (glued.word_recall, glued.spaceless_recall) == (0, 1)
    assert pnls(["total revenue of it"], ["totalrevenueofit"])[0] < 0.9
    assert pnls_spaceless(["total revenue of it"], ["totalrevenueofit"])[0] == 1


def test_columns_are_read_one_after_the_other():
    words = [
        Word(text, (x, y, x + 50, y + 12))
        for text, x, y in (("a", 10, 10), ("c", 200, 10), ("b", 10, 30), ("d", 200, 30))
    ]
    assert whole_text(Page(300, 60, tuple(words), "test")) == "a b c d"


def test_an_empty_page_is_an_empty_reply_and_a_missing_one_an_error():
    assert dumped().status == "empty"
    with pytest.raises(MissingPage):
        PageDump({}).answer([Query("k", "font_size", "", "", image=IMAGE)])
    assert PageDump({"x": page("a")}).identity()["engines"] == ["test"] and "test" in PageDump({"x": page("a")}).name


def test_other_pages_are_another_model():
    assert PageDump({"x": page("a")}).identity() != PageDump({"x": page("b")}).identity()
