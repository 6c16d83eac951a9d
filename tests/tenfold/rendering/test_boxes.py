"""The boxes of words, lines and shapes are those of their ink: compared with the pixels themselves."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.rendering.assets import Assets
from tenfold.rendering.backgrounds import plain
from tenfold.rendering.canvas import Canvas
from tenfold.rendering.drawing import TextStyle, union
from tenfold.rendering.errors import InvalidDrawing, TextDoesNotFit
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import LAYOUTS, draw_page
from tenfold.rendering.shapes import SHAPES
from tenfold.rendering.word_canvases import draw_word_canvas, glyph_image
from tenfold.rendering.words import english_words

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
FONTS = bundled_fonts()


def changed(image: np.ndarray, background: np.ndarray) -> tuple[int, int, int, int]:
    """Return the box of the pixels that differ, found by looking at all of them."""
    rows, columns = np.nonzero((image != background).any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("font", FONTS, ids=lambda font: font.name)
@pytest.mark.parametrize("size", [6, 11, 40])
def test_the_box_of_a_word_is_exactly_the_pixels_it_changes(font, size):
    background = plain(260, 80, WHITE)
    for word in ("jumpy", "Ago.", "fj", "WAVE"):
        canvas = Canvas(background)
        canvas.write(word, 30, 10, TextStyle(font, size, BLACK))
        drawing = canvas.finished("test")
        assert drawing.words[0].box == changed(drawing.image, background)


def test_words_of_a_line_have_boxes_of_their_own_that_join_to_the_lines():
    background = plain(300, 60, WHITE)
    whole = Canvas(background)
    line = whole.write("every word alone", 10, 10, TextStyle(FONTS[0], 20, BLACK))
    drawing = whole.finished("test")
    assert line.box == union(word.box for word in drawing.words) == changed(drawing.image, background)
    for word in drawing.words:  # nothing of another word inside
        x0, _, x1, _ = word.box
        alone = np.full_like(background, 255)
        alone[:, x0:x1] = drawing.image[:, x0:x1]
        assert changed(alone, background) == word.box
    assert drawing.text == "every word alone"


@pytest.mark.parametrize("name", SHAPES)
def test_the_box_of_a_shape_is_the_pixels_it_changes(name):
    background = plain(64, 64, WHITE)
    canvas = Canvas(background)
    shape = canvas.shape(name, (8, 10, 41, 52), "black")
    assert shape.box == changed(canvas.finished("test").image, background)
    assert shape.box[2] - shape.box[0] > 20 and shape.box[3] - shape.box[1] > 30


@pytest.mark.parametrize("layout", LAYOUTS)
def test_on_a_page_no_word_lies_on_another_or_on_a_shape(layout):
    assets = Assets(FONTS, english_words())
    for seed in range(12):
        drawing = draw_page(layout, seed, assets=assets)
        taken = np.zeros(drawing.image.shape[:2], int)
        for item in (*drawing.words, *drawing.shapes):
            x0, y0, x1, y1 = item.box
            assert 0 <= x0 < x1 <= 256 and 0 <= y0 < y1 <= 256
            taken[y0:y1, x0:x1] += 1
        rows = np.array([word.box[3] - word.box[1] for word in drawing.words])
        assert rows.min() >= 2
        overlap = (taken > 1).sum() / max(1, (taken > 0).sum())
        assert overlap < 0.02  # descenders may reach into the box of the line below


def test_the_words_of_a_page_can_be_seen_in_their_boxes():
    """Ink differs from what is around it: a box of one colour would be a word that nobody can read."""
    assets = Assets(FONTS, english_words())
    for layout in LAYOUTS:
        drawing = draw_page(layout, 3, assets=assets)
        for word in drawing.words:
            x0, y0, x1, y1 = word.box
            assert np.ptp(drawing.image[y0:y1, x0:x1].astype(int).sum(axis=2)) > 150, (layout, word)


def test_the_glyphs_of_a_word_canvas_are_its_ink():
    generator = np.random.default_rng(4)
    assets = Assets(FONTS, english_words())
    for words in (["open"], ["left", "right"]):
        drawing = draw_word_canvas(words, generator, assets=assets, grey=True)
        glyphs = glyph_image(drawing)
        assert glyphs.shape == (64, 64) and [word.text for word in drawing.words] == words
        for word in drawing.words:
            x0, y0, x1, y1 = word.box
            assert glyphs[y0:y1, x0:x1].max() > 200
            glyphs[y0:y1, x0:x1] = 0
        assert glyphs.max() == 0


def test_what_does_not_fit_is_refused():
    canvas = Canvas(plain(64, 64, WHITE))
    style = TextStyle(FONTS[0], 30, BLACK)
    with pytest.raises(TextDoesNotFit, match="smaller size"):
        canvas.write("enormous", 0, 0, style)
    with pytest.raises(InvalidDrawing, match="one word"):
        canvas.write("  ", 0, 0, style)
    with pytest.raises(InvalidDrawing, match="no shape is called 'blob'"):
        canvas.shape("blob", (0, 0, 10, 10), "red")
    with pytest.raises(InvalidDrawing, match="no colour"):
        canvas.shape("star", (0, 0, 10, 10), "mauve")
    with pytest.raises(InvalidDrawing, match="64×64"):
        canvas.shape("star", (60, 60, 70, 70), "red")
    with pytest.raises(TextDoesNotFit, match="6 px"):
        draw_word_canvas(
            ["incomprehensibilities"], np.random.default_rng(0), assets=Assets(FONTS, ("a",)), size=(20, 20)
        )
