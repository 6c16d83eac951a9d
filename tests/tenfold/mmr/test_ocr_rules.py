"""Rules over OCR, on pages drawn by hand: each task's rule, misread pages, pages without words, unicode."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tenfold.mmr.errors import MissingPage
from tenfold.mmr.ocr_rules import OBJECTS, OCRRules, text_and_box
from tenfold.mmr.queries import Query
from tenfold.mmr.text_blocks import blocks_of, lines_of, text_of
from tenfold.mmr.text_matching import find_text
from tenfold.ocr.descriptions import described
from tenfold.ocr.page import Page, Word
from tenfold.rendering.backgrounds import plain
from tenfold.rendering.canvas import Canvas
from tenfold.rendering.colours import NAMED
from tenfold.rendering.drawing import TextStyle
from tenfold.rendering.fonts import bundled_fonts

FONT = next(font for font in bundled_fonts() if font.name == "DejaVu Sans Book")
COVER = (  # text, x, y, size, colour
    ("Silent Rivers", 60, 30, 36, "red"),
    ("Bright Morning", 60, 74, 36, "red"),
    ("a novel of the north", 90, 130, 16, "black"),
    ("Tall Grass", 300, 240, 20, "blue"),
    ("by Edith Wanders", 110, 360, 20, "green"),
)


def drawn(rows, size=(420, 400)):
    canvas = Canvas(plain(*size, NAMED["white"]))
    for text, x, y, height, colour in rows:
        canvas.write(text, x, y, TextStyle(FONT, height, NAMED[colour]), role="text")
    return canvas.finished("test", {})


@pytest.fixture(scope="module")
def cover():
    return drawn(COVER)


def reply_to(drawing, task, question, page=None):
    query = Query("k", task, question, question, image=drawing.image)
    (found,) = OCRRules({query.image_digest: page or described(drawing)}).answer([query])
    return found


def chosen(drawing, task, stem, *options):
    lines = "\n".join(f"{number}. {option}" for number, option in enumerate(options, 1))
    found = reply_to(drawing, task, f"Question: {stem}\nChoices:\n{lines}\n\n")
    assert found.status == "answered"
    return options[int(found.reply) - 1]


@pytest.mark.parametrize(
    ("label", "answer"),
    [("title", "Silent Rivers Bright Morning"), ("subtitle", "a novel of the north"), ("author name", "Edith Wanders")],
)
def test_labels_are_told_by_size_place_and_form(cover, label, answer):
    assert reply_to(cover, "recognition_label", f"What is the {label} in the image?").reply == answer


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What text is written at the bottom center of the image?", "by Edith Wanders"),
        ("What text is displayed on the right side of the image?", "Tall Grass"),
        ('What text is written directly below "Silent Rivers Bright Morning"?', "a novel of the north"),
        ('What text is written above "a novel of the north"?', "Silent Rivers Bright Morning"),
        ('What text is between "a novel of the north" and "by Edith Wanders"?', "Tall Grass"),
        ('What text is written right below "Silent Rivers" at the top?', "Bright Morning"),
    ],
)
def test_places_and_neighbours_are_found(cover, question, answer):
    assert reply_to(cover, "recognition_pos", question).reply == answer


def test_sizes_are_compared_by_ink(cover):
    options = ('"Tall Grass"', "The subtitle", 'The title "Silent Rivers Bright Morning"', "All are of the same size.")
    assert chosen(cover, "font_size", "Which text is larger in the image?", *options) == options[2]
    assert chosen(cover, "font_size", "Which text is in a smaller font?", *options) == options[1]
    both = drawn([("Winter", 20, 20, 24, "black"), ("Summer", 200, 20, 24, "black")])
    said = ("It is larger.", "It is smaller.", "Both are the same size.", "There is no text.")
    stem = 'How does the font size of "Winter" compare to the font size of "Summer"?'
    assert chosen(both, "font_size", stem, *said) == said[2]
    said = ("It is larger than it.", "It is smaller than it.", "They are of the same size.", "There is no other text.")
    assert chosen(cover, "font_size", 'How does the size of "Tall Grass" compare to "Silent Rivers"?', *said) == said[1]


def test_colours_are_those_of_the_ink(cover):
    names = ("Green", "blue", "Golden yellow", "red")
    assert chosen(cover, "font_color", "What is the color of the title 'Silent Rivers'", *names) == "red"
    assert chosen(cover, "font_color", "What color is the font of the author's name?", *names) == "Green"
    pairs = ("red and green", "blue and black", "white and yellow", "pink and purple")
    two = drawn([("Ink", 20, 20, 30, "blue"), ("Well", 110, 20, 30, "black")])
    assert chosen(two, "font_color", 'What colors are used in "Ink Well"?', *pairs) == "blue and black"


def test_texts_are_placed(cover):
    places = ("At the top left of the image", "In the center", "At the middle right of the image", "On the spine")
    assert chosen(cover, "localize_t", 'Where is the text "Tall Grass" in the image?', *places) == places[2]
    mixed = ("At the top of the cover", "Just below the title.", "On the back of the book", "In the lower right corner")
    assert chosen(cover, "localize_t", "Where is the subtitle located?", *mixed) == mixed[1]
    assert chosen(
        cover, "localize_t", "Where is the author's name on the cover?", *mixed[::2], "At the bottom", "Left"
    ) == ("At the bottom")


def test_texts_are_related(cover):
    ways = ("Above it", "Below it", "To the left of it", "To the right of it")
    asked = 'Where is the text "{}" {} the text "{}"?'
    assert (
        chosen(cover, "spatial_tt", asked.format("Tall Grass", "in relation to", "a novel of the north"), *ways)
        == ways[1]
    )
    assert (
        chosen(cover, "spatial_tt", asked.format("Silent Rivers", "as seen from", "Bright Morning"), *ways) == ways[0]
    )
    texts = ('"Tall Grass"', '"a novel of the north"', '"by Edith Wanders"', '"Silent Rivers"')
    assert chosen(cover, "spatial_tt", 'Which text is directly below "Bright Morning"?', *texts) == texts[1]
    said = ("The author's name is above the title.", "The author's name is below the title.", "Left", "Right")
    stem = "What is the relationship between the author's name and the title of the book?"
    assert chosen(cover, "spatial_tt", stem, *said) == said[1]


def test_a_phrase_is_grounded_in_the_words_that_are_it(cover):
    found = reply_to(cover, "grounding_t", 'Where is the text "Tall Grass" in the image?')
    text, box = found.reply.split("[")
    truth = [word.box for word in cover.words if word.text in ("Tall", "Grass")]
    wanted = [min(b[0] for b in truth) / 420, min(b[1] for b in truth) / 400]
    assert text == '"Tall Grass", ' and json.loads("[" + box)[:2] == pytest.approx(wanted, abs=1e-3)
    labelled = reply_to(
        cover, "grounding_t", "What is the title at the top center of the image? Where is it in the image?"
    )
    assert labelled.reply.startswith('"Silent Rivers Bright Morning", [')


def test_boxes_are_shares_of_both_sides_and_brackets_do_not_break_the_reply():
    page = Page(200, 50, (Word("[sic]", (20, 10, 120, 40)),), "test")
    assert text_and_box(text_of(page.words), page) == '"(sic)", [0.1, 0.2, 0.6, 0.8]'


def test_glued_and_misread_words_are_found():
    page = Page(300, 60, (Word("Totalrevenne", (10, 10, 130, 30)), Word("2024", (200, 10, 240, 30))), "test")
    lines = lines_of(page)
    found = find_text("revenue", lines, blocks_of(lines))
    assert found is not None and 50 < found.box[0] < 65 and found.box[2] == pytest.approx(130)
    assert find_text("Something else entirely", lines, blocks_of(lines)) is None
    assert find_text("  ", lines, blocks_of(lines)) is None


def test_unicode_is_read_and_matched():
    page = Page(300, 200, (Word("Евгений", (10, 10, 100, 30)), Word("L’ÉCHAUDÉ", (10, 100, 120, 130))), "test")
    image = np.full((200, 300, 3), 255, np.uint8)
    query = Query("k", "grounding_t", 'Where is "l\'échaudé"?', "", image=image)
    (found,) = OCRRules({query.image_digest: page}).answer([query])
    assert found.reply.startswith('"L’ÉCHAUDÉ", [')


@pytest.mark.parametrize("words", [(), (Word("■", (5, 5, 20, 20)), Word("?!", (30, 5, 40, 20)))])
def test_a_page_without_words_gives_no_text_and_the_first_option(cover, words):
    page = Page(420, 400, words, "test")
    for task in ("recognition_label", "recognition_pos", "grounding_t"):
        found = reply_to(cover, task, "What is the title at the top of the image?", page)
        assert found.status == "empty" and found.why == "nothing was read"
    for task in ("font_size", "font_color", "localize_t", "spatial_tt"):
        found = reply_to(cover, task, 'Which is larger?\nChoices:\n1. "A"\n2. "B"\n3. "C"\n4. "D"', page)
        assert found.reply == "1" and "not read" in found.why


def test_odd_questions_do_not_stop_it(cover):
    for task in ("font_size", "font_color", "localize_t", "spatial_tt"):
        for question in (
            "",
            "Which?",
            "Which?\n1. \n2. \n3. \n4. ",
            "1. a\n2. b\n3. c\n4. d",
            '"""\n1. "\n2. \'\n3. -\n4. ?',
        ):
            assert reply_to(cover, task, question).reply in ("1", "2", "3", "4")
    assert reply_to(cover, "recognition_pos", "?").status == "answered"


def test_objects_are_constant_and_said_to_be(cover):
    model = OCRRules({})
    queries = [Query(task, task, "Where is the dog?", "", image=cover.image) for task in OBJECTS]
    assert [found.reply for found in model.answer(queries)] == list(OBJECTS.values())
    assert model.identity()["objects"] == OBJECTS and all("constant" in one.why for one in model.answer(queries))


def test_a_page_that_was_not_read_is_an_error(cover):
    query = Query("k", "font_size", "Which?", "", image=cover.image)
    with pytest.raises(MissingPage, match="none of the 0 pages is of its image"):
        OCRRules({}).answer([query])
    with pytest.raises(MissingPage, match="needs an image"):
        OCRRules({}).answer([replace(query, image=None)])


def test_fields_of_a_receipt_are_found():
    rows = [
        ("KEDAI BUKU MAJU SDN BHD", 40, 10, 18, "black"),
        ("12 Jalan Satu", 60, 40, 12, "black"),
        ("DATE: 14/03/2018 10:22", 40, 80, 12, "black"),
        ("Pens 3.50", 40, 120, 12, "black"),
        ("Subtotal", 40, 160, 12, "black"),
        ("12.00", 300, 160, 12, "black"),
        ("Total", 40, 190, 12, "black"),
        ("12.72", 300, 190, 12, "black"),
        ("Cash", 40, 220, 12, "black"),
        ("50.00", 300, 220, 12, "black"),
    ]
    receipt = drawn(rows)
    for field, answer in (("company name", rows[0][0]), ("date", "14/03/2018"), ("total amount", "12.72")):
        assert reply_to(receipt, "recognition_label", f"What is the {field} on the receipt?").reply == answer


@pytest.mark.parametrize(
    "box", [(50, 40, 50, 60), (50, 40, 90, 40), (430, 10, 470, 30), (-60, 10, -5, 30), (9, 9, 5, 20)]
)
def test_a_word_without_an_area_on_the_image_is_not_seen(cover, box):
    truth = described(cover)
    page = replace(truth, words=(*truth.words, Word("Hi", tuple(map(float, box)), line=99)))
    alone = replace(truth, words=page.words[-1:])
    for task in ("recognition_label", "recognition_pos", "grounding_t", "font_size", "font_color", "localize_t"):
        question = 'What is the title, "Hi" or "Tall Grass"?\nChoices:\n1. "Hi"\n2. "Tall Grass"\n3. red\n4. Top'
        assert reply_to(cover, task, question, page) == reply_to(cover, task, question)
        assert reply_to(cover, task, question, alone).reply in ("1", "")


def test_a_word_that_reaches_beyond_the_image_is_seen_up_to_its_edge(cover):
    page = Page(420, 400, (Word("Grasshoppers", (400.0, 240.0, 900.0, 262.0)),), "test")
    stem = 'Which is larger?\nChoices:\n1. "hoppers"\n2. "Grass"\n3. "None"\n4. "Both"'
    assert reply_to(cover, "font_size", stem, page).status == "answered"
    found = reply_to(cover, "grounding_t", 'Where is "Grasshoppers"?', page).reply
    assert json.loads(found.split(", ", 1)[1]) == [0.9524, 0.6, 1.0, 0.655]


def test_other_pages_are_another_model():
    one, other = (Page(9, 9, (Word(text, (1, 1, 5, 5)),), "test") for text in ("a", "b"))
    assert OCRRules({"x": one}).identity() != OCRRules({"x": other}).identity()
    assert OCRRules({"x": one, "y": other}).identity() == OCRRules({"y": other, "x": one}).identity()
