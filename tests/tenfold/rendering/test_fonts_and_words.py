"""Fonts, words, colours and the parts that share none of them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.rendering.backgrounds import photograph, random_background
from tenfold.rendering.colours import NAMED, contrast_ratio, delta_e, lab, readable_on
from tenfold.rendering.errors import CannotSplit, InvalidDrawing, MissingFonts
from tenfold.rendering.fonts import bundled_fonts, fonts_in, split_fonts
from tenfold.rendering.splits import disjoint_parts
from tenfold.rendering.words import drawn_words, english_words, split_words

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


def test_the_fonts_that_are_always_there_have_licences_and_four_designs():
    fonts = bundled_fonts()
    assert {font.design for font in fonts} == {"dejavu sans", "dejavu serif", "dejavu sans mono", "stixgeneral"}
    assert all(font.licence for font in fonts) and len({font.name for font in fonts}) == len(fonts) == 15


def test_a_folder_of_fonts_is_read_with_the_licences_in_the_files(tmp_path):
    for font in bundled_fonts()[:2]:
        shutil.copy(font.path, tmp_path)
    symbols = bundled_fonts()[0].path.with_name("STIXSizOneSymReg.ttf")  # no letters: left out
    shutil.copy(symbols, tmp_path)
    found = fonts_in(tmp_path)
    assert [font.name for font in found] == ["DejaVu Sans Bold", "DejaVu Sans Book"]
    assert all("Bitstream" in font.licence for font in found)
    assert found[1].sha256 == bundled_fonts()[0].sha256


def test_folders_without_fonts_are_refused(tmp_path):
    with pytest.raises(MissingFonts, match="holds no font"):
        fonts_in(tmp_path)
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    with pytest.raises(MissingFonts, match="cannot be read"):
        fonts_in(tmp_path)


def test_no_design_is_in_two_parts():
    parts = split_fonts(bundled_fonts(), {"train": 0.5, "validation": 0.25, "test": 0.25}, seed=3)
    designs = [{font.design for font in part} for part in parts.values()]
    assert sum(map(len, designs)) == len(set.union(*designs)) == 4
    assert sum(map(len, parts.values())) == 15


def test_words_are_english_lower_case_and_in_no_two_parts():
    words = english_words()
    assert len(words) > 2900 and list(words) == sorted(set(words)) and all(word.isalpha() for word in words)
    assert {"open", "house", "government"} <= set(words) and not {"murder", "rape"} & set(words)
    parts = split_words(words, SHARES, seed=1)
    assert sum(map(len, parts.values())) == len(words) == len(set().union(*parts.values()))
    assert len(parts["train"]) == round(0.7 * len(words))
    assert split_words(words, SHARES, seed=1) == parts != split_words(words, SHARES, seed=2)
    assert all(len(word) == 4 for word in english_words(4, 4))


@given(st.lists(st.text(min_size=1, max_size=3), min_size=3, max_size=40), st.integers(0, 5))
def test_parts_keep_every_item_once_and_share_no_key(items, seed):
    def key(item: str) -> str:
        return item.casefold()

    if len({key(item) for item in items}) < 3:
        with pytest.raises(CannotSplit, match="cannot fill"):
            disjoint_parts(items, SHARES, seed=seed, key=key)
        return
    parts = disjoint_parts(items, SHARES, seed=seed, key=key)
    assert sorted(item for part in parts.values() for item in part) == sorted(items)
    keys = [{key(item) for item in part} for part in parts.values()]
    assert all(keys) and len(set.union(*keys)) == sum(map(len, keys))


def test_shares_must_add_up():
    for shares in ({}, {"a": 0.5}, {"a": 1.5, "b": -0.5}):
        with pytest.raises(CannotSplit, match="add up to 1"):
            disjoint_parts("abc", shares, seed=0, key=str)


def test_words_are_drawn_without_repetition_and_with_equal_chances():
    generator = np.random.default_rng(0)
    words = list("abcdefgh")
    for count in (1, 4, 5, 8):
        drawn = drawn_words(words, count, generator)
        assert len(drawn) == len(set(drawn)) == count
    assert sorted(drawn_words(words, 16, generator)) == sorted(words * 2)
    counts = np.bincount([words.index(drawn_words(words, 3, generator)[0]) for _ in range(4000)], minlength=8)
    assert abs(counts - 500).max() < 5 * np.sqrt(500)


def test_contrast_and_colour_distance_have_their_published_values():
    assert contrast_ratio((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast_ratio((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)  # WCAG's own example
    assert lab((255, 255, 255)) == pytest.approx([100, 0, 0], abs=0.02)
    assert lab((255, 0, 0)) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)  # CIE 1976 under D65
    assert delta_e((10, 20, 30), (10, 20, 30)) == 0
    assert all(readable_on(colour) for colour in NAMED.values())


def test_backgrounds_have_their_size_and_come_from_the_photograph():
    generator = np.random.default_rng(0)
    source = np.arange(120 * 160 * 3, dtype=np.uint8).reshape(120, 160, 3)
    kinds = {random_background(48, 32, (200, 30, 30), generator, photographs=(source,)).kind for _ in range(60)}
    assert kinds == {"plain", "gradient", "paper", "stripes", "photograph"}
    assert photograph(160, 120, source, generator).tobytes() == source.tobytes()
    with pytest.raises(InvalidDrawing, match="smaller than the canvas"):
        photograph(200, 100, source, generator)
