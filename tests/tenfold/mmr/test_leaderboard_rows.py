"""Rows hold what can be had, and stand only with rows that they may be compared with."""

from __future__ import annotations

import pytest

from tenfold.mmr.errors import InvalidLeaderboard
from tenfold.mmr.leaderboard_rows import Row, tables_of
from tests.tenfold.mmr.board_rows import GPT_4O, published, row


def test_a_published_total_may_differ_from_its_columns_and_a_measured_one_may_not() -> None:
    one = published()
    assert (one.total, one.sum, one.adds_up) == (335, 341, False)
    assert published("GPT-4o", GPT_4O, 457).adds_up
    with pytest.raises(InvalidLeaderboard, match=r"ours: total 335, and its columns add up to 341"):
        Row("ours", one.columns, 335)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": " "}, "a row has a name"),
        ({"columns": {}}, "a row has a name and points"),
        ({"columns": {"fonts": 1}}, "no column is called 'fonts'"),
        ({"columns": {"font_size": 51}, "total": 51}, "51 points of 50 in the column font_size"),
        ({"columns": {"font_size": -1}, "total": -1}, "-1 points of 50"),
        ({"columns": {"font_size": float("nan")}}, "nan points of 50"),
        ({"possible": {"font_color": 50}}, "10 points of None"),
        ({"interval": (12, 8)}, "give its lower end first"),
        ({"interval": (float("nan"), 8)}, "give its lower end first"),
        ({"kind": "human"}, "kind 'human' is none of model, blind, chance, constant"),
        ({"scorer": "both"}, "scorer 'both' is none of official, mended"),
        ({"source": "guessed"}, "source 'guessed' is none of measured, published"),
        ({"total": float("inf"), "source": "published"}, "total inf"),
    ],
)
def test_a_row_that_cannot_be_is_refused_by_what_is_wrong(change: dict, said: str) -> None:
    with pytest.raises(InvalidLeaderboard, match=said):
        Row(**({"name": "ours", "columns": {"font_size": 10}, "total": 10} | change))


def test_tables_keep_apart_items_scorers_and_prompts() -> None:
    rows = [
        row("a", 10),
        row("b", 20),
        row("a", 11, scorer="mended"),
        row("a", 12, items="rendered"),
        row("a", 13, prompt="explicit"),
        published(),
    ]
    tables = tables_of(rows)
    found = [(table.items, table.scorer, table.prompt, [row.name for row in table.rows]) for table in tables]
    assert found == [
        ("official", "official", "official", ["LLaVA-NEXT 13B", "b", "a"]),
        ("official", "official", "explicit", ["a"]),
        ("official", "mended", "official", ["a"]),
        ("rendered", "official", "official", ["a"]),
    ]
    assert sum(len(table.rows) for table in tables) == len(rows)


def test_a_name_stands_once_in_a_table_and_there_are_rows() -> None:
    with pytest.raises(InvalidLeaderboard, match="'a' stands twice among items 'official', official scorer"):
        tables_of([row("a", 10), row("a", 20)])
    with pytest.raises(InvalidLeaderboard, match="there are none"):
        tables_of([])


def test_rows_of_other_numbers_of_items_are_shown_in_shares_and_ordered_by_them() -> None:
    small = Row("small", {"font_size": 4, "font_color": 5}, 9, possible={"font_size": 5, "font_color": 5})
    (table,) = tables_of([row("large", 30), small])
    assert table.in_percent and [one.name for one in table.rows] == ["small", "large"]
    assert small.most == 10 and small.share("font_size") == 0.8 and small.share("grounding_o") is None
    (equal,) = tables_of([row("one", 30), row("two", 20)])
    assert not equal.in_percent and len(equal.columns) == 12
