"""Layouts and the arrays made of them: every word arrives, in its box, or an error names what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.artist.conditioning import SPACE, UnknownLetter, condition, conditioning_dump, letter_numbers, text_of
from tenfold.artist.layouts import InvalidLayout, Layout, PlacedWord, fitted_layout

LONG = "abcdefghijklmnopqrstuvwxy"  # 25 letters; a peer cuts at 20


def layout(*words: tuple[str, tuple[int, int, int, int]], width: int = 64, height: int = 16) -> Layout:
    return Layout(width, height, tuple(PlacedWord(text, box) for text, box in words))


def naive_map(one: Layout, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Return letters and (u, v) place by place, straight from the definition."""
    shape = (one.height // stride, one.width // stride)
    letters, places = np.zeros(shape, int), np.zeros((2, *shape))
    for word in one.words:
        x0, y0, x1, y1 = word.box
        for row in range(shape[0]):
            for column in range(shape[1]):
                x, y = (column + 0.5) * stride, (row + 0.5) * stride
                if x0 <= x < x1 and y0 <= y < y1:
                    along = (x - x0) / (x1 - x0) * len(word.text)
                    letters[row, column] = ord(word.text[int(along)]) - 32
                    places[:, row, column] = along % 1, (y - y0) / (y1 - y0)
    return letters, places


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_the_character_map_is_what_its_definition_says(stride):
    one = layout(("open", (3, 1, 33, 15)), ("24H", (37, 2, 60, 13)))
    found = condition([one], stride=stride)
    letters, places = naive_map(one, stride)
    assert np.array_equal(found.letters[0], letters)
    np.testing.assert_allclose(found.places[0], places, atol=1e-6)
    assert np.array_equal(found.mask[0, 0], letters > 0)
    assert text_of(found.sequence[0]) == "open 24H" and found.sequence[0, 4] == SPACE


@given(st.data())
def test_any_layout_whose_letters_have_a_place_each_is_read_off_the_arrays_again(data):
    words, left = [], 0
    for _ in range(data.draw(st.integers(1, 3))):
        text = data.draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=6))
        x0 = left + data.draw(st.integers(0, 4))
        x1 = x0 + 2 * len(text) + data.draw(st.integers(0, 6))
        y0 = data.draw(st.integers(0, 8))
        words.append((text, (x0, y0, x1, data.draw(st.integers(y0 + 2, 16)))))
        left = x1
    one = layout(*words)
    (dump,) = conditioning_dump([one], condition([one]))
    assert [(row["text"], tuple(row["box"]), row["found"]) for row in dump] == [
        (text, box, text) for text, box in words
    ]


def test_moving_one_box_changes_the_arrays_in_the_old_and_the_new_box_alone():
    """Symptom 1: a planner's layout that never reached the model."""
    before = layout(("open", (0, 0, 24, 16)), ("late", (32, 0, 56, 16)))
    after = layout(("open", (0, 0, 24, 16)), ("late", (40, 0, 64, 16)))
    one, other = condition([before]), condition([after])
    changed = (one.letters != other.letters)[0] | (one.places != other.places)[0].any(axis=0)
    assert changed.any() and not changed[:, : 24 // 2].any()
    assert changed[:, 32 // 2 : 40 // 2].all() and changed[:, 56 // 2 :].all()
    lost = layout(width=64, height=16)
    (dump,) = conditioning_dump([before], condition([lost]))
    assert [(row["text"], row["found"], row["cells"]) for row in dump] == [("open", "", 0), ("late", "", 0)]


def test_six_lines_and_a_word_of_25_letters_are_kept_or_refused_with_the_limit():
    """Symptom 4: a peer silently samples 5 lines and cuts words at 20 letters."""
    rows = layout(*((word, (0, 16 * row, 60, 16 * row + 16)) for row, word in enumerate("abcdef")), height=96)
    assert rows.checked() is rows and condition([rows]).mask.sum() == 6 * 30 * 8
    with pytest.raises(InvalidLayout, match=r"6 words.*limit is 5"):
        rows.checked(most_words=5)
    long = layout((LONG, (0, 0, 64, 16)))
    assert conditioning_dump([long], condition([long]))[0][0]["found"] == LONG
    with pytest.raises(InvalidLayout, match="25 letters; the limit is 20"):
        long.checked(longest=20)
    with pytest.raises(InvalidLayout, match="25 letters; the limit is 20"):
        condition([long], longest=20)
    with pytest.raises(InvalidLayout, match="each of its 25 letters needs a place"):
        condition([layout((LONG, (0, 0, 40, 16)))])


def test_boxes_are_clamped_never_empty_and_both_are_said():
    """Trap 11."""
    fitted = fitted_layout(
        [("in", (0.25, 0.25, 0.5, 0.75)), ("off", (0.9, 0.5, 1.2, 0.8)), ("thin", (0.3, 0.3, 0.3, 0.6))],
        width=64,
        height=16,
    )
    assert fitted.layout.boxes[0] == (16, 4, 32, 12) and fitted.clamped == ("off", "thin")
    assert all(x0 < x1 and y0 < y1 for x0, y0, x1, y1 in fitted.layout.boxes)
    assert fitted.overlaps == ((0, 2),)
    assert fitted_layout([("edge", (0.0, 0.0, 1.0, 1.0))], width=64, height=16).clamped == ()
    assert fitted.layout.smaller_than(8, stride=2) == ("off", "thin")


@given(st.tuples(*[st.integers(0, 64)] * 2), st.tuples(*[st.integers(0, 16)] * 2))
def test_pixels_to_shares_and_back_are_the_same_box(xs, ys):
    (x0, x1), (y0, y1) = sorted(xs), sorted(ys)
    if x0 < x1 and y0 < y1:
        one = layout(("a", (x0, y0, x1, y1)))
        fitted = fitted_layout(list(zip(one.texts, one.unit_boxes(), strict=True)), width=64, height=16)
        assert fitted.layout == one and not fitted.clamped


def test_layouts_that_are_none_are_refused():
    for text, box in (("", (0, 0, 8, 8)), ("two words", (0, 0, 8, 8)), ("a", (8, 0, 8, 8)), ("a", (0, 0, 65, 8))):
        with pytest.raises(InvalidLayout):
            layout((text, box))
    with pytest.raises(InvalidLayout, match="one canvas size"):
        condition([layout(), layout(width=32)])
    with pytest.raises(InvalidLayout, match="multiple of the stride"):
        condition([layout(width=63)])
    with pytest.raises(UnknownLetter, match="ü"):
        letter_numbers("für")
    with pytest.raises(InvalidLayout, match="no layout"):
        Layout.from_description({"width": 3})
    one = layout(("open", (1, 2, 30, 15)))
    assert Layout.from_description(one.described()) == one
