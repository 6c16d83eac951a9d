"""Ink is found whatever is behind it, and takes the name that people would give it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.mmr.errors import InvalidReading
from tenfold.mmr.ink import colour_distances, ink_of, lab_of, named_colours
from tenfold.rendering.backgrounds import plain, random_background
from tenfold.rendering.canvas import Canvas
from tenfold.rendering.colours import NAMED, contrast_ratio, delta_e, lab
from tenfold.rendering.drawing import TextStyle
from tenfold.rendering.fonts import bundled_fonts

FONTS = {font.name: font for font in bundled_fonts()}
FACES = [FONTS[name] for name in ("DejaVu Sans Book", "DejaVu Serif Book", "STIXGeneral Regular")]


def drawn(colour, pixels, size=18, text="Reading", font=FACES[0]):
    """A word in a colour on some pixels: the image and the box of its ink."""
    canvas = Canvas(pixels)
    canvas.write(text, 20, 20, TextStyle(font, size, colour), role="title")
    drawing = canvas.finished("test", {})
    (word,) = drawing.words
    return drawing.image, word.box


@pytest.mark.parametrize("size", [10, 18, 40])
@pytest.mark.parametrize(
    ("ink", "paper"), [("red", "white"), ("yellow", "navy"), ("white", "black"), ("grey", "cream")]
)
def test_the_ink_of_a_word_is_its_colour_and_not_its_edges(ink, paper, size):
    image, box = drawn(NAMED[ink], plain(240, 90, NAMED[paper]), size)
    loose = box[0] - 3, box[1] - 2, box[2] + 3, box[3] + 2  # as engines box words
    for around in (box, loose):
        found = ink_of(image, around)
        assert found is not None and 0.03 < found.share < 0.6
        assert delta_e(found.colour, NAMED[ink]) < (25 if size == 10 else 8)  # thin strokes are all edge
        assert delta_e(found.background, NAMED[paper]) < 5


def test_most_ink_keeps_its_name_on_gradients_patterns_and_thin_type():
    generator = np.random.default_rng(3)
    asked = right = 0
    for trial in range(60):
        name = list(NAMED)[trial % len(NAMED)]
        behind = random_background(160, 60, NAMED[list(NAMED)[(trial * 5 + 3) % len(NAMED)]], generator).pixels
        if contrast_ratio(NAMED[name], tuple(int(v) for v in np.median(behind.reshape(-1, 3), axis=0))) < 3:
            continue
        image, box = drawn(NAMED[name], behind, int(generator.integers(12, 30)), font=FACES[trial % 3])
        found = ink_of(image, box)
        assert found is not None
        asked += 1
        right += list(NAMED)[int(np.argmin(colour_distances(found.colour, tuple(NAMED))))] == name
    assert asked > 20 and right / asked > 0.85


def test_a_box_of_two_backgrounds_has_the_ink_of_the_letters():
    """A word whose box reaches over the edge of its board."""
    pixels = plain(200, 80, NAMED["white"])
    pixels[12:50] = NAMED["navy"]
    image, box = drawn(NAMED["yellow"], pixels, 20)
    found = ink_of(image, (box[0] - 4, 6, box[2] + 4, box[3] + 4))
    assert found is not None and delta_e(found.colour, NAMED["yellow"]) < 10


def test_where_nothing_is_written_there_is_no_ink():
    assert ink_of(plain(40, 40, (200, 10, 10)), (5, 5, 30, 30)) is None
    assert ink_of(plain(8, 8, (200, 10, 10)), (0, 0, 8, 8)) is None
    with pytest.raises(InvalidReading, match="no pixel"):
        ink_of(plain(8, 8, (0, 0, 0)), (9, 0, 20, 8))


def test_a_box_that_is_the_whole_image_is_looked_at():
    image, box = drawn(NAMED["red"], plain(140, 60, NAMED["white"]), 20)
    found = ink_of(np.ascontiguousarray(image[box[1] - 2 : box[3] + 2, box[0] - 2 : box[2] + 2]), (0, 0, 500, 500))
    assert found is not None and delta_e(found.colour, NAMED["red"]) < 10


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_lab_is_that_of_the_drawings(colour):
    assert np.allclose(lab_of(np.array([colour], np.uint8))[0], lab(colour))


@pytest.mark.parametrize(
    ("colour", "names", "nearest"),
    [
        ((200, 36, 40), ("Blue", "Red", "Black"), "Red"),
        ((212, 175, 55), ("red", "Golden", "white", "purple"), "Golden"),
        ((20, 130, 70), ("brown", "emerald green", "magenta"), "emerald green"),
        ((30, 40, 140), ("deep blue", "salmon", "cyan", "green"), "deep blue"),
        ((90, 90, 92), ("brown", "Gray", "olive", "cyan"), "Gray"),
        ((150, 220, 150), ("white", "brown", "light green", "orange"), "light green"),
        ((60, 220, 205), ("turquoise", "red", "yellow", "white"), "turquoise"),
    ],
)
def test_colours_go_by_the_names_of_the_annotations(colour, names, nearest):
    assert names[int(np.argmin(colour_distances(colour, names)))] == nearest


def test_a_name_that_no_list_has_is_infinitely_far():
    assert named_colours("rainbow sparkle") == () == named_colours("") == named_colours("???")
    assert np.isinf(colour_distances((0, 0, 0), ("glittering", "black"))).tolist() == [True, False]
