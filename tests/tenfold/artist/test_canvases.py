"""Canvases: parts that share nothing, ink that stands in its boxes, the same bytes for a seed."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tenfold.artist.canvases import Canvases, CanvasStyle, draw_canvases, draw_glyphs, glyphs_in_boxes
from tenfold.artist.captions import MARKS, caption
from tenfold.artist.layouts import InvalidLayout
from tenfold.artist.outside_ink import box_mask, outside_edges, outside_ink
from tenfold.artist.parts import Parts, SharedParts, fonts_of, split_parts
from tenfold.artist.plan_images import drawn_layout
from tenfold.rendering.assets import Assets
from tenfold.rendering.errors import InvalidDrawing, MissingFonts
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.words import english_words

NAMES = ("DejaVu Sans Book", "DejaVu Sans Bold", "DejaVu Serif Book", "STIXGeneral Regular", "DejaVu Sans Mono Book")
FONTS = fonts_of(bundled_fonts(), NAMES)
PHOTOGRAPHS = tuple(np.random.default_rng(seed).integers(0, 255, (32, 96, 3), np.uint8) for seed in range(6))


@pytest.fixture(scope="module")
def parts() -> Parts:
    return split_parts(english_words(3, 4), FONTS, PHOTOGRAPHS, held_out="DejaVu Sans Mono")


def test_words_photographs_and_the_held_out_design_are_in_one_part_each(parts):
    """Trap 6: empty intersections, looked at from outside."""
    train, validation, test = (set(part.words) for part in (parts.train, parts.validation, parts.test))
    assert not (train & validation or train & test or validation & test)
    assert train | validation | test == set(english_words(3, 4))
    designs = {font.design for part in (parts.train, parts.validation, parts.test) for font in part.fonts}
    assert {font.design for font in parts.held_out.fonts} == {"dejavu sans mono"} and len(designs) == 3
    seen, unseen = ({one.tobytes() for one in part.photographs} for part in (parts.train, parts.test))
    assert seen and unseen and not seen & unseen


def test_parts_that_share_something_are_refused(parts):
    leaking = Assets(parts.test.fonts, (*parts.test.words, parts.train.words[0].upper()), parts.test.photographs)
    with pytest.raises(SharedParts, match="train and test share 1 words"):
        Parts(parts.train, parts.validation, leaking, parts.held_out)
    with pytest.raises(SharedParts, match="dejavu sans"):
        Parts(parts.train, parts.validation, parts.test, Assets(FONTS[:1], ("a",)))
    same = Assets(parts.test.fonts, parts.test.words, parts.train.photographs[:1])
    with pytest.raises(SharedParts, match="photograph"):
        Parts(parts.train, parts.validation, same, parts.held_out)
    with pytest.raises(MissingFonts, match="lora"):
        split_parts(english_words(3, 4), FONTS, held_out="lora")


@pytest.mark.parametrize("style", [CanvasStyle(), CanvasStyle(backgrounds="photographs", words=2, smallest=0.7)])
def test_the_same_seed_gives_the_same_canvases_whose_ink_lies_in_the_boxes(parts, style):
    first, again, other = (
        draw_canvases(parts.train, 20, np.random.default_rng(seed), style=style) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.images, again.images) and first.layouts == again.layouts
    assert first.captions == again.captions and not np.array_equal(first.images, other.images)
    assert first.images.shape == (20, 16, 64, 3) and all(len(words) == style.words for words in first.words)
    for glyphs, layout in zip(first.glyphs, first.layouts, strict=True):
        assert not layout.overlaps and not glyphs[~box_mask(layout)].any()
        assert all(glyphs[y0:y1, x0:x1].max() > 150 for x0, y0, x1, y1 in layout.boxes)
    assert {said.words for said in first.captions} == set(first.words)


def test_canvases_are_read_back_as_they_were_written(parts, tmp_path):
    canvases = draw_canvases(parts.test, 5, np.random.default_rng(0), style=CanvasStyle())
    canvases.save(tmp_path / "set")
    back = Canvases.load(tmp_path / "set")
    assert np.array_equal(back.images, canvases.images) and np.array_equal(back.glyphs, canvases.glyphs)
    assert (back.layouts, back.fonts, back.captions) == (canvases.layouts, canvases.fonts, canvases.captions)
    rows = (tmp_path / "set" / "canvases.jsonl").read_text().splitlines()
    (tmp_path / "set" / "canvases.jsonl").write_text("\n".join(rows[:-1]) + "\n")
    with pytest.raises(InvalidLayout, match="5 images, 5 glyph images and 4 rows"):
        Canvases.load(tmp_path / "set")


def test_glyphs_come_with_their_boxes_and_nothing_outside(parts):
    started = time.process_time()
    glyphs, layouts = draw_glyphs(parts.train, 400, np.random.default_rng(3), style=CanvasStyle(smallest=0.6))
    assert time.process_time() - started < 2  # 0.1 s as a rule
    assert glyphs.shape == (400, 16, 64) and np.nanmax(outside_ink(glyphs, layouts)) == 0
    one = layouts[0]
    again = glyphs_in_boxes(one, FONTS[0])
    assert again.max() > 150 and not again[~box_mask(one)].any()


def test_ink_outside_boxes_is_measured(parts):
    glyphs, layouts = draw_glyphs(parts.train, 2, np.random.default_rng(3), style=CanvasStyle())
    x0, y0, *_ = layouts[0].boxes[0]
    stray = np.zeros_like(glyphs)
    stray[0, 0 if y0 > 4 else 15, 0 if x0 > 4 else 63] = 100
    stray[0, y0, x0] = 100  # half inside, half outside
    measured = outside_ink(stray, layouts)
    assert measured[0] == pytest.approx(0.5) and np.isnan(measured[1])
    assert outside_edges(glyphs, layouts).max() < 1e-12
    with pytest.raises(InvalidLayout, match="belong together"):
        outside_ink(glyphs[:1], layouts)


@pytest.mark.parametrize("quotes", MARKS)
def test_a_caption_says_where_its_words_stand(quotes):
    generator = np.random.default_rng(5)
    for words in (["open"], ["don't", "stop"], []):
        said = caption(words, generator, quotes=quotes)
        assert said.text[said.span[0] : said.span[1]] == " ".join(words) and said.words == tuple(words)
        assert (MARKS[quotes][0] in said.text) if words else said.span == (0, 0)


def test_a_drawn_layout_shows_each_box_and_word(parts):
    _, layouts = draw_glyphs(parts.train, 1, np.random.default_rng(3), style=CanvasStyle(words=2))
    image = drawn_layout(layouts[0], scale=8)
    assert image.shape == (128, 512, 3)
    for x0, y0, x1, y1 in layouts[0].boxes:
        assert tuple(image[8 * y0, 8 * x0]) == (220, 30, 40)
        assert image[8 * y0 + 2 : 8 * y1 - 2, 8 * x0 + 2 : 8 * x1 - 2].min() < 40


def test_styles_that_are_none_are_refused(parts):
    for wrong in ({"backgrounds": "sepia"}, {"smallest": 0.0}, {"words": 0}, {"height": 4}):
        with pytest.raises(InvalidDrawing):
            CanvasStyle(**wrong)
    with pytest.raises(InvalidDrawing, match="one word and one font"):
        draw_canvases(Assets(FONTS, ()), 1, np.random.default_rng(0), style=CanvasStyle())


def test_which_photograph_a_background_is_of_is_told_and_kept(tmp_path):
    """Photographs of one colour each: what is seen beside the ink tells which one it was."""
    flat = tuple(np.full((32, 96, 3), shade, np.uint8) for shade in (10, 90, 170, 250))
    assets = Assets(FONTS[:1], ("open", "shop"), flat)
    style = CanvasStyle(backgrounds="photographs")
    found = draw_canvases(assets, 60, np.random.default_rng(0), style=style)
    assert set(found.photographs) == {-1, 0, 1, 2, 3}
    for image, layout, number in zip(found.images, found.layouts, found.photographs, strict=True):
        beside = image[~box_mask(layout, margin=1)]
        flat_as = [place for place, source in enumerate(flat) if (beside == source[0, 0]).all()]
        assert flat_as == [number] if number >= 0 else number not in flat_as
    found.save(tmp_path / "kept")
    assert Canvases.load(tmp_path / "kept").photographs == found.photographs
    plain = draw_canvases(Assets(FONTS[:1], ("open",)), 5, np.random.default_rng(0), style=style)
    assert plain.photographs == (-1,) * 5
    grey = draw_canvases(assets, 5, np.random.default_rng(0), style=CanvasStyle())
    assert min(grey.photographs) >= 0
