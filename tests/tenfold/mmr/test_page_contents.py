"""Regions, relations and flaws of pages, on canvases whose sides differ."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.mmr.page_contents import OPPOSITE, REGIONS, Contents, PageObject, PageText, contents_of, flaw_of
from tenfold.rendering.backgrounds import plain
from tenfold.rendering.canvas import Canvas
from tenfold.rendering.colours import NAMED
from tenfold.rendering.drawing import TextStyle
from tenfold.rendering.fonts import bundled_fonts

WIDE = Contents(600, 300, (), ())
BOXES = st.tuples(st.integers(0, 560), st.integers(0, 260), st.integers(5, 40), st.integers(5, 40)).map(
    lambda one: (one[0], one[1], one[0] + one[2], one[1] + one[3])
)


def text(words: str, box: tuple[int, int, int, int] = (0, 0, 10, 10)) -> PageText:
    return PageText(words, box, "text", 12, 9, "black")


@pytest.mark.parametrize("place", range(9))
def test_a_centre_in_the_middle_of_a_ninth_is_in_it(place):
    row, column = divmod(place, 3)
    x, y = 100 + 200 * column, 50 + 100 * row
    assert WIDE.region((x - 10, y - 10, x + 10, y + 10)) == REGIONS[place]


def test_a_centre_near_a_border_is_in_no_ninth():
    """5 % of 600 is 30 pixels: clear at 169, not at 171; the height's borders are at 100 and 200."""
    assert WIDE.region((159, 40, 179, 60)) == "top left"
    assert WIDE.region((161, 40, 181, 60)) is None
    assert WIDE.region((90, 76, 110, 92)) == "top left" and WIDE.region((90, 78, 110, 94)) is None


def test_relations_are_told_by_edges_centres_and_facing():
    anchor = (280, 140, 320, 160)
    assert WIDE.direction((280, 100, 320, 120), anchor) == "above"
    assert WIDE.direction((280, 180, 320, 200), anchor) == "below"
    assert WIDE.direction((200, 140, 240, 160), anchor) == "left"
    assert WIDE.direction((360, 140, 400, 160), anchor) == "right"
    assert WIDE.direction((360, 100, 400, 120), anchor) == "above right"
    assert WIDE.direction((200, 180, 240, 200), anchor) == "below left"
    assert WIDE.direction((280, 125, 320, 139), anchor) is None  # 18 of 300 pixels: less than a tenth
    assert WIDE.direction((310, 100, 350, 120), anchor) is None  # faces a quarter of it
    assert WIDE.direction((200, 100, 320, 150), anchor) is None  # overlaps


@given(BOXES, BOXES)
def test_a_relation_seen_from_the_other_side_is_the_opposite_one(one, other):
    there, back = WIDE.direction(one, other), WIDE.direction(other, one)
    assert (there is None) == (back is None)
    if there is not None and back is not None:
        assert back == " ".join(OPPOSITE[word] for word in there.split())


@given(BOXES, st.integers(0, 10))
def test_relations_and_regions_do_not_depend_on_the_scale(one, place):
    double = Contents(1200, 600, (), ())
    other = (40 * place, 20 * place, 40 * place + 30, 20 * place + 20)
    twice = [tuple(2 * edge for edge in box) for box in (one, other)]
    assert double.direction(*twice) == WIDE.direction(one, other)
    assert double.region(twice[0]) == WIDE.region(one)


@given(BOXES)
def test_shares_bring_a_box_back_within_a_tenth_of_a_pixel(box):
    shares = np.array(json.loads(WIDE.shares(box)))
    assert np.abs(shares * [600, 300, 600, 300] - box).max() < 0.1
    assert shares.min() >= 0 and shares.max() <= 1


def test_the_contents_of_a_drawing_are_its_blocks_and_shapes():
    canvas = Canvas(plain(400, 200, NAMED["white"]))
    style = TextStyle(bundled_fonts()[0], 20, NAMED["red"])
    canvas.next_block()
    first = canvas.write("two lines", 10, 10, style, role="title")
    second = canvas.write("of one", 10, 40, style, role="title")
    canvas.next_block()
    canvas.write("another", 200, 10, style)
    canvas.shape("moon", (300, 100, 340, 140), "teal")
    contents = contents_of(canvas.finished("test"))
    assert [one.text for one in contents.texts] == ["two lines of one", "another"]
    title = contents.texts[0]
    assert title.box == (10 + first.box[0] - 10, first.box[1], max(first.box[2], second.box[2]), second.box[3])
    assert (title.role, title.size, title.colour) == ("title", 20, "red")
    assert title.height == max(box[3] - box[1] for box in (first.box, second.box))
    assert [one.name for one in contents.objects] == ["teal crescent moon"]
    assert flaw_of(contents) is None


@pytest.mark.parametrize(
    ("texts", "flaw"),
    [
        (("Open House", "Late Open"), "twice"),
        (("Open House", "OPEN HOUSE"), "twice"),
        (("Strange", "Stranger"), "alike"),
        (("Art", "Party Hall"), "alike"),
        (("Open", "Large Field"), None),
    ],
)
def test_texts_that_could_be_taken_for_each_other_are_a_flaw(texts, flaw):
    placed = tuple(text(words, (0, 20 * place, 10, 20 * place + 10)) for place, words in enumerate(texts))
    found = flaw_of(Contents(200, 100, placed, ()))
    assert found is None if flaw is None else found is not None and flaw in found


def test_things_that_overlap_or_share_a_name_are_a_flaw():
    star = PageObject("red star", (5, 5, 30, 30))
    assert flaw_of(Contents(200, 100, (text("Open"),), (star,))) == "two things overlap"
    apart = PageObject("red star", (50, 5, 80, 30))
    assert flaw_of(Contents(200, 100, (), (star, apart))) == "two objects have one name"
    assert flaw_of(Contents(200, 100, (text("Open", (30, 5, 60, 20)),), (star,))) is None  # they only touch


def test_pages_with_texts_that_are_nearly_equal_are_not_asked_about():
    def flaw(one: str, other: str) -> str | None:
        return flaw_of(Contents(600, 300, (text(one), text(other, (100, 100, 110, 110))), ()))

    assert flaw("morning", "mourning") == flaw("silent river", "silver rivers") == "two texts are alike"
    assert flaw("morning", "a harbour") is None
