"""What models are told: the released prompts, and what each style says of coordinates."""

from __future__ import annotations

import pytest

from tenfold.mmr.errors import InvalidModel
from tenfold.mmr.prompts import SHARES, STYLES, prompt_of, queries_of, system_of
from tenfold.mmr.tasks import CHOICE, GROUNDING, RECOGNITION, TASKS
from tests.tenfold.mmr import small_items


def test_the_released_user_prompts():
    assert prompt_of("font_size", "Q\n1. a").splitlines()[-1].endswith("such as 1, 2, 3, or 4")
    assert prompt_of("recognition_pos", "Q").splitlines()[-1].startswith("Only print the text")
    box, text = prompt_of("grounding_o", "where is the dog?"), prompt_of("grounding_t", "What is the title?")
    assert box.startswith("where is the dog?\n") and "[x_min, y_min, x_max, y_max]" in box
    assert text.endswith('"Hello world", [x_min, y_min, x_max, y_max]')


@pytest.mark.parametrize("task", GROUNDING)
def test_which_styles_say_the_range_of_coordinates(task):
    def said(style):
        words = f"{system_of(task, style)} {prompt_of(task, 'where is the dog?', style)}"
        return any(part in words for part in ("0 to 1", "between 0 and 1"))

    assert {style for style in STYLES if said(style)} == {"official_system", "explicit", "qwen"}
    assert prompt_of(task, "Q", "explicit").removesuffix(f"\n{SHARES}") == prompt_of(task, "Q")


def test_styles_differ_only_where_they_say_so():
    for task in TASKS:
        official = prompt_of(task, "Q")
        assert prompt_of(task, "Q", "official_system") == official and bool(system_of(task, "official_system"))
        assert all(system_of(task, style) == "" for style in STYLES if style != "official_system")
        if task not in GROUNDING:
            assert prompt_of(task, "Q", "explicit") == prompt_of(task, "Q", "double_wrapped") == official
            assert prompt_of(task, "Q", "qwen") == "Q"
    wrapped = prompt_of("grounding_o", "where is the dog in the image?", "double_wrapped")
    assert wrapped.startswith("where is the where is the dog in the image? in the image?\n")
    assert prompt_of("grounding_t", "Q", "double_wrapped") == prompt_of("grounding_t", "Q")
    assert "607.99" in system_of("grounding_o", "official_system")


def test_every_item_gets_its_query_in_order(items):
    found = list(queries_of(items))
    assert [(one.key, one.task) for one in found] == [(one.key, one.task) for one in items.rows]
    for item, query in zip(items.rows, found, strict=True):
        assert query.prompt == prompt_of(item.task, item.question) and query.question == item.question
        assert query.image.shape == (small_items.HEIGHT, small_items.WIDTH, 3)
        assert (query.width, query.height) == (item.width, item.height)
    assert len({one.image_digest for one in found}) == 2


def test_queries_are_made_one_by_one(items):
    (items.folder / "images" / items.rows[-1].file).unlink()
    assert next(queries_of(items)).key == items.rows[0].key


def test_blind_queries_need_no_images(items):
    found = list(queries_of(type(items)(items.name, items.rows), images=False))
    assert len(found) == len(items) and all(one.image is None and one.image_digest == "" for one in found)


def test_a_style_that_is_none_is_refused(items):
    with pytest.raises(InvalidModel, match=r"'polite'.*official, official_system"):
        next(queries_of(items, style="polite"))


def test_tasks_are_all_of_one_kind():
    assert set(CHOICE) | set(RECOGNITION) | set(GROUNDING) == set(TASKS)
