"""Pages by number and seed: the same again, of any size, with boxes around the ink, and through files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tenfold.llava_read.contents import Figure
from tenfold.llava_read.pages import draw_pages, figures_on, read_pages, write_pages
from tenfold.llava_read.reading_errors import NoPages
from tenfold.rendering.colours import NAMED
from tenfold.rendering.errors import InvalidDrawing
from tenfold.rendering.fonts import bundled_fonts


def drawn(part="test", count=10, **settings):
    return list(draw_pages(part, count, **{"seed": 0, "fonts": bundled_fonts(), **settings}))


def test_a_page_is_the_same_whatever_others_are_drawn():
    pages = drawn()
    (alone,) = drawn(count=1, first=7)
    assert alone.id == pages[7].id and alone.sha256 == pages[7].sha256 and alone.questions == pages[7].questions
    assert drawn(count=1, first=7, seed=1)[0].sha256 != alone.sha256


@pytest.mark.parametrize("size", [(256, 256), (320, 224), (224, 320), (512, 512)])
def test_boxes_hold_the_ink_on_pages_of_any_size(size):
    for page in drawn(count=5, size=size):
        assert page.image.shape == (size[1], size[0], 3) and (page.truth.width, page.truth.height) == size
        for word in page.truth.words:
            x0, y0, x1, y1 = (int(value) for value in word.box)
            assert 0 <= x0 < x1 <= size[0] and 0 <= y0 < y1 <= size[1]
            inside = page.image[y0:y1, x0:x1].reshape(-1, 3).astype(int)
            assert np.ptp(inside, axis=0).max() > 60  # letters on their ground
        for shape in page.description["shapes"]:
            x0, y0, x1, y1 = shape["box"]
            own = np.abs(page.image[y0:y1, x0:x1].astype(int) - NAMED[shape["colour"]]).sum(axis=2) < 12
            for axis, side in ((0, x1 - x0), (1, y1 - y0)):
                places = np.flatnonzero(own.any(axis=axis))
                assert places[0] <= 0.15 * side and places[-1] >= 0.85 * side - 1  # tips of stars are faint
            assert own.mean() > 0.2


def test_shapes_and_texts_do_not_overlap():
    for page in drawn("train", 40):
        boxes = [one["box"] for one in page.description["lines"]] + [one["box"] for one in page.description["shapes"]]
        for number, one in enumerate(boxes):
            for other in boxes[:number]:
                apart = min(one[2], other[2]) <= max(one[0], other[0]) or min(one[3], other[3]) <= max(one[1], other[1])
                assert apart, (page.id, one, other)


def test_every_fifth_page_is_a_chart_and_the_others_have_two_figures_at_least():
    for number, page in enumerate(drawn("train", 25)):
        figures = figures_on(page.description)
        assert ("bars" in page.description["facts"]) == (number % 5 == 4)
        assert bool(figures) != (number % 5 == 4)
        if figures:
            asked = {Figure(**one) for one in page.description["facts"]["figures"]}
            assert set(figures) == asked and 2 <= len(asked) <= 4
            assert len({one.shape for one in asked}) == len({one.colour for one in asked}) == len(asked)


def test_pages_come_back_from_their_files(tmp_path):
    pages = drawn(count=6)
    assert write_pages(pages, tmp_path) == 6
    for page, back in zip(pages, read_pages(tmp_path), strict=True):
        assert back.sha256 == page.sha256 and back.questions == page.questions and back.truth == page.truth
        assert back.description == json.loads(json.dumps(page.description))
        assert (back.id, back.part, back.layout) == (page.id, "test", page.layout)


def test_a_folder_that_holds_no_pages_is_refused_with_the_line(tmp_path):
    with pytest.raises(NoPages, match=r"no pages\.jsonl"):
        list(read_pages(tmp_path))
    write_pages(drawn(count=2), tmp_path)
    (tmp_path / "images" / f"{drawn(count=2)[1].id}.png").unlink()
    with pytest.raises(NoPages, match=r"pages\.jsonl:2"):
        list(read_pages(tmp_path))
    (tmp_path / "pages.jsonl").write_text('{"id": 3}\n')
    with pytest.raises(NoPages, match=r"pages\.jsonl:1"):
        list(read_pages(tmp_path))


def test_a_page_too_small_for_its_texts_is_refused():
    with pytest.raises(InvalidDrawing, match=r"100×256.*128 pixels"):
        drawn(count=1, size=(100, 256))
