"""Models that look at no image: the oracle has every point, constants are the best there are, chance is chance."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.data.made_up_files import made_up_files
from tenfold.data.receipts import read_receipts
from tenfold.data.registry import StandIn
from tenfold.metrics.boxes import iou_table
from tenfold.mmr.annotations import read_official
from tenfold.mmr.baselines import (
    ConstantBox,
    ConstantIndex,
    FirstAnswer,
    Oracle,
    RandomModel,
    best_box,
    box_of,
    true_reply,
)
from tenfold.mmr.errors import InvalidItem, InvalidModel
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.queries import Model, Query
from tenfold.mmr.receipts import items_about, receipt_items
from tenfold.mmr.scores import MENDED, Scores, score
from tenfold.mmr.tasks import CHOICE

MIRROR = Path(os.environ.get("TENFOLD_MIRROR", "none"))
needs_mirror = pytest.mark.skipif(not (MIRROR / "mmr_bench").is_dir(), reason="there is no mirror folder")


def queries(items: ItemSet) -> list[Query]:
    return [Query(item.key, item.task, item.question, item.question) for item in items.rows]


def scored(model: Model, items: ItemSet) -> Scores:
    return score(items, model.answer(queries(items)))


def choice_points(scores: Scores) -> float:
    return sum(points for column, points in scores.columns().items() if column in CHOICE)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory) -> ItemSet:
    folder = tmp_path_factory.mktemp("questions")
    for name, content in made_up_files(StandIn(maker="reading_questions", rows=14, seed=7))[1].items():
        (folder / name).write_bytes(content)
    return read_official(folder)


@pytest.fixture(scope="module")
def released() -> ItemSet:
    return read_official(MIRROR / "mmr_bench")


@pytest.fixture(scope="module")
def unused(released: ItemSet) -> ItemSet:
    kept = {item.key for item in released.first_of_each_task().rows}
    return released.only(np.array([item.key not in kept for item in released.rows]))


def test_the_oracle_has_every_point_under_both_scorers(made_up, tmp_path):
    for name, content in made_up_files(StandIn(maker="receipts", rows=12, seed=8))[1].items():
        (tmp_path / name).write_bytes(content)
    receipts = ItemSet("receipts", tuple(items_about(read_receipts(tmp_path), per_task=6)))
    for items in (made_up, receipts):
        oracle = Oracle(items)
        assert scored(oracle, items).total == items.points
        assert score(items, oracle.answer(queries(items)), MENDED).total == items.points
    (unknown,) = Oracle(receipts).answer([Query("other", "font_size", "?", "?")])
    assert unknown.status == "failed" and "knows no such item" in unknown.why
    assert Oracle(made_up).identity() != Oracle(receipts).identity()


def test_random_replies_are_by_chance_in_the_right_form_and_the_same_for_a_key(made_up):
    items = ItemSet(
        "many", tuple(Item(f"{n}", "a", "font_size", "1. a\n2. b\n3. c\n4. d", str(n % 4 + 1)) for n in range(800))
    )
    assert abs(scored(RandomModel(3), items).total - 200) < 5 * np.sqrt(800 * 0.25 * 0.75)
    replies = RandomModel(3).answer(queries(made_up))
    assert replies == [RandomModel(np.int64(3)).answer([query])[0] for query in queries(made_up)]
    assert replies != RandomModel(4).answer(queries(made_up))
    assert not score(made_up, replies).format_failures.any() and not score(made_up, replies).unanswered.any()
    with pytest.raises(InvalidModel, match="0 or more"):
        RandomModel(-1)


def choices(*answers: str, task="font_size") -> ItemSet:
    return ItemSet(
        "c", tuple(Item(f"{n}", "a", task, "1. a\n2. b\n3. c\n4. d", answer) for n, answer in enumerate(answers))
    )


def test_a_constant_number_is_the_commonest_of_its_task_and_no_constant_beats_it(made_up):
    assert ConstantIndex.fitted(choices("3", "1", "3", "2", "1")).numbers["font_size"] == "1"
    fitted = ConstantIndex.fitted(made_up)
    assert ConstantIndex.fitted(choices("4")).numbers["spatial_tt"] == "1"
    most = choice_points(scored(fitted, made_up))
    for number in "1234":
        assert choice_points(scored(ConstantIndex(dict.fromkeys(CHOICE, number)), made_up)) <= most
    unanswered = scored(fitted, made_up).unanswered
    assert (unanswered == [item.task not in CHOICE for item in made_up.rows]).all()


sides = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda pair: pair[1] - pair[0] > 0.05)
boxes = st.tuples(sides, sides).map(lambda pair: [pair[0][0], pair[1][0], pair[0][1], pair[1][1]])


@settings(max_examples=25)
@given(st.lists(boxes, min_size=1, max_size=6))
def test_no_box_of_the_grid_overlaps_more_boxes_than_the_best_one(wanted):
    best = np.array([best_box(np.array(wanted), 0.25)])
    hits = int((iou_table(best, np.array(wanted)) > 0.3).sum())
    edges = np.linspace(0, 1, 5)
    for x0, x1 in ((low, high) for low in edges for high in edges if low < high):
        for y0, y1 in ((low, high) for low in edges for high in edges if low < high):
            assert (iou_table(np.array([[x0, y0, x1, y1]]), np.array(wanted)) > 0.3).sum() <= hits


def test_a_constant_box_keeps_to_its_task_and_survives_boxes_that_are_none():
    odd = ["[0.2, 0.899, 0.8, 0.84]", "[0.46, 7.3, 4.8, 7.6]"]
    rows = [
        Item(f"t{n}", "a", "grounding_t", "?", f'["x", {box}]')
        for n, box in enumerate([*odd, *["[0.1, 0.1, 0.3, 0.2]"] * 3])
    ]
    items = ItemSet("g", tuple(rows))
    model = ConstantBox.fitted(items)
    assert model.boxes == {"grounding_t": (0.1, 0.1, 0.3, 0.2)}
    assert scored(model, items).columns()["grounding_t box"] == 3
    (other,) = model.answer([Query("a", "grounding_o", "?", "?")])
    assert other.status == "empty" and model.identity()["boxes"] == {"grounding_t": [0.1, 0.1, 0.3, 0.2]}
    for step in (0, 0.6):
        with pytest.raises(InvalidModel, match=r"0\.01 to 0\.5"):
            ConstantBox.fitted(items, step=step)


@pytest.mark.parametrize(
    "answer", ["no JSON", "[1, 2, 3]", '["x", [0, 0, 1]]', "[1, [0, 0, 1, 1]]", '["x", "y"]', "{}"]
)
def test_an_answer_of_another_form_is_named(answer):
    item = Item("k", "a", "grounding_t", "?", answer)
    for read in (true_reply, box_of):
        with pytest.raises(InvalidItem, match="k: "):
            read(item)


def test_the_first_answer_counts_and_a_failure_of_all_stays_one(made_up):
    index, box = ConstantIndex.fitted(made_up), ConstantBox.fitted(made_up)
    both = scored(FirstAnswer("Constants", [index, box]), made_up)
    assert both.total == scored(index, made_up).total + scored(box, made_up).total
    assert set(np.array(made_up.tasks)[both.unanswered]) == {"recognition_label", "recognition_pos"}
    with pytest.raises(InvalidModel, match="one model at least"):
        FirstAnswer("none", [])
    assert json.dumps(FirstAnswer("c", [index, box]).identity())


@needs_mirror
def test_the_released_annotations_give_what_was_measured_of_them(released):
    first = released.first_of_each_task()
    assert scored(Oracle(first), first).total == 600
    index, box = ConstantIndex.fitted(first), ConstantBox.fitted(first)
    columns = scored(index, first).columns()
    assert choice_points(scored(index, first)) == 108 and columns["font_size"] == columns["spatial_tt"] == 20
    grounding = scored(box, first).columns()
    assert (grounding["grounding_o"], grounding["grounding_t box"]) == (29, 7)
    assert box.boxes["grounding_o"] == (0.15, 0.3, 0.8, 0.95)
    assert scored(FirstAnswer("Constants", [index, box]), first).total == 144


@needs_mirror
def test_a_box_of_the_unused_rows_is_worth_less_on_the_scored_ones(released, unused):
    first = released.first_of_each_task()
    objects: Callable[[ItemSet], ItemSet] = lambda items: items.only(items.tasks == "grounding_o")  # noqa: E731
    assert len(objects(unused)) == 463
    points = [scored(ConstantBox.fitted(objects(unused), step=step), objects(first)).total for step in (0.1, 0.05)]
    assert points == [21, 23]  # on the coarser and the finer grid; 29 where the scored items themselves choose


@needs_mirror
def test_the_oracle_has_350_points_on_real_receipts():
    items = ItemSet("receipts", tuple(receipt_items(MIRROR / "sroie")))
    assert scored(Oracle(items), items).total == items.points == 350
