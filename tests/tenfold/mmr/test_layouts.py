"""Every layout of the benchmark, in both bands and several shapes of page."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.mmr.author_names import GIVEN_NAMES
from tenfold.mmr.layouts import LAYOUTS, cells
from tenfold.mmr.page_contents import contents_of, flaw_of
from tenfold.mmr.pages import draw_page
from tenfold.mmr.sheets import BANDS, GROUNDS, palette_on
from tenfold.rendering.colours import NAMED, contrast_ratio, delta_e
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import LAYOUTS as TRAINING_LAYOUTS
from tenfold.rendering.reading_parts import LAYOUTS as PARTS
from tenfold.rendering.reading_parts import assets_of
from tenfold.rendering.words import english_words

ASSETS = assets_of("evaluation", bundled_fonts())


def test_the_layouts_are_those_of_the_part_that_evaluates():
    assert tuple(LAYOUTS) == PARTS["evaluation"]
    assert not set(LAYOUTS) & set(TRAINING_LAYOUTS)


def test_no_given_name_is_a_word_of_the_list():
    assert not {name.casefold() for name in GIVEN_NAMES} & set(english_words())
    assert len(GIVEN_NAMES) == len(set(GIVEN_NAMES)) > 60


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("band", BANDS)
def test_a_page_has_its_size_its_band_and_nothing_on_top_of_another(layout, band):
    for seed in range(3):
        drawing = draw_page(layout, band, (seed,), assets=ASSETS)
        height, width = drawing.image.shape[:2]
        assert min(width, height) >= 384 and max(width, height) <= 640
        assert drawing.facts["band"] == band and drawing.layout == layout
        contents = contents_of(drawing)
        assert flaw_of(contents) not in ("two things overlap", "two objects have one name")
        assert len(contents.texts) >= 3 and contents.objects
        again = draw_page(layout, band, (seed,), assets=ASSETS)
        assert np.array_equal(again.image, drawing.image) and again.description() == drawing.description()


@pytest.mark.parametrize("layout", ["jacket", "playbill", "programme"])
def test_a_title_is_the_largest_text_and_its_subtitle_right_below(layout):
    for seed in range(4):
        drawing = draw_page(layout, "large", (seed,), assets=ASSETS)
        title, subtitle = ([one for one in drawing.lines if one.role == role] for role in ("title", "subtitle"))
        assert all(title[0].style.size >= 1.25 * line.style.size for line in drawing.lines if line not in title)
        assert 0 <= subtitle[0].box[1] - title[-1].box[3] < 3 * subtitle[0].style.size


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_texts_of_a_page_can_be_read_on_what_they_stand_on(layout):
    for band, seed in (("large", 1), ("small", 2)):
        drawing = draw_page(layout, band, (seed,), assets=ASSETS)
        ground = GROUNDS[drawing.facts["ground"]]
        for line in drawing.lines:
            assert contrast_ratio(line.style.colour, ground) >= (4.5 if band == "small" else 3.2)
            x0, y0, x1, y1 = line.box
            assert np.ptp(drawing.image[y0:y1, x0:x1].astype(int).sum(axis=2)) > 150, line
        for shape in drawing.shapes:
            assert delta_e(shape.colour, ground) >= 30 and contrast_ratio(shape.colour, ground) >= 2


@pytest.mark.parametrize("ground", GROUNDS)
def test_colours_of_one_page_are_told_apart_in_whatever_order_they_come(ground):
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(len(NAMED))
        kept = [NAMED[name] for name in palette_on(GROUNDS[ground], "large", order)]
        assert all(delta_e(a, b) >= 20 for place, a in enumerate(kept) for b in kept[:place])
        assert len(kept) >= 4 or ground in ("black", "navy")


def test_cells_divide_a_box_and_do_not_touch():
    found = cells((10, 20, 110, 80), 2, 3, gap=5)
    assert len(found) == 6 and found[0][:2] == (10, 20)
    assert all(x1 <= 110 and y1 <= 80 for _, _, x1, y1 in found)
    assert found[1][0] - found[0][2] == 5 and found[3][1] - found[0][3] == 5
