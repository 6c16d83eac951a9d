"""Images are read once each, the same by any number of threads, and pages survive the way through a file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.ocr.errors import InvalidPages, UnknownEngine
from tenfold.ocr.page import Page, Word
from tenfold.ocr.page_files import load_pages, read_pages, write_pages

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


def test_what_cannot_be_read_is_an_error():
    with pytest.raises(UnknownEngine, match="magic"):
        read_pages(images(1), "magic")
    with pytest.raises(InvalidPages, match="not 0"):
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
        ('{"image": 3, "width": 2, "height": 2, "words": [], "engine": "e"}', "is no name of an image"),
        (
            '{"image": "a", "width": 2, "height": 2, "words": [], "engine": "e"}\n' * 2,
            "ocr.jsonl:2.*has a page already",
        ),
    ],
)
def test_a_file_of_something_else_is_named(tmp_path, content, message):
    (tmp_path / "ocr.jsonl").write_text(content)
    with pytest.raises(InvalidPages, match=message):
        load_pages(tmp_path / "ocr.jsonl")
    with pytest.raises(InvalidPages, match="there is no file"):
        load_pages(tmp_path / "other.jsonl")
