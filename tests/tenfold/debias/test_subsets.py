"""Subsets that are stratified, splits that share nothing, and hard questions from another run."""

from collections import Counter

import numpy as np
import pytest

from tenfold.debias.errors import InvalidAnswers, NoQuestions
from tenfold.debias.items import Items
from tenfold.debias.subsets import SPLITS, hard_set, held_out_templates, limit_per_group, template_splits
from tests.tenfold.debias.questions import balanced, question


@pytest.mark.parametrize("limit", [1, 4, 10, 20, 37, 500])
def test_a_limit_is_per_group_and_even_over_templates_polarity_and_condition(limit):
    items = balanced(per_cell=5, templates=10)  # 200 a group
    found = limit_per_group(items, limit, seed=0)
    assert Counter(found.groups.tolist()) == {"G": min(limit, 200), "H": min(limit, 200)}
    for group in ("G", "H"):
        own = [item for item in found.rows if item.group == group]
        templates = Counter(item.template for item in own)
        assert len(templates) == min(limit, 10)
        assert max(templates.values()) - min(templates.values()) <= 1
        strata = Counter((item.polarity, item.condition) for item in own)
        assert max(strata.values()) - min(strata.values()) <= (0 if limit == 500 else 2)
        assert len(strata) == min(limit, 4)


def test_a_limit_keeps_the_order_and_depends_on_the_seed_alone():
    items = balanced()
    first, again, other = (limit_per_group(items, 7, seed=seed) for seed in (1, 1, 2))
    assert first.rows == again.rows != other.rows
    places = [items.rows.index(item) for item in first.rows]
    assert places == sorted(places)
    with pytest.raises(NoQuestions, match="a limit of 0"):
        limit_per_group(items, 0, seed=0)


def test_splits_share_no_template_and_no_context_and_every_template_is_tested_in_some_fold():
    items = balanced(templates=20)
    tested = set()
    for fold in range(3):
        masks = template_splits(items, fold=fold, seed=1)
        assert np.array_equal(sum(mask.astype(int) for mask in masks.values()), np.ones(len(items)))
        for kind in ("template", "context"):
            sets = [{getattr(items.rows[place], kind) for place in np.flatnonzero(masks[name])} for name in SPLITS]
            assert not (sets[0] & sets[1] | sets[0] & sets[2] | sets[1] & sets[2])
        tested |= set(items.templates[masks["test"]])
        shares = [mask.mean() for mask in masks.values()]
        assert shares == pytest.approx([0.4, 0.2, 0.4], abs=0.03)
        by_group = [(masks["test"] & (items.groups == group)).sum() for group in ("G", "H")]
        assert abs(by_group[0] - by_group[1]) <= 40  # two templates
    assert tested == set(items.templates)


def test_templates_with_a_context_in_common_go_together():
    rows = [question(number, template=f"G/{number}", context=f"context {number // 2}") for number in range(20)]
    masks = template_splits(Items(tuple(rows)))
    for mask in masks.values():
        assert (mask[::2] == mask[1::2]).all()
    with pytest.raises(NoQuestions, match="too few"):
        template_splits(Items(tuple(rows[:4])))
    with pytest.raises(NoQuestions, match="fold 3 of 3"):
        template_splits(Items(tuple(rows)), fold=3)


def test_held_out_templates_share_no_context_with_the_others_and_are_of_all_groups():
    rows = [
        question(number, group=group, template=f"{group}/{number}", context=f"{group} {number // 2}")
        for group in ("G", "H")
        for number in range(20)
    ]
    items = Items(tuple(rows))
    found = held_out_templates(items, 0.3, seed=1)
    assert found.sum() == 12 and (found[::2] == found[1::2]).all()
    assert [found[items.groups == group].sum() for group in ("G", "H")] == [6, 6]
    assert np.array_equal(found, held_out_templates(items, 0.3, seed=1))
    for share in (0.01, 0.99):
        with pytest.raises(NoQuestions, match="20 templates without a common context are too few to hold out"):
            held_out_templates(items, share)


def test_hard_questions_are_ambiguous_missed_by_enough_and_of_another_run():
    items = balanced()
    right, wrong = items.gold, np.where(items.gold == 0, 1, 0)
    answers = np.stack([right, wrong, np.where(items.groups == "G", wrong, right)])
    hard = hard_set(items, answers, hard_min=2, sampling_run="seed 1", scored_run="seed 0")
    assert np.array_equal(hard, items.ambiguous & (items.groups == "G"))
    with pytest.raises(InvalidAnswers, match="is scored; sample a second one"):
        hard_set(items, answers, hard_min=2, sampling_run="seed 0", scored_run="seed 0")
    with pytest.raises(InvalidAnswers, match="hard_min = 4"):
        hard_set(items, answers, hard_min=4, sampling_run="seed 1", scored_run="seed 0")
