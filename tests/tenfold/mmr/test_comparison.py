"""Intervals over images, paired differences and rankings, on sets whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tenfold.mmr.comparison import (
    LEAST_DIFFERING,
    SEVERAL,
    chance_corrected,
    column_estimates,
    compare,
    compare_all,
    differing,
    estimate,
    kendall_tau,
    rank_stability,
    strata_of,
)
from tenfold.mmr.errors import InvalidItem, InvalidPredictions
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.predictions import prediction_of
from tenfold.mmr.scores import score
from tenfold.mmr.tasks import COLUMNS, GROUNDING, TASKS

ANSWERS = {"grounding_o": "[0, 0, 1, 1]", "grounding_t": '["a", [0, 0, 1, 1]]'}


def a_set(per_task: int = 20, shared: int = 5) -> ItemSet:
    """Items of all tasks; the first ``shared`` of each task are about the same images."""
    rows = [
        Item(f"{task} {n}", f"page {n}" if n < shared else f"{task} {n}", task, "?", ANSWERS.get(task, "1"))
        for task in TASKS
        for n in range(per_task)
    ]
    return ItemSet("made up", tuple(rows))


def coin(items: ItemSet, chance: float, seed: int) -> np.ndarray:
    """Points (N, 2) that fall at random."""
    points = np.random.default_rng(seed).random((len(items), 2)) < chance
    return points * np.array([[1, task == "grounding_t"] for task in items.tasks], dtype=float)


def doubled(items: ItemSet) -> ItemSet:
    return ItemSet("doubled", items.rows + tuple(replace(row, key=f"{row.key} again") for row in items.rows))


def test_totals_are_sums_of_points_and_shares_are_means_of_columns():
    items = a_set()
    points = coin(items, 0.6, seed=0)
    total = estimate(points, items)
    assert total.value == pytest.approx(points.sum()) and total.interval[0] < total.value < total.interval[1]
    share = estimate(points, items, unit="share")
    assert share.value == pytest.approx(total.value / items.points)
    columns = column_estimates(points, items)
    assert list(columns) == list(COLUMNS)
    assert sum(one.value for one in columns.values()) == pytest.approx(total.value)
    assert columns["grounding_t box"].n == 20


def test_the_width_is_that_of_independent_items_where_no_image_is_shared():
    items = a_set(per_task=50, shared=0)
    points = coin(items, 0.5, seed=1)
    low, high = estimate(points, items).interval
    shares = [points[items.tasks == task] for task in TASKS]
    expected = np.sqrt(sum(50 * one.sum(axis=1).var() for one in shares))
    assert (high - low) / (2 * 1.96) == pytest.approx(expected, rel=0.1)


def test_doubling_every_item_shrinks_no_interval():
    items = a_set()
    points, other = coin(items, 0.6, seed=0), coin(items, 0.5, seed=9)
    twice = doubled(items)
    once, both = estimate(points, items, unit="share"), estimate(np.tile(points, (2, 1)), twice, unit="share")
    assert both.interval == pytest.approx(once.interval) and both.n == once.n
    one = compare(points, other, items)
    two = compare(np.tile(points, (2, 1)), np.tile(other, (2, 1)), twice)
    assert two.p_value == one.p_value and two.value == pytest.approx(2 * one.value)


def test_shared_images_widen_intervals():
    items = a_set(per_task=30, shared=30)
    page = np.random.default_rng(0).random(30) < 0.5  # all or nothing, by page
    points = np.array([[page[int(row.key.split()[-1])], row.task == "grounding_t"] for row in items.rows], dtype=float)
    points[:, 1] *= points[:, 0]
    apart = ItemSet("apart", tuple(replace(row, image=row.key) for row in items.rows))
    together, alone = (estimate(points, one).interval for one in (items, apart))
    assert together[1] - together[0] > 2.5 * (alone[1] - alone[0])


def test_paired_comparison_sees_what_two_intervals_do_not():
    items = a_set()
    points = coin(items, 0.5, seed=2)
    better = points.copy()
    better[np.flatnonzero(points[:, 0] == 0)[:12], 0] = 1
    found = compare(better, points, items)
    assert found.value == pytest.approx(12) and found.interval[0] > 0 and found.p_value < 0.01
    first, second = estimate(better, items).interval, estimate(points, items).interval
    assert first[0] < second[1]  # the intervals overlap


def test_of_a_few_images_that_differ_nothing_is_said():
    items = a_set()
    points = coin(items, 0.5, seed=2)
    wrong = np.flatnonzero((points[:, 0] == 0) & (items.tasks == "font_size"))
    few, enough = points.copy(), points.copy()
    few[wrong[: LEAST_DIFFERING - 1], 0] = enough[wrong[:LEAST_DIFFERING], 0] = 1
    assert compare(points, points, items) is None and compare(few, points, items) is None
    assert compare(enough, points, items).value == pytest.approx(LEAST_DIFFERING)
    assert differing(few, points, items, unit="share") == LEAST_DIFFERING - 1
    assert differing(few, points, items, columns=["grounding_o"]) == 0
    level = points.copy()  # what a page gains in one task it loses in another
    here = [
        np.flatnonzero((items.images == "page 0") & (items.tasks == task))[0] for task in ("font_size", "localize_o")
    ]
    points[here, 0], level[here, 0] = [0, 1], [1, 0]
    assert differing(level, points, items) == 0 and differing(level, points, items, columns=["font_size"]) == 1
    pairs = compare_all({"one": points, "few": few, "other": coin(items, 0.9, seed=3)}, items)
    assert [(one.first, one.second) for one in pairs] == [("one", "other"), ("few", "other")]


def test_resamples_hold_as_many_images_of_each_task_as_the_set():
    items = a_set(per_task=2, shared=0)
    items = items.only(np.isin(items.tasks, ["font_size", "font_color"]))
    points = np.array([[task == "font_size", 0] for task in items.tasks], dtype=float)
    assert estimate(points, items).interval == (2, 2)  # if tasks were drawn, one in sixteen would hold none of them
    assert chance_corrected(points, 0 * points, items, columns=["font_size", "font_color"]).interval == (0.5, 0.5)


def test_p_values_of_all_pairs_are_adjusted_for_their_number():
    items = a_set()
    models = {"a": coin(items, 0.8, 1), "b": coin(items, 0.5, 2), "c": coin(items, 0.5, 3)}
    found = compare_all(models, items)
    assert [(one.first, one.second) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert all(one.adjusted >= one.difference.p_value for one in found)
    assert found[0].adjusted < 0.05 < found[2].adjusted


def test_a_clear_order_stays_and_a_tie_does_not():
    items = a_set()
    clear = rank_stability({"low": coin(items, 0.1, 1), "high": coin(items, 0.9, 2), "mid": coin(items, 0.5, 3)}, items)
    assert clear.order == ("high", "mid", "low") and clear.tau == clear.kept == clear.first_kept == 1
    level = rank_stability({str(n): coin(items, 0.5, n) for n in range(5)}, items)
    assert level.tau < 0.9 and level.kept < 0.7 and level.interval[0] < level.tau
    same = coin(items, 0.5, 0)
    assert rank_stability({"a": same, "b": same}, items).tau == 0


def test_tau_between_two_ways_of_scoring():
    one = {"a": 3.0, "b": 2.0, "c": 1.0}
    assert kendall_tau(one, one) == pytest.approx(1) and kendall_tau(one, {"a": 1, "b": 2, "c": 3}) == pytest.approx(-1)
    assert kendall_tau(one, dict.fromkeys(one, 1.0)) is None
    with pytest.raises(InvalidPredictions):
        kendall_tau(one, {"a": 1.0})


def test_chance_is_zero_and_all_points_are_one():
    items = a_set()
    chance, columns = coin(items, 0.4, 4), ["grounding_o", "grounding_t box"]
    perfect = np.array([[1, task == "grounding_t"] for task in items.tasks], dtype=float)
    assert chance_corrected(chance, chance, items, columns=columns).value == 0
    assert chance_corrected(perfect, chance, items, columns=columns).value == 1
    assert chance_corrected(0 * chance, chance, items, columns=columns).value < 0
    assert chance_corrected(chance, perfect, items, columns=columns) is None


def test_images_with_one_task_are_strata_and_the_others_are_together():
    images, strata = strata_of(a_set(per_task=6, shared=2))
    found = dict(zip(images.tolist(), strata.tolist(), strict=True))
    assert found["page 0"] == SEVERAL and found["font_size 3"] == "font_size"
    assert set(strata_of(a_set(per_task=1, shared=0))[1]) == {SEVERAL}


def test_scores_are_taken_as_they_are_and_those_of_other_items_refused():
    items = a_set().only(np.isin(a_set().tasks, GROUNDING, invert=True))
    scores = score(items, [prediction_of(row.key, row.answer) for row in items.rows])
    assert estimate(scores, items).value == scores.total == 180
    with pytest.raises(InvalidPredictions, match="no scores of the items"):
        estimate(scores, items.only(range(20)))
    with pytest.raises(InvalidItem, match="do not belong"):
        estimate(np.zeros((3, 2)), items)
    with pytest.raises(InvalidPredictions, match="no item in the columns"):
        estimate(scores, items, columns=["grounding_o"])
