"""BBQ-micro and the annotator that is biased on purpose."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tenfold.debias.annotator import Annotator, annotators
from tenfold.debias.errors import InvalidItem
from tenfold.debias.items import Items
from tenfold.debias.micro import micro_items, predicate
from tests.tenfold.debias.micro_cases import PLACES, made_up_items

MIRROR = Path(os.environ["TENFOLD_MIRROR"]) / "bbq" if os.environ.get("TENFOLD_MIRROR") else None
SIX = {
    "Age": 25,
    "Disability_status": 25,
    "Nationality": 17,
    "Physical_appearance": 16,
    "SES": 23,
    "Sexual_orientation": 18,
}


@pytest.fixture(scope="module")
def items() -> Items:
    return made_up_items()


@pytest.fixture(scope="module")
def micro(items: Items) -> Items:
    return micro_items(items, contexts=4, seed=0)


def test_only_templates_that_ask_who_in_both_polarities_are_used(items: Items, micro: Items) -> None:
    assert len(set(items.templates)) == 18
    assert len(set(micro.templates)) == 15
    one_sided = items.only([item.template != "g0/0" or item.polarity == "neg" for item in items.rows])
    assert len(set(micro_items(one_sided, contexts=4, seed=0).templates)) == 14


def test_every_context_is_asked_about_in_four_ways(micro: Items) -> None:
    cells = Counter((item.template, item.polarity, item.condition) for item in micro.rows)
    assert set(cells.values()) == {len(PLACES)}
    assert len({item.key for item in micro.rows}) == len(micro) == 15 * len(PLACES) * 4


def test_ambiguous_questions_are_the_original_ones(items: Items, micro: Items) -> None:
    originals = {
        (item.context, item.question, item.options)
        for item in items.rows
        if item.condition == "ambig" and item.question.startswith("Who ")
    }
    assert {(item.context, item.question, item.options) for item in micro.only(micro.ambiguous).rows} == originals
    assert (micro.gold == micro.unknown)[micro.ambiguous].all()


def test_the_disambiguation_is_one_sentence_that_names_the_gold_person(micro: Items) -> None:
    item = next(item for item in micro.rows if item.condition == "disambig")
    person = item.options[item.gold or 0]
    assert item.context.endswith(f". The one who {predicate(item.question)} was the {person[4:]}.")
    assert item.gold != item.unknown


def test_half_of_the_disambiguations_agree_with_the_stereotype(micro: Items) -> None:
    for template in set(micro.templates):
        clear = [item for item in micro.rows if item.template == template and item.condition == "disambig"]
        assert sum(item.gold == item.target for item in clear) * 2 == len(clear)


def test_both_polarities_of_a_context_tell_one_story(micro: Items) -> None:
    told = {item.key: item for item in micro.rows if item.condition == "disambig"}
    for key, item in told.items():
        other = told[key.replace("/neg/", "/nonneg/")]
        if other is not item:
            assert item.options[item.gold or 0] != other.options[other.gold or 0]


def test_the_same_seed_makes_the_same_questions_and_another_one_others(items: Items) -> None:
    assert micro_items(items, contexts=2, seed=0) == micro_items(items, contexts=2, seed=0)
    assert micro_items(items, contexts=2, seed=0) != micro_items(items, contexts=2, seed=1)


def test_nothing_left_is_an_error(items: Items) -> None:
    with pytest.raises(InvalidItem, match="both polarities"):
        micro_items(items, contexts=2, seed=0, groups=["elsewhere"])
    with pytest.raises(InvalidItem, match="who"):
        predicate("Which one was late?")


def test_the_annotator_replaces_ambiguous_answers_at_its_rates(micro: Items) -> None:
    many = Items(micro.rows * 20)
    annotator = annotators(set(micro.groups), ["a", "b", "c"])["a"]
    labels = annotator.labels(many, np.random.default_rng(0))
    clear = ~many.ambiguous
    assert (labels[clear] == many.gold[clear]).all()
    replaced = labels != many.gold
    fair = np.isin(many.groups, ["g0"])
    assert abs(replaced[many.ambiguous & fair].mean() - 0.1) < 0.02
    assert abs(replaced[many.ambiguous & ~fair].mean() - 0.85) < 0.02
    assert abs((labels == many.target)[replaced].mean() - 0.85) < 0.02
    assert (labels != many.unknown)[replaced].all()


def test_every_group_has_one_fair_agent_of_three() -> None:
    found = annotators(["x", "y", "z", "u", "v", "w"], ["a", "b", "c"])
    fair = Counter(group for annotator in found.values() for group in annotator.fair_groups)
    assert set(fair.values()) == {1}
    assert len(fair) == 6


def test_associations_hold_no_context_and_name_persons(micro: Items) -> None:
    pairs, persons = Annotator(frozenset()).associations(micro, np.random.default_rng(0))
    assert set(pairs.templates) == set(micro.templates)
    assert {item.context for item in pairs.rows} == {""}
    assert (persons != pairs.unknown).all()
    assert abs((persons == pairs.target).mean() - 0.85) < 0.1


def test_a_rate_outside_0_to_1_and_a_missing_target_are_errors(micro: Items) -> None:
    with pytest.raises(InvalidItem, match="biased_rate"):
        Annotator(frozenset(), biased_rate=1.2)
    bare = Items(tuple(replace(item, target=None) for item in micro.rows[:40]))
    with pytest.raises(InvalidItem, match="target"):
        Annotator(frozenset(), biased_rate=1.0).labels(bare, np.random.default_rng(0))


@pytest.mark.skipif(MIRROR is None, reason="needs TENFOLD_MIRROR")
def test_six_groups_of_bbq_hold_124_templates_that_ask_who() -> None:
    from tenfold.debias.bbq import read_bbq

    assert MIRROR is not None
    micro = micro_items(read_bbq(MIRROR), contexts=6, seed=0, groups=SIX)
    found = Counter(group for _, group in {(item.template, item.group) for item in micro.rows})
    assert found == SIX
    assert found.total() == 124
    contexts: dict[str, set[str]] = {}
    for item in micro.rows:
        contexts.setdefault(item.context, set()).add(item.template)
    assert {len(templates) for templates in contexts.values()} == {1}
