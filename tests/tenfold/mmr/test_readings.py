"""A reply has two readings, each with its points in words, its box and its reason."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.mmr.readings import Way, as_text, readings_of
from tenfold.mmr.scores import Scorer
from tests.tenfold.mmr.looked_at import item, items, reading, reply


def test_a_verbose_reply_is_right_by_the_official_reading_alone() -> None:
    found = reading(item("recognition_label"), "The title on this cover seems to be Prodigal Night, in large letters")
    assert (found.official.points, found.mended.points) == ((1, 0), (0, 0))
    assert found.official.worth == "1 of 1" and "0.9" in found.mended.reason


def test_text_and_box_are_worth_a_point_each() -> None:
    found = reading(item("grounding_t"), '"Night" [0.6, 0.7, 0.9, 0.9]').official
    assert found.worth == "1 of 2: text 1, box 0" and not found.scores_box and found.box == (0.6, 0.7, 0.9, 0.9)
    assert reading(item("grounding_o"), "[0.1, 0.2, 0.5, 0.55]").official.scores_box


def test_a_choice_is_known_by_its_number() -> None:
    found = reading(item("font_color"), "2").official
    assert [number for number in range(1, 5) if found.chose(number)] == [2] and found.box is None
    assert not any(reading(item("font_color"), "the second").official.chose(number) for number in range(5))


@pytest.mark.parametrize("parsed", [None, [1, 2, 3], ["a", 2, 3, 4], [0, 0, np.inf, 1], "text", (0.1, 0.2)])
def test_what_is_no_box_is_none(parsed: object) -> None:
    assert Way(item("grounding_o"), parsed, (0, 0), "", 0.0).box is None


def test_boxes_of_another_convention_are_shares_as_well() -> None:
    one, scorer = item("grounding_o", width=400, height=200), Scorer(parser="robust", convention="pixels")
    (found,) = readings_of(items(one), [reply(one.key, "[40, 40, 200, 120]")], scorer)
    assert found.mended.box == pytest.approx((0.1, 0.2, 0.5, 0.6)) and found.mended.scores_box
    assert found.official.box == (40, 40, 200, 120) and not found.official.scores_box


def test_an_unanswered_item_is_worth_nothing_and_says_why() -> None:
    found = reading(item("grounding_t"), None, why="500 after 5 tries")
    assert found.prediction.status == "failed" and found.official.worth == found.mended.worth == "0 of 2: text 0, box 0"
    assert "500 after 5 tries" in found.official.reason


def test_what_was_parsed_is_written_as_people_read_it() -> None:
    assert as_text(("Night", (0.1, np.float64(0.123456), 1, 2.0))) == "[“Night”, [0.1, 0.1235, 1, 2]]"
    assert as_text(np.int64(3)) == "3"
