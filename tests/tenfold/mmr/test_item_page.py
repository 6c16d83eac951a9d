"""The page shows each item with both readings of each reply, says which items it shows, and keeps to its size."""

from __future__ import annotations

import json
import re
from collections import Counter
from html import unescape
from pathlib import Path

import pytest

from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.item_page import write_item_page
from tenfold.viewing.errors import PageTooLarge
from tests.tenfold.mmr.looked_at import encoded, item, items, reply, with_image

VERBOSE = "The title on this cover seems to be Prodigal Night, in large letters"


def facets(page: str) -> list[dict[str, str]]:
    return [json.loads(unescape(found)) for found in re.findall(r'data-facets="(.*?)"', page)]


def test_each_reply_stands_beside_both_readings(tmp_path: Path) -> None:
    rows = items(item("recognition_label"), item("font_color", url="https://example.org/a.jpg"))
    replies = [reply("recognition_label", VERBOSE), reply("font_color", "2")]
    write_item_page(rows, {"ours": replies}, tmp_path / "page.html", notes=["A note."])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    first, second = page.split("<article")[1:]
    assert re.findall(r"<b>(.*?)</b>", first) == ["text", "Reply", "Official reading", "Mended reading"]
    chips = re.findall(r'<span class="chip (\w+)">(\d of \d)</span>', first)
    assert chips == [("good", "1 of 1"), ("bad", "0 of 1")]
    assert VERBOSE in first and "Prodigal Night" in first
    options = re.findall(r"<li><bdi>(.*?)</bdi>(.*?)</li>", second)
    assert [text for text, _ in options] == ["1. red", "2. blue", "3. green", "4. white"]
    assert re.findall(r'">(\w+)</span>', options[1][1]) == ["right", "ours"] and not options[0][1]
    assert "https://example.org/a.jpg" in second and "published at" not in first
    assert "A note." in page and "Their images are not here." in page


def test_filters_tell_tasks_bands_layouts_models_and_differing_readings_apart(tmp_path: Path) -> None:
    rows = items(
        item("recognition_label", band="small", layout="cover"), item("font_color", band="large", layout="sign")
    )
    one = [reply("recognition_label", VERBOSE), reply("font_color", "3")]
    write_item_page(rows, {"one": one, "two": []}, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    found = facets(page)
    assert [each["readings"] for each in found] == ["official ≠ mended", "official = mended"]
    assert [each["model one"] for each in found] == ["one: right", "one: wrong"]
    assert {each["model two"] for each in found} == {"two: no answer"}
    assert [each["verdict"] for each in found] == ["some right", "none right"]
    names = re.findall(r'<select name="(.*?)"', page)
    assert names == [
        "task",
        "band",
        "layout",
        "readings",
        "model one",
        "verdict",
    ]  # of "two" there is nothing to choose


def test_boxes_are_drawn_over_the_image_and_models_named_below(tmp_path: Path) -> None:
    rows = with_image(tmp_path, item("grounding_o", file="a.png"), item("font_color", file="b.png"))
    right = [reply("grounding_o", "[0.1, 0.2, 0.5, 0.6]")]
    write_item_page(rows, {"one": right, "two": []}, tmp_path / "page.html")
    first, second = (tmp_path / "page.html").read_text(encoding="utf-8").split("<article")[1:]
    assert re.findall(r'<g class="(\w+)">', first) == ["notice", "good"]
    assert "page; 1: one; 2: two" in first and "<img" in second and "<svg" not in second


def test_items_can_be_looked_at_without_replies(tmp_path: Path) -> None:
    rows = with_image(tmp_path, item("grounding_t", file="a.png", also=("Nights",)))
    write_item_page(rows, {}, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<g class="notice">' in page and "also right: Nights" in page and "reading" not in page.split("<article")[1]


def test_failed_calls_hostile_and_endless_replies_are_shown_as_such(tmp_path: Path) -> None:
    rows = items(*(item("recognition_label", key) for key in "abc"))
    hostile = "</script><script>alert(1)</script>\x00"
    replies = [reply("a", None, why="500 after 5 tries"), reply("b", hostile), reply("c", "x" * 20_000)]
    write_item_page(rows, {"<b>": replies}, tmp_path / "page.html", title=hostile)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1 and "\x00" not in page and "␀" in page
    assert "failed: 500 after 5 tries" in page and "(none came)" in page and "17,000 more characters" in page
    assert Counter(each["verdict"] for each in facets(page)) == {"no answer": 1, "wrong": 2}


def test_of_many_items_an_even_choice_is_shown_and_the_page_says_so(tmp_path: Path) -> None:
    rows = items(
        *(item("font_color", f"c{number}") for number in range(30)), *(item("grounding_o", f"g{n}") for n in range(3))
    )
    replies = [reply(f"c{number}", "2" if number < 25 else "1") for number in range(30)]
    write_item_page(rows, {"m": replies}, tmp_path / "page.html", most=9)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert Counter((each["task"], each["verdict"]) for each in facets(page)) == {
        ("font_color", "right"): 3,
        ("font_color", "wrong"): 3,
        ("grounding_o", "no answer"): 3,
    }
    assert "9 of 33 items, a fixed choice" in page
    write_item_page(rows, {"m": replies}, tmp_path / "again.html", most=9)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_images_are_reduced_and_then_items_left_out_to_stay_below_a_size(tmp_path: Path) -> None:
    rows = with_image(
        tmp_path,
        *(item("grounding_o", f"g{number}", file=f"{number}.png") for number in range(8)),
        data=encoded(300, 300, noise=True),
    )
    sizes = {}
    for most_bytes in (2_500_000, 300_000, 100_000):
        write_item_page(rows, {}, tmp_path / "page.html", most_bytes=most_bytes)
        data = (tmp_path / "page.html").read_bytes()
        sizes[most_bytes] = data.count(b"<article")
        assert len(data) <= most_bytes
    assert sizes == {2_500_000: 8, 300_000: 8, 100_000: 5} and b"would make the page too large" in data
    with pytest.raises(PageTooLarge):
        write_item_page(rows, {}, tmp_path / "none.html", most_bytes=5_000)
    assert not (tmp_path / "none.html").exists()


def test_predictions_of_other_items_and_models_without_a_name_are_refused(tmp_path: Path) -> None:
    rows = items(item("font_color"))
    with pytest.raises(InvalidPredictions, match="no item of made up has the key 'other'"):
        write_item_page(rows, {"m": [reply("other", "2")]}, tmp_path / "page.html")
    with pytest.raises(InvalidPredictions, match="a model has a name"):
        write_item_page(rows, {" ": []}, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())
