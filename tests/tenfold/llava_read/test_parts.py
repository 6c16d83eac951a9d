"""Training, validation and test pages share no word, design, layout or image, nor any with the reading benchmark."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.llava_read.chart_layouts import FORMS
from tenfold.llava_read.layouts import ARRANGEMENTS
from tenfold.llava_read.pages import draw_pages
from tenfold.llava_read.parts import LAYOUTS, PARTS, UNWRITTEN, assets_of, fonts_of, part_of, words_of
from tenfold.rendering import reading_parts
from tenfold.rendering.errors import CannotSplit
from tenfold.rendering.fonts import bundled_fonts


def test_no_two_parts_share_a_design_a_word_or_a_layout():
    parts = {part: assets_of(part, bundled_fonts()) for part in PARTS}
    for one, other in combinations(PARTS, 2):
        assert not {font.design for font in parts[one].fonts} & {font.design for font in parts[other].fonts}
        assert not set(parts[one].words) & set(parts[other].words)
        assert not set(LAYOUTS[one]) & set(LAYOUTS[other])
    assert {layout for part in PARTS for layout in LAYOUTS[part]} == {*ARRANGEMENTS, *FORMS}
    assert all(set(LAYOUTS[part]) & set(FORMS) for part in PARTS)


def test_nothing_is_shared_with_the_items_of_the_reading_benchmark():
    items = reading_parts.assets_of("evaluation", bundled_fonts())
    for part in PARTS:
        here = assets_of(part, bundled_fonts())
        assert not {font.design for font in here.fonts} & {font.design for font in items.fonts}
        assert not set(here.words) & set(items.words)
        assert not set(LAYOUTS[part]) & set(reading_parts.LAYOUTS["evaluation"])
    assert part_of(items.words[0]) is None


def test_no_word_names_a_colour_or_a_shape():
    written = {word for part in PARTS for word in words_of(part)}
    assert not written & UNWRITTEN and len(written) > 1500


def written(pages):
    texts = {word.text.casefold().strip(":") for page in pages for word in page.truth.words}
    return {text for text in texts if text.isalpha()}


def test_pages_share_no_id_no_image_and_no_word_between_parts():
    drawn = {part: list(draw_pages(part, 10, seed=0, fonts=bundled_fonts())) for part in PARTS}
    for one, other in combinations(PARTS, 2):
        assert not {page.id for page in drawn[one]} & {page.id for page in drawn[other]}
        assert not {page.sha256 for page in drawn[one]} & {page.sha256 for page in drawn[other]}
        texts = [
            {word.text.casefold().strip(":") for page in drawn[part] for word in page.truth.words}
            for part in (one, other)
        ]
        assert not {word for word in texts[0] & texts[1] if word.isalpha()}


@given(st.text(min_size=1, max_size=12))
def test_a_name_has_one_part_whatever_its_case(name):
    assert part_of(name) == part_of(name.casefold())
    assert (part_of(name) is None) == (reading_parts.part_of(name) == "evaluation")


def test_a_part_that_would_be_empty_is_refused():
    training = fonts_of("train", bundled_fonts())
    with pytest.raises(CannotSplit, match="'test'"):
        fonts_of("test", training)
    with pytest.raises(CannotSplit, match="none of the words"):
        words_of("train", ["red"])
