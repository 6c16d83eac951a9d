"""Reading order, space layout, words of lines and recall, on boxes whose order is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.ocr.descriptions import described
from tenfold.ocr.errors import InvalidPages
from tenfold.ocr.page import Page, Word, words_of_line
from tenfold.ocr.reading_order import plain_order, rows_of, xy_cut
from tenfold.ocr.spacing import space_layout
from tenfold.ocr.word_recall import recall
from tenfold.rendering.assets import Assets
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import draw_page
from tenfold.rendering.words import english_words

TWO_COLUMNS = [(0, 0, 1, 0.1), (0, 0.2, 0.42, 0.28), (0.5, 0.2, 0.9, 0.28), (0, 0.3, 0.42, 0.38), (0.5, 0.3, 0.9, 0.38)]
NUMBER = st.floats(0, 100)


def page_of(*texts: str) -> Page:
    return Page(100, 100, tuple(Word(text, (0.0, 0.0, 1.0, 1.0)) for text in texts), "described")


def test_a_title_over_two_columns_is_read_first_then_column_by_column():
    assert xy_cut(TWO_COLUMNS) == [0, 1, 3, 2, 4]
    assert plain_order(TWO_COLUMNS) == [0, 1, 2, 3, 4]


def test_columns_are_found_whatever_order_the_boxes_come_in():
    shuffled = [4, 1, 3, 0, 2]
    assert [shuffled[index] for index in xy_cut([TWO_COLUMNS[index] for index in shuffled])] == [0, 1, 3, 2, 4]


def test_rendered_columns_are_read_in_the_order_in_which_they_were_set():
    """The words of pages of one to three columns, shuffled by position, come back in the order of the text."""
    assets = Assets(bundled_fonts(), english_words())
    seen = set()
    for seed in range(30):
        drawing = draw_page("columns", seed, assets=assets, size=(420, 300), text_size=11)
        seen.add(drawing.facts["columns"])
        page = described(drawing)
        by_height = page.in_order(plain_order([word.box for word in page.words]))
        order = xy_cut([word.box for word in by_height.words])
        assert [word.text for word in by_height.in_order(order).words] == [word.text for word in drawing.words], seed
    assert seen == {1, 2, 3}


def test_words_keep_their_column_by_spaces():
    words = [Word("A", (0, 0, 10, 10)), Word("B", (100, 0, 110, 10))]
    assert space_layout(words) == "A" + 9 * " " + "B"
    assert words == [Word("A", (0, 0, 10, 10)), Word("B", (100, 0, 110, 10))]
    assert space_layout([]) == ""
    assert space_layout([Word("only", (5, 5, 45, 15))]) == "only"
    assert space_layout([Word("thin", (5, 5, 5, 15)), Word("too", (5, 20, 5, 30))]) == "thin\ntoo"
    assert space_layout(words, character_width=20) == "A    B"


def test_a_receipt_keeps_names_and_prices_side_by_side():
    drawing = draw_page("receipt", 4, assets=Assets(bundled_fonts(), english_words()))
    lines = space_layout(described(drawing).words).splitlines()
    for item in drawing.facts["items"]:
        assert any(line.split() == [item["name"], item["price"]] for line in lines), lines
    total = next(line for line in lines if line.split()[0] == "TOTAL")
    assert total.split()[1] == drawing.facts["total"] and "   " in total


@given(st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), max_size=12))
def test_every_box_is_read_exactly_once(boxes):
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in boxes]
    for order in (xy_cut(boxes), plain_order(boxes), [index for row in rows_of(boxes) for index in row]):
        assert sorted(order) == list(range(len(boxes)))
    space_layout([Word("word", box) for box in boxes])


def test_a_line_is_divided_in_proportion_to_its_characters():
    words = words_of_line("to be or", (0, 5, 80, 15), 0.9, 3)
    assert [word.text for word in words] == ["to", "be", "or"]
    assert [word.box for word in words] == [(0, 5, 20, 15), (30, 5, 50, 15), (60, 5, 80, 15)]
    assert {word.line for word in words} == {3} and words_of_line("  ", (0, 0, 9, 9), 1.0, 0) == []


def test_recall_counts_words_and_letters_apart():
    truth = page_of("Total", "revenue", "total")
    glued = recall([truth], [page_of("Totalrevenue", "TOTAL:")])
    assert (glued.word_recall, glued.spaceless_recall, glued.precision) == (1 / 3, 1.0, 0.5)
    once = recall([truth], [page_of("total")])  # one occurrence cannot serve two
    assert (once.word_recall, once.spaceless_recall) == (1 / 3, 1 / 3)
    nothing = recall([truth], [page_of()])
    assert (nothing.word_recall, nothing.spaceless_recall, nothing.precision) == (0, 0, 0)
    for truths, pages in (([truth], []), ([page_of("-")], [truth]), ([], [])):
        with pytest.raises(InvalidPages):
            recall(truths, pages)


def test_a_page_survives_json():
    page = Page(
        40, 30, (Word("A b", (0.0, 1.5, 2.0, 3.0), 0.5, 0), Word("c", (0.0, 9.0, 2.0, 12.0), 1.0, 1)), "described"
    )
    assert Page.from_json(page.to_json()) == page
    assert [line.text for line in page.lines] == ["A b", "c"] and page.text == "A b\nc"
