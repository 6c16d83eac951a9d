"""What the annotations say by themselves: planted unevenness, short references and options turn each finding."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.report.claims import load_claims
from flows.report.verdicts import Verdict, judge
from steps.mmr.item_sets import OFFICIAL, Source
from steps.mmr.official_annotations import added, deleted, fitted_index_points, measurements, replaced
from steps.mmr.predict_blind import with_shuffled_answers
from steps.mmr.predict_rules import of_next_image
from steps.mmr.replies import read_replies
from steps.mmr.scored import ScoredSet, score_sets
from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.tasks import CHOICE
from tests.steps.mmr.planted import item_set, write_replied

CLAIMS = load_claims(Path("steps/mmr/claims.yaml"))
SPREAD = {"font_size": (16, 20, 11, 3), "spatial_tt": (7, 20, 19, 4)}  # right indices of the released annotations


def verdict(name: str, own: ScoredSet) -> Verdict:
    return judge(next(entry for entry in CLAIMS.entries if entry.id == name), measurements(own)).verdict


def scored(root: Path, items: ItemSet) -> ScoredSet:
    return score_sets(
        {OFFICIAL: Source(items, {"stand_in": False})}, read_replies([write_replied(root, {OFFICIAL: items})])
    )[OFFICIAL]


def uneven(items: ItemSet) -> ItemSet:
    """Return items of which two tasks have the right indices of the released annotations, on images of their own."""
    given = {
        task: iter(np.random.default_rng(0).permutation(np.repeat([1, 2, 3, 4], own))) for task, own in SPREAD.items()
    }
    rows = (
        replace(item, image=item.key, answer=str(next(given[item.task])) if item.task in given else item.answer)
        for item in items.rows
    )
    return ItemSet(items.name, tuple(rows))


def test_uneven_indices_are_found_in_the_tasks_that_have_them_and_even_ones_give_less_than_chance(tmp_path):
    even = item_set(OFFICIAL, 50, images=550)
    found = measurements(scored(tmp_path / "uneven", uneven(even)))
    assert (
        found["official_uneven_tasks"].value == 2 and "font_size, spatial_tt" in found["official_uneven_tasks"].detail
    )
    assert 15 < found["official_fitted_index_font_size"].number < 20
    assert found["official_best_index_of_chance"].number == pytest.approx(113.5, abs=0.5)
    none = scored(tmp_path / "even", even)
    assert measurements(none)["official_uneven_tasks"].value == 0 and verdict("F1", none) is Verdict.NOT_CONFIRMED
    assert measurements(none)["official_fitted_index"].number < 87.5


def test_an_index_is_fitted_to_other_images_than_it_answers():
    rows = [
        Item(f"{n}", f"image {n // 2}", "font_size", "Which?\n1. a\n2. b\n3. c\n4. d", str(1 + n // 2))
        for n in range(8)
    ]
    assert all(own["font_size"] == 0 for own in fitted_index_points(ItemSet("own", tuple(rows))))


def test_ways_to_miss_a_reference_by_one_character():
    assert replaced("qa") == ["za", "qz"] and deleted("qa") == ["a", "q"] and added("qa") == ["zqa", "qaz"]


def short(items: ItemSet, texts: list[str]) -> ItemSet:
    """Return items whose first recognition labels have ``texts`` as references."""
    given = iter(texts)
    rows = [
        replace(one, answer=next(given, one.answer)) if one.task == "recognition_label" else one for one in items.rows
    ]
    return ItemSet(items.name, tuple(rows))


def test_short_references_forgive_what_surrounds_them_and_no_error_within(tmp_path):
    texts = ["NINE CHAR", "BLAP-KITS", *(f"text {n:02}" for n in range(14))]
    own = scored(tmp_path / "as released", short(item_set(OFFICIAL, 50), texts))
    assert verdict("F5", own) is Verdict.CONFIRMED
    found = measurements(own)
    assert (
        found["official_short_deleted_right"].value == 1 and "BLAP-KITS" in found["official_short_deleted_right"].detail
    )
    longer = scored(tmp_path / "longer", short(item_set(OFFICIAL, 50), texts[:-1]))
    assert verdict("F5", longer) is Verdict.NOT_CONFIRMED


def asked(items: ItemSet, right: list[str]) -> ItemSet:
    """Return items whose first sizes have ``right`` as their right options, and a digit in another."""
    given, rows = iter(right), []
    for item in items.rows:
        words = next(given, None) if item.task == "font_size" else None
        if words is not None:
            options = ["the 7th"] * 4
            options[int(item.answer) - 1] = words
            lines = "\n".join(f"{number}. {option}" for number, option in enumerate(options, 1))
            item = replace(item, question=f"Which?\n{lines}")
        rows.append(item)
    return ItemSet(items.name, tuple(rows))


def test_the_right_options_words_are_read_by_the_released_parser(tmp_path):
    items = item_set(OFFICIAL, 50)
    indices = [item.answer for item in items.rows if item.task == "font_size"]
    other = str(1 + int(indices[20]) % 4)
    words = ["the title"] * 17 + ["in 1984"] * 3 + [f"line {other}", f"line {indices[21]}"]
    own = scored(tmp_path / "as released", asked(items, words))
    assert verdict("F6", own) is Verdict.CONFIRMED
    misread = scored(tmp_path / "misread", asked(items, [f"line {1 + int(index) % 4}" for index in indices[:22]]))
    assert measurements(misread)["official_option_words_other_option"].value == 22
    assert verdict("F6", misread) is Verdict.NOT_CONFIRMED


def test_two_rows_of_the_leaderboard_are_mended_by_one_exchange(tmp_path):
    found = measurements(scored(tmp_path, item_set(OFFICIAL, 4)))
    assert found["published_rows_that_do_not_add_up"].value == 2
    assert found["published_cells_whose_exchange_mends"].value == 3


def test_shuffled_answers_are_those_of_the_task():
    items = item_set(OFFICIAL, 20)
    shuffled = with_shuffled_answers(items, 0)
    assert [one.answer for one in shuffled.rows] != [one.answer for one in items.rows]
    for task in CHOICE:
        before, after = (sorted(one.answer for one in them.rows if one.task == task) for them in (items, shuffled))
        assert before == after
    assert with_shuffled_answers(items, 0) == shuffled != with_shuffled_answers(items, 1)


def test_a_dump_of_another_image_is_that_of_the_next_one():
    items = ItemSet("own", tuple(Item(f"{n}", f"image {n // 2}", "font_size", "Which?", "1") for n in range(6)))
    dumped = [Prediction(item.key, f"words of {item.image}") for item in items.rows]
    found = of_next_image(items, dumped)
    assert [one.key for one in found] == [item.key for item in items.rows]
    assert [json.loads(str(one.reply)[-1]) for one in found] == [1, 1, 2, 2, 0, 0]
