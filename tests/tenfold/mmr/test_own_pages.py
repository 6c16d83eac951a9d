"""What another OCR read, from a file of one's own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tenfold.mmr.errors import InvalidReading, MissingPage
from tenfold.mmr.items import ItemSet
from tenfold.mmr.own_pages import read_own_pages
from tenfold.mmr.predictions import read_predictions
from tenfold.mmr.showing import Showing

FILES = ("image-0.png", "image-1.png")


def written(path, *rows):
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8-sig")
    return path


def row(file="image-0.png", text="SALE today", box=(4, 3, 36, 12)):
    return {"file": file, "words": [[text, list(box)]]}


@pytest.fixture
def own(tmp_path):
    return written(tmp_path / "mine.jsonl", *(row(file, f"Größe {file}") for file in FILES))


def test_a_line_becomes_words_and_a_page_that_of_its_image(items, own):
    pages = read_own_pages(own)
    pages.check(items)
    queries = list(Showing().queries(items))
    found = pages.pages(items, iter(queries))
    assert set(found) == {query.image_digest for query in queries} and len(found) == 2
    for item, query in zip(items.rows, queries, strict=True):
        page = found[query.image_digest]
        assert page.text == f"Größe {item.file}" and (page.width, page.height) == (item.width, item.height)
        assert [word.text for word in page.words] == ["Größe", item.file] and page.words[1].box[2] == 36
    assert pages.name == "mine" and page.engine == f"mine {pages.sha256[:8]}"


def test_every_item_has_a_page(items, own):
    first = items.rows[0]
    strange = ItemSet("strange", (first, replace(first, key="b", file="other.png")))
    with pytest.raises(MissingPage, match=r"1 of 2 items have no page; the first is 'b', of the image 'other\.png'"):
        read_own_pages(own).check(strange)


def test_two_files_of_the_same_pixels_have_the_same_words(items, own):
    first = items.rows[0]
    (items.folder / "images" / "image-1.png").write_bytes(items.image_path(first).read_bytes())
    with pytest.raises(InvalidReading, match="the pixels of another file"):
        read_own_pages(own).pages(items, Showing().queries(items))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ((), "holds no page"),
        (([1],), ":1: each line is an object such as"),
        (({"file": "a.png"},), ":1: each line is an object such as"),
        (({"file": 3, "words": []},), ":1: each line is an object such as"),
        ((row(), row()), r":2: 'image-0\.png' has a page already"),
        ((row(box=(4, 3, 4, 12)),), ":1: words are"),
        ((row(box=(4, 12, 36, 3)),), "y0 < y1"),
        ((row(box=(4, 3, 36, float("nan"))),), ":1: words are"),
        ((row(box=(4, 3, 36, 10**400)),), ":1: words are"),
        ((row(box=("4", 3, 36, 12)),), ":1: words are"),
        ((row(text=7),), ":1: words are"),
        ((row(box=(0.1, 0.1, 0.9, 0.4)),), "in pixels of the image, not in shares"),
    ],
)
def test_what_is_no_page_is_refused_by_line(tmp_path, rows, says):
    with pytest.raises(InvalidReading, match=says):
        read_own_pages(written(tmp_path / "mine.jsonl", *rows))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InvalidReading, match="there is no file"):
        read_own_pages(tmp_path / "none.jsonl")
    (tmp_path / "mine.csv").write_text("file,words\n")
    with pytest.raises(InvalidReading, match="this is no JSON"):
        read_own_pages(tmp_path / "mine.csv")
    (tmp_path / "latin.jsonl").write_bytes("ä".encode("latin-1"))
    with pytest.raises(InvalidReading, match="not in UTF-8"):
        read_own_pages(tmp_path / "latin.jsonl")


def test_a_run_over_pages_of_ones_own(tenfold, items, own, tmp_path):
    command = ("mmr", "run", "--model", "page_dump", "--items", items.folder)
    tenfold(*command, "--pages", own, "--out", tmp_path / "run")
    replies = read_predictions(tmp_path / "run" / "predictions.jsonl")
    assert [one.reply for one in replies] == [f"Größe {one.file}" for one in items.rows]
    model = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["settings"]["model"]
    assert model["name"] == "page_dump (pages of mine)" and model["identity"] == {"pages": read_own_pages(own).sha256}
    written(own, *map(row, FILES))
    refused = tenfold(*command, "--pages", own, "--out", tmp_path / "run", "--resume", status=1).err
    assert "holds another run" in refused and "pages was" in refused


@pytest.mark.parametrize("words", [("--side", "336"), ("--letterbox",), ("--engine", "ppocr6"), ("--enlarge", "2")])
def test_pages_belong_to_images_as_they_are(tenfold, items, own, tmp_path, words):
    command = ("mmr", "run", "--model", "ocr_rules", "--items", items.folder, "--pages", own, "--out", tmp_path / "r")
    assert f"has no use for {words[0]}" in " ".join(tenfold(*command, *words, status=2).err.replace("│", " ").split())
