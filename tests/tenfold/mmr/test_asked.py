"""Questions are taken apart as the official annotations, the rendered pages and the receipts word them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.mmr.asked import (
    Place,
    asked,
    directed_anchors,
    direction_of,
    place_of,
    quoted,
    role_of,
    two_things,
    wants_smaller,
)


@pytest.mark.parametrize(
    "question",
    [
        "Question: Which text is larger?\n\nChoices:\n1. One\n2. Two \n3. 3. Three\n4. Four\n\n",
        "Which text is larger?\nChoices\n1. One\n2. Two\n3. 3. Three\n4. Four",
        "Which text is larger?\n1. One\n2. Two\n3. 3. Three\n4. Four\n",
    ],
)
def test_options_are_parted_from_the_question(question):
    parts = asked(question)
    assert parts.stem == "Which text is larger?" and parts.options == ("One", "Two", "3. Three", "Four")


def test_a_question_without_options_has_none_and_numbers_in_it_stay():
    assert asked("What is the title?").options == ()
    assert asked("2. What is this?").options == ()
    assert asked("1. Look at this.\nWhich?\n1. A\n2. B").options == ("A", "B")
    assert asked("").stem == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "What is the color of the title 'The Andrews Sisters Guide to Mound'",
            ("The Andrews Sisters Guide to Mound",),
        ),
        ("What is the color of the title 'Artist's Palette'", ("Artist's Palette",)),
        ("Where is the author's name on the cover?", ()),
        ("Comparing the authors' names and the title's size", ()),
        ('Is "The Women\'s Club" above “Novena für Frieden”?', ("The Women's Club", "Novena für Frieden")),
        ('What is "" here?', ()),
    ],
)
def test_quotations_are_found_and_apostrophes_are_none(text, found):
    assert quoted(text) == found


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("At the bottom center of the image", Place(1, 2)),
        ("In the center", Place(1, 1)),
        ("middle left", Place(0, 1)),
        ("In the upper right corner.", Place(2, 0)),
        ("On the left side of the cover", Place(0, None)),
        ("Across the top", Place(None, 0)),
        ("Right below the book's title.", None),
        ("directly to the right of the navy ring in the image?", None),
        ('the text "TOP LEFT" in the image', None),
        ("In the lower left part", Place(0, 2)),
        ("On the spine of the book.", None),
    ],
)
def test_places_are_thirds(text, place):
    assert place_of(text) == place


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("Above it", (0, -1)),
        ("Above and to the left of it", (-1, -1)),
        ("Below and to the right of the text", (1, 1)),
        ("To the left", (-1, 0)),
        ("underneath the title", (0, 1)),
        ("immediately followed by the author", (0, -1)),
        ("On the cover overview", None),
        ('"Above" the rest', None),
        ("Where is it?", None),
    ],
)
def test_directions_are_those_of_the_words_outside_quotations(text, direction):
    assert direction_of(text) == direction


def test_anchors_are_the_quotations_that_follow_a_direction():
    assert directed_anchors('written below "Deep Value" and above "Finding shares" on the cover') == [
        ((0, 1), "Deep Value"),
        ((0, -1), "Finding shares"),
    ]
    assert directed_anchors('What stands between "City Lights" and "Books"?') == [
        ((0, 1), "City Lights"),
        ((0, -1), "Books"),
    ]
    assert directed_anchors('Where is the text "Above all"?') == []


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("What is the author name in the image?", "author"),
        ("the title of the book by the author", "title"),
        ("What is the subtitle", "subtitle"),
        ("What is the total amount on the receipt?", "total"),
        ("What is the company name on the receipt?", "company"),
        ('Where is "The Title"?', None),
    ],
)
def test_roles_are_named(text, role):
    assert role_of(text) == role


def test_two_things_and_sizes():
    first, other = two_things('Where is the text "A" as seen from the text "B"?') or ("", "")
    assert '"A"' in first and '"B"' in other
    first, other = two_things("On the cover, where is the author's name in relation to the title?") or ("", "")
    assert "author" in first and "title" in other
    assert two_things("Where is the title?") is None
    assert wants_smaller("Which text is the smallest?") and not wants_smaller("Is it larger or smaller?")


@given(st.text(max_size=200))
def test_no_text_is_too_odd_for_the_patterns(text):
    parts = asked(text)
    assert isinstance(parts.stem, str)
    place_of(text), direction_of(text), role_of(text), directed_anchors(text), two_things(text)
    assert all(part in text for part in quoted(text))
