"""Items by their names: how many, of which tasks, and which others a model may be fitted to."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tenfold.mmr.errors import NoItems
from tenfold.mmr.item_sources import limited, named_items, others
from tenfold.mmr.items import ItemSet
from tests.tenfold.mmr import small_items


def test_a_limit_takes_evenly_of_each_task_in_order():
    rows = [small_items.item("font_size", number) for number in range(5)] + [small_items.item("localize_o", 0)]
    items = ItemSet("made", tuple(rows))
    assert [one.key for one in limited(items, 3).rows] == ["font_size/0", "font_size/1", "localize_o/0"]
    assert limited(items, None) == limited(items, 6) == items
    every = ItemSet("all", tuple(small_items.of_all_tasks(3)))
    assert set(Counter(limited(every, 22).tasks.tolist()).values()) == {2}


def test_official_items_and_those_that_are_not_asked(tmp_path, monkeypatch):
    rows = [
        {"img_id": "a", "url": "", "Question": one.question, "Answer": one.answer, "task": one.task}
        for one in small_items.of_all_tasks(3)
    ]
    (tmp_path / "mmr_bench").mkdir()
    (tmp_path / "mmr_bench" / "mmr_qa.json").write_text(json.dumps(rows))
    asked = named_items("official", data=tmp_path / "mmr_bench", per_task=2).items
    monkeypatch.setenv("TENFOLD_MIRROR", str(tmp_path))
    assert named_items("official", per_task=2).items.rows == asked.rows
    rest = others("official", asked)
    assert len(asked) == 22 and len(rest) == 11 and not {one.key for one in asked.rows} & {one.key for one in rest.rows}
    with pytest.raises(NoItems, match="--fit"):
        others("official", named_items("official").items)


def test_a_folder_has_no_others(items):
    found = named_items(str(items.folder), per_task=1, limit=5).items
    assert len(found) == 5 and found.folder == items.folder
    with pytest.raises(NoItems, match="--fit"):
        others(str(items.folder), found)


def test_rendered_items_are_drawn_only_where_they_are_asked_about(tmp_path):
    named = named_items("rendered", limit=3, seed=2)
    found = named.within(tmp_path)
    assert len(found) == 3 and {one.file for one in found.rows} == {
        path.name for path in (tmp_path / "images").iterdir()
    }


def test_models_are_fitted_to_rendered_items_that_are_not_asked():
    asked = named_items("rendered", per_task=2, seed=2).items
    rest = others("rendered", asked, per_task=2, seed=2)

    def about(items):
        return {(one.question, one.answer, one.width, one.height, one.layout) for one in items.rows}

    assert len(rest) == len(asked) == len(about(asked)) and not about(asked) & about(rest)


def test_keys_of_drawn_items_say_of_which_set_they_are(monkeypatch):
    first, same, other, more = (
        named_items("rendered", per_task=count, seed=seed).items for count, seed in ((1, 1), (1, 1), (1, 2), (2, 1))
    )
    keys = [{one.key for one in items.rows} for items in (first, other, more)]
    assert first.rows == same.rows and all(one.key.startswith("rendered/1-") for one in first.rows)
    assert not keys[0] & keys[1] and not keys[0] & keys[2]
    few = named_items("rendered", per_task=2, limit=5, seed=1).items
    assert {one.key for one in few.rows} < keys[2]  # a part of a set is of that set
