"""The tables of scores and of comparisons, against counting by hand."""

from __future__ import annotations

import pytest

from tenfold.mmr.comparison_report import comparison_lines, differences
from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.items import ItemSet
from tenfold.mmr.leaderboard_text import rounded
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.score_report import aligned, both_scores, described, table, total_interval
from tests.tenfold.mmr import small_items


def made(count: int = 12) -> ItemSet:
    rows = [small_items.item("font_size", number, f"image-{number // 2}") for number in range(count)]
    return ItemSet("made", tuple([*rows, small_items.item("grounding_t", 0, "image-0")]))


def replies(items: ItemSet, right: int) -> list[Prediction]:
    """Return replies of which the first ``right`` are right and the others out of form."""
    return [
        Prediction(one.key, small_items.reply_of(one) if place < right else "no number")
        for place, one in enumerate(items.rows)
    ]


def test_both_scorers_stand_side_by_side_and_are_never_added_up():
    items = made()
    scores = both_scores(items, replies(items, 12))
    found = described(scores)
    assert [one["total"] for one in found.values()] == [12, 12] and found["official"]["most"] == 14
    assert found["official"]["columns"] == {"font_size": 12, "grounding_t text": 0, "grounding_t box": 0}
    assert found["official"]["format_failures"] == 1 and found["official"]["unanswered"] == 0
    lines = [line.split() for line in table(scores)]
    assert ["total", "12", "12", "14"] in lines and lines[0] == ["official", "mended", "of"]


def test_all_points_have_an_interval_without_width_and_one_image_has_none():
    items = made()
    right = [Prediction(one.key, small_items.reply_of(one)) for one in items.rows]
    assert total_interval(both_scores(items, right)["official"]) == (14, 14)
    alone = items.only([0, 1])
    assert total_interval(both_scores(alone, right[:2])["official"]) is None
    assert not any(line.startswith("95") for line in table(both_scores(alone, right[:2])))


def test_a_comparison_is_paired_and_signed():
    items = made(16)
    first, second = (both_scores(items, replies(items, right))["official"] for right in (4, 16))
    found = differences(first, second)
    assert found["font_size"].value == pytest.approx(12) and found["total"].value == pytest.approx(12)
    assert found["font_size"].interval[0] > 0 and differences(second, first)["total"].value == pytest.approx(-12)
    assert differences(first, first)["total"] is None
    lines = comparison_lines(first, second)
    assert lines[1].split()[:4] == ["font_size", "4", "16", "+12"] and "not adjusted" in lines[-1]
    alone = items.only([0, 1])
    one = both_scores(alone, replies(alone, 1))["official"]
    with pytest.raises(InvalidPredictions, match="two or more"):
        comparison_lines(one, one)


def test_a_comparison_of_few_images_that_differ_gives_no_interval_and_no_p_value():
    items = made(6)
    first, second = (both_scores(items, replies(items, right))["official"] for right in (0, 6))
    lines = comparison_lines(first, second)
    assert lines[1].split() == ["font_size", "0", "6", "+6", "–", "–"]
    assert next(line for line in lines if line.startswith("total")).split() == ["total", "0", "6", "+6", "–", "–"]
    assert lines[-2] == "–: fewer than 6 images differ, too few for an interval or a p-value"


def test_columns_that_cannot_be_tested_count_in_the_adjustment():
    items = made(16)
    first, second = (both_scores(items, replies(items, right))["official"] for right in (0, 16))
    own = differences(first, second)["font_size"].p_value
    adjusted = float(comparison_lines(first, second)[1].split()[-1])
    assert adjusted == pytest.approx(3 * own, abs=6e-4)


def test_lines_are_aligned():
    assert aligned([("", "a"), ("long name", "12")]) == ["            a", "long name  12"]


def test_one_interval_is_one_number_wherever_it_stands():
    items = made(5)
    scores = both_scores(items, replies(items, 3))
    low, high = total_interval(scores["official"])
    said = f"[{rounded(low)}, {rounded(high)}]"
    (line,) = (line for line in table(scores) if line.startswith("95"))
    assert "." in said and said in line


def test_a_column_without_an_interval_says_why():
    items = made()
    first, second = (both_scores(items, replies(items, right))["official"] for right in (4, 12))
    lines = comparison_lines(first, second, names=("Ann", "Ben"))
    assert lines[0].split()[:2] == ["Ann", "Ben"]
    assert "–: fewer than 6 images differ, too few for an interval or a p-value" in lines
