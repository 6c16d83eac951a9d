"""Pages: the same bytes for a seed, every layout, what their facts say, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tenfold.rendering.assets import Assets
from tenfold.rendering.colours import contrast_ratio
from tenfold.rendering.errors import InvalidDrawing, TextDoesNotFit
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.outlines import with_boxes
from tenfold.rendering.pages import LAYOUTS, draw_page, draw_words
from tenfold.rendering.word_canvases import draw_word_canvas, glyph_image
from tenfold.rendering.words import english_words

ASSETS = Assets(bundled_fonts(), english_words())
DIGEST = """
import hashlib
from tenfold.rendering.assets import Assets
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import LAYOUTS, draw_page
from tenfold.rendering.words import english_words
assets = Assets(bundled_fonts(), english_words())
digest = hashlib.sha256()
for layout in LAYOUTS:
    drawing = draw_page(layout, 11, assets=assets)
    digest.update(drawing.image.tobytes() + repr(drawing.description()).encode())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_seed_is_a_page(layout):
    one, same, other = (draw_page(layout, seed, assets=ASSETS) for seed in (5, 5, 6))
    assert np.array_equal(one.image, same.image) and one.description() == same.description()
    assert not np.array_equal(one.image, other.image)
    assert json.loads(json.dumps(one.description()))["layout"] == layout
    assert with_boxes(one).shape == one.image.shape == (256, 256, 3)


def test_another_process_draws_the_same_bytes():
    """Hash randomisation and the order of sets must not matter."""
    runs = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [(128, 128), (336, 240), (512, 768)])
def test_every_layout_fills_other_sizes(layout, size):
    drawing = draw_page(layout, 1, assets=ASSETS, size=size)
    assert drawing.image.shape == (size[1], size[0], 3)
    assert drawing.words and {word.line for word in drawing.words} == set(range(len(drawing.lines)))


def test_every_word_of_a_page_is_of_the_list_or_of_the_layout():
    own = {"ltd", "stores", "cafe", "market", "street", "road", "lane", "hall", "park", "square", "form"}
    own |= {"date", "subtotal", "tax", "total"}
    for layout in LAYOUTS:
        for seed in range(5):
            for word in draw_page(layout, seed, assets=ASSETS).words:
                plain = word.text.casefold().strip(":")
                assert plain in own or plain in ASSETS.words or any(letter.isdigit() for letter in plain), word


def test_a_receipt_adds_up_and_shows_its_total():
    for seed in range(10):
        drawing = draw_page("receipt", seed, assets=ASSETS)
        facts = drawing.facts
        items = sum(round(100 * float(item["price"])) for item in facts["items"])
        total = round(100 * float(facts["subtotal"])) + round(100 * float(facts["tax"]))
        assert items == round(100 * float(facts["subtotal"])) and total == round(100 * float(facts["total"]))
        amounts = {line.role: line.text for line in drawing.lines}
        assert amounts["total amount"] == facts["total"] and amounts["date"] == f"Date {facts['date']}"


def test_the_bars_of_a_chart_are_as_high_as_their_values():
    drawing = draw_page("chart", 2, assets=ASSETS)
    bars = drawing.facts["bars"]
    tops = {line.text: line.box[3] for line in drawing.lines if line.role == "value"}
    by_value = sorted(bars, key=lambda bar: -bar["value"])
    heights = [tops[str(bar["value"])] for bar in by_value]
    assert heights == sorted(heights)


def test_columns_are_read_one_after_the_other():
    drawing = next(
        drawing for seed in range(40) if (drawing := draw_page("columns", seed, assets=ASSETS)).facts["columns"] == 2
    )
    blocks = [[line for line in drawing.lines if line.block == block] for block in (1, 2)]
    assert max(line.box[2] for line in blocks[0]) < min(line.box[0] for line in blocks[1])
    assert all(a.box[1] < b.box[1] for block in blocks for a, b in pairwise(block))


def test_running_text_has_the_size_asked_for():
    drawing = draw_page("columns", 0, assets=ASSETS, text_size=9)
    assert {line.style.size for line in drawing.lines if line.role == "text"} == {9}
    words = draw_words(["alpha", "beta"], bundled_fonts()[0], text_size=16)
    assert words.text == "alpha beta" and words.lines[0].style.size == 16


def test_word_canvases_are_readable_and_the_same_for_a_seed():
    for grey in (False, True):
        drawn = [draw_word_canvas(["stop"], np.random.default_rng(2), assets=ASSETS, grey=grey) for _ in range(2)]
        assert np.array_equal(drawn[0].image, drawn[1].image)
        assert not grey or (np.ptp(drawn[0].image.astype(int), axis=2) < 6).all()


def test_the_words_of_a_canvas_stand_out_from_what_is_behind_them():
    generator = np.random.default_rng(3)
    for number in range(40):
        drawing = draw_word_canvas(["left", "right"][: 1 + number % 2], generator, assets=ASSETS)
        bare = glyph_image(drawing) == 0
        for word, line in zip(drawing.words, drawing.lines, strict=True):
            x0, y0, x1, y1 = word.box
            behind = drawing.image[y0:y1, x0:x1][bare[y0:y1, x0:x1]].mean(axis=0)
            red, green, blue = (round(value) for value in behind.tolist())
            assert contrast_ratio(line.style.colour, (red, green, blue)) >= 4.0  # 4.5 where a colour has it everywhere


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InvalidDrawing, match="no layout is called 'menu'"):
        draw_page("menu", 0, assets=ASSETS)
    with pytest.raises(InvalidDrawing, match="too small"):
        draw_page("sign", 0, assets=ASSETS, size=(100, 300))
    with pytest.raises(InvalidDrawing, match="one font and one word"):
        draw_page("sign", 0, assets=Assets((), english_words()))
    with pytest.raises(TextDoesNotFit):
        draw_page("receipt", 0, assets=ASSETS, text_size=60)
    with pytest.raises(TextDoesNotFit, match="do not fit"):
        draw_words(["word"] * 400, bundled_fonts()[0], text_size=30)
