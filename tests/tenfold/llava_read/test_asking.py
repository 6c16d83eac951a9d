"""What stands in a prompt: with OCR text and without it is another one, and the words that a budget cuts are named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tenfold.llava_read.asking import FILE, Asking, OcrLayout
from tenfold.llava_read.errors import InvalidParts
from tenfold.llava_read.reading_errors import InvalidPrompt
from tenfold.ocr.page import Page, Word

IMAGE = np.zeros((40, 100, 3), dtype=np.uint8)


def page_of(*texts: str) -> Page:
    words = tuple(Word(text, (10, 10 * row, 90, 10 * row + 8), 1.0, row) for row, text in enumerate(texts))
    return Page(100, 400, words, "PP-OCRv6 small (rapidocr 3.10.0)")


def test_with_ocr_text_and_without_the_prompt_is_another_one_and_says_its_source():
    page = page_of("Total", "9.50")
    asked = {ocr: Asking(ocr=ocr).asked("Total?", IMAGE, page) for ocr in ("none", "plain", "xy_cut", "space")}
    assert asked["none"].prompt == "Total?" and asked["none"].ocr_source == "none" and not asked["none"].used
    assert asked["plain"].prompt == "Text on the page:\nTotal 9.50\nTotal?"
    assert asked["space"].prompt == "Text on the page:\nTotal\n9.50\nTotal?"
    assert {one.ocr_source for name, one in asked.items() if name != "none"} == {"ppocr6"}
    assert len({asked[name].prompt_sha256 for name in ("none", "plain", "space")}) == 3
    changed = Asking(ocr="space").asked("Total?", IMAGE, page_of("Total", "8.50"))
    assert changed.prompt_sha256 != asked["space"].prompt_sha256


def test_a_model_without_eyes_is_given_no_image():
    assert Asking(image=False).asked("Total?", IMAGE, page_of("a")).image is None
    assert Asking(ocr="none", image=False).asked("Total?").prompt == "Total?"
    assert Asking(ocr="none").asked("Total?", IMAGE).image is IMAGE


def test_two_columns_are_read_column_by_column_and_by_rows():
    boxes = {"title": (0, 0, 100, 8), "L1": (0, 20, 40, 28), "R1": (60, 20, 100, 28)}
    boxes |= {"L2": (0, 30, 40, 38), "R2": (60, 30, 100, 38)}
    page = Page(100, 40, tuple(Word(text, box) for text, box in boxes.items()), "described")
    orders: dict[OcrLayout, str] = {"xy_cut": "title L1 L2 R1 R2", "plain": "title L1 R1 L2 R2"}
    for ocr, expected in orders.items():
        asked = Asking(ocr=ocr).asked("?", IMAGE, page)
        assert expected in asked.prompt and " ".join(word.text for word in asked.used) == expected


@given(
    texts=some.lists(some.text("ab.1", min_size=1, max_size=5), min_size=1, max_size=9),
    budget=some.integers(1, 60),
    policy=some.sampled_from(["head", "head_tail"]),
    ocr=some.sampled_from(["plain", "xy_cut", "space"]),
)
def test_used_and_cut_words_are_all_words_and_the_used_ones_stand_in_the_prompt(texts, budget, policy, ocr):
    page = page_of(*texts)
    asked = Asking(ocr=ocr, budget=budget, policy=policy).asked("?", IMAGE, page)
    assert sorted(word.box for word in (*asked.used, *asked.cut)) == sorted(word.box for word in page.words)
    assert asked.text is not None
    assert asked.text.text.replace("\n...\n", " ").split() == [word.text for word in asked.used]
    assert asked.text.truncated or not asked.cut  # spaces alone may be cut, and no word


def test_a_cut_of_spaces_alone_cuts_no_word():
    words = (Word("left", (0, 0, 20, 8), 1.0, 0), Word("right", (900, 40, 930, 48), 1.0, 1))
    asked = Asking(budget=40, policy="head_tail").asked("?", IMAGE, Page(1000, 60, words, "described"))
    assert asked.text is not None and asked.text.text == "left\n...\nright" and asked.used == words and not asked.cut


def test_the_end_of_a_page_survives_a_cut_by_head_and_tail():
    page = page_of(*(f"item{row}" for row in range(20)), "Total", "9.50")
    head = Asking(budget=40).asked("?", IMAGE, page)
    both = Asking(budget=40, policy="head_tail").asked("?", IMAGE, page)
    assert "9.50" not in head.prompt and "9.50" in both.prompt and "item0" in both.prompt
    assert len(both.cut) + len(both.used) == 22 and both.used[-1].text == "9.50"


def test_what_makes_no_sense_is_refused():
    for wrong, words in (
        ({"ocr": "columns"}, "no OCR layout is called"),
        ({"ocr": "none", "budget": 3}, "no use for a budget"),
        ({"policy": "head"}, "without a budget"),
        ({"reply_tokens": 0}, "reply_tokens = 0 must be a whole number of at least 1"),
        ({"reply_tokens": 2.5}, "reply_tokens = 2.5"),
        ({"budget": 0}, "budget = 0"),
        ({"budget": float("nan")}, "budget = nan"),
        ({"budget": True}, "budget = True"),
        ({"budget": 9, "policy": "tail"}, "no policy is called 'tail'"),
        ({"image": "no"}, "image = 'no'"),
        ({"engine": "magic"}, "no engine is called 'magic'"),
        ({"enlarge": 0}, "enlarge = 0"),
        ({"ocr": "none", "engine": "ppocr6"}, "no use for"),
        ({"ocr": "none", "enlarge": 2}, "no use for"),
    ):
        with pytest.raises(InvalidPrompt, match=words):
            Asking(**wrong)
    with pytest.raises(InvalidPrompt, match="has a text"):
        Asking().asked(" ", IMAGE, page_of("a"))
    with pytest.raises(InvalidPrompt, match="give the image"):
        Asking().asked("?", None, page_of("a"))
    for nothing in ([], (), [[]], [None]):
        with pytest.raises(InvalidPrompt, match="give the image"):
            Asking().asked("?", nothing, page_of("a"))
    with pytest.raises(InvalidPrompt, match="give the page"):
        Asking().asked("?", IMAGE)
    with pytest.raises(InvalidPrompt, match="hold no white space"):
        Asking().asked("?", IMAGE, page_of("two words"))


def test_a_folder_says_how_its_model_is_asked(tmp_path):
    assert Asking.load(tmp_path) == Asking()
    own = Asking(ocr="plain", image=False, budget=64, policy="head_tail", reply_tokens=8)
    own.save(tmp_path)
    assert Asking.load(tmp_path) == own
    for content in (
        "[1]",
        "{",
        json.dumps({"ocr": "columns"}),
        json.dumps({"layout": "space"}),
        json.dumps({"ocr": []}),
    ):
        (tmp_path / FILE).write_text(content)
        with pytest.raises(InvalidParts, match=r"asking\.json"):
            Asking.load(tmp_path)


def test_a_folder_keeps_the_engine_only_where_it_is_known(tmp_path):
    Asking(budget=np.int64(64), reply_tokens=8).save(tmp_path)  # type: ignore[arg-type]
    assert set(json.loads((tmp_path / FILE).read_text())) == {"ocr", "image", "budget", "policy", "reply_tokens"}
    own = Asking(engine="ppocr4", enlarge=2)
    own.save(tmp_path)
    assert Asking.load(tmp_path) == own
