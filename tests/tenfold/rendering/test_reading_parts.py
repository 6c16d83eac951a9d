"""What trains a model that reads and what tests it share no font, no word and no layout."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.rendering.errors import CannotSplit
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import LAYOUTS as DRAWN_HERE
from tenfold.rendering.reading_parts import LAYOUTS, PARTS, SHARES, assets_of, fonts_of, part_of, words_of
from tenfold.rendering.words import english_words


def test_no_two_parts_share_a_design_a_word_or_a_layout():
    parts = {part: assets_of(part, bundled_fonts()) for part in PARTS}
    for one, other in combinations(PARTS, 2):
        assert not {font.design for font in parts[one].fonts} & {font.design for font in parts[other].fonts}
        assert not {word.casefold() for word in parts[one].words} & {word.casefold() for word in parts[other].words}
        assert not set(LAYOUTS[one]) & set(LAYOUTS[other])
    assert sum(len(assets.words) for assets in parts.values()) == len(english_words())
    assert sum(len(assets.fonts) for assets in parts.values()) == len(bundled_fonts())


def test_the_parts_have_about_their_shares():
    for part in PARTS:
        assert len(words_of(part)) / len(english_words()) == pytest.approx(SHARES[part], abs=0.03)
    assert sum(SHARES.values()) == pytest.approx(1)


def test_every_layout_of_this_room_trains_or_validates_and_none_tests():
    assert {*LAYOUTS["train"], *LAYOUTS["validation"]} == set(DRAWN_HERE)
    assert not set(LAYOUTS["evaluation"]) & set(DRAWN_HERE)


@given(st.text(min_size=1, max_size=12))
def test_a_name_has_one_part_whatever_its_case(name):
    assert part_of(name) in PARTS
    assert part_of(name) == part_of(name.casefold())


def test_a_part_that_would_be_empty_is_refused():
    training = [font for font in bundled_fonts() if part_of(font.design) == "train"]
    with pytest.raises(CannotSplit, match="'evaluation'"):
        fonts_of("evaluation", training)
    with pytest.raises(CannotSplit, match="bring more words"):
        words_of("validation", [])
