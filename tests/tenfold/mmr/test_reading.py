"""Images are read once each, the same by any number of threads, and pages survive the way through a file."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.mmr.errors import InvalidReading, MissingPage
from tenfold.mmr.queries import Query
from tenfold.mmr.reading import images_of, load_pages, page_of, read_pages, reading_recall, write_pages
from tenfold.ocr.descriptions import described
from tenfold.ocr.errors import InvalidPages, UnknownEngine
from tenfold.ocr.page import Page, Word
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import draw_words

TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=12)


def images(count: int) -> dict[str, np.ndarray]:
    return {f"image-{number}": np.full((70, 80 + number, 3), 255, np.uint8) for number in range(count)}


def test_pages_come_in_the_order_of_the_images_whatever_the_threads():
    seen = []
    for threads in (1, 3, 9):
        reading = read_pages(images(5), "none", threads=threads, progress=lambda done, of: seen.append((done, of)))
        assert list(reading.pages) == list(images(5))
        assert [page.width for page in reading.pages.values()] == [80, 81, 82, 83, 84]
    assert seen[:5] == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)] and reading.engine == "none"
    assert reading.cpu_seconds >= 0 and reading.seconds > 0


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


def test_what_cannot_be_read_is_an_error():
    with pytest.raises(UnknownEngine, match="magic"):
        read_pages(images(1), "magic")
    with pytest.raises(InvalidReading, match="not 0"):
        read_pages(images(1), "none", threads=0)
    with pytest.raises(InvalidPages, match="uint8"):
        read_pages({"a": np.zeros((3, 3, 3))}, "none")  # type: ignore[dict-item]
    assert read_pages({}, "none").pages == {}


@given(st.dictionaries(st.text("0123456789abcdef", min_size=1), st.lists(TEXTS, max_size=3), max_size=3))
def test_pages_survive_the_way_through_a_file(tmp_path_factory, texts):
    pages = {
        digest: Page(90, 50, tuple(Word(word, (1.5, 2.0, 30.2, 9.9), 0.5, n) for n, word in enumerate(words)), "test")
        for digest, words in texts.items()
    }
    path = tmp_path_factory.mktemp("pages") / "ocr.jsonl"
    write_pages(pages, path)
    assert load_pages(path) == pages and list(load_pages(path)) == list(pages)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "ocr.jsonl:1 is no page"),
        ("\n[1]", "ocr.jsonl:2 is no page"),
        ('{"image": "a", "width": 2, "height": 2, "words": [["x"]], "engine": "e"}', "is no page"),
        ('{"image": 3, "width": 2, "height": 2, "words": [], "engine": "e"}', "is no digest"),
        (
            '{"image": "a", "width": 2, "height": 2, "words": [], "engine": "e"}\n' * 2,
            "ocr.jsonl:2.*has a page already",
        ),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path, content, message):
    (tmp_path / "ocr.jsonl").write_text(content)
    with pytest.raises(InvalidReading, match=message):
        load_pages(tmp_path / "ocr.jsonl")
    with pytest.raises(InvalidReading, match="there is no file"):
        load_pages(tmp_path / "other.jsonl")


def test_a_described_image_that_was_not_read_is_an_error():
    truth = {"a": Page(9, 9, (Word("x", (0, 0, 5, 5)),), "described")}
    with pytest.raises(MissingPage, match="1 of 1 described"):
        reading_recall(truth, {})
