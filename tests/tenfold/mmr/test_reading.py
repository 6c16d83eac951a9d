"""What an engine read belongs to queries by their images, and recall says how much of what was drawn it is."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tenfold.mmr.errors import MissingPage
from tenfold.mmr.queries import Query
from tenfold.mmr.reading import images_of, page_of, reading_recall
from tenfold.ocr.descriptions import described
from tenfold.ocr.page import Page, Word
from tenfold.ocr.page_files import read_pages
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import draw_words


@pytest.mark.skipif(find_spec("rapidocr") is None, reason="rapidocr is not installed")
def test_two_threads_read_what_one_reads_and_recall_says_how_much():
    font = bundled_fonts()[0]
    drawings = [
        draw_words(words, font, text_size=18, size=(200, 140)) for words in (["river", "north"], ["tall", "grass"])
    ]
    queries = [Query(str(n), "font_size", "", "", image=drawing.image) for n, drawing in enumerate(drawings * 2)]
    wanted = images_of(queries)
    assert len(wanted) == 2
    one, two = (read_pages(wanted, "ppocr6", threads=threads) for threads in (1, 2))
    assert one.pages == two.pages and "PP-OCRv6" in one.engine
    truths = {query.image_digest: described(drawing) for query, drawing in zip(queries[:2], drawings, strict=True)}
    found = reading_recall(truths, one.pages)
    assert found.words == 4 and found.word_recall == found.spaceless_recall == 1
    assert page_of(one.pages, queries[3]) == one.pages[queries[1].image_digest]


def test_a_described_image_that_was_not_read_is_an_error():
    truth = {"a": Page(9, 9, (Word("x", (0, 0, 5, 5)),), "described")}
    with pytest.raises(MissingPage, match="1 of 1 described"):
        reading_recall(truth, {})
