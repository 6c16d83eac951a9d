"""The Markdown says every number, what is published, and what does not add up."""

from __future__ import annotations

from tenfold.mmr.leaderboard_rows import Row, tables_of
from tenfold.mmr.leaderboard_text import markdown, overview, overviews, remarks_of
from tests.tenfold.mmr.board_rows import GPT_4O, published, row


def lines(*rows: Row) -> list[str]:
    return markdown(tables_of(rows), title="Board").splitlines()


def test_each_row_is_a_line_with_its_total_its_interval_and_its_points() -> None:
    text = lines(row("ours", 10, interval=(100.04, 140)), published("GPT-4o", GPT_4O, 457))
    assert text[0] == "# Board"
    head = next(line for line in text if line.startswith("| Model"))
    assert head.startswith("| Model | Total /600 | Recognition: Label /50 |") and head.count("|") == 15
    assert f"| ours | 120 [100, 140] | {' | '.join(['10'] * 12)} |" in text
    assert f"| GPT-4o (published) | 457 | {' | '.join(map(str, GPT_4O))} |" in text


def test_a_total_that_does_not_add_up_shows_both_numbers() -> None:
    text = lines(published(), published("GPT-4o", GPT_4O, 457))
    assert any(line.startswith("| LLaVA-NEXT 13B (published) | 335† (341) |") for line in text)
    assert [line for line in text if line.startswith("- †")] == [
        "- † LLaVA-NEXT 13B: the published total is 335, and its columns add up to 341."
    ]


def test_rows_that_do_not_look_are_marked_and_explained() -> None:
    rows = [row("text only", 12, kind="blind"), row("luck", 7.5, kind="chance"), row("same", 9, kind="constant")]
    (table,) = tables_of([*rows, row("sees", 30, note="4 bits")])
    assert remarks_of(table) == [
        "blind: answers without the image.",
        "chance: random answers, or what they are expected to have.",
        "constant: the same answer to every item of a task.",
        "sees: 4 bits",
    ]
    assert any("| text only (blind) |" in line for line in lines(*rows))


def test_columns_without_items_are_left_out_or_dashes() -> None:
    text = lines(row("ours", 40, 30, 20, 10, 5, 4, 3, items="receipts"))
    assert any(line.startswith("| Model | Total /350 |") and line.count("|") == 10 for line in text)
    mixed = lines(row("ours", 40, 30, 20, 10, 5, 4, 3), row("all", 25))
    assert any(line.startswith("| Model | Total % |") for line in mixed)
    assert "| all | 50 | 50 | 50 | 50 | 50 | 50 | 50 | 50 | 50 | 50 | 50 | 50 | 50 |" in mixed
    assert "| ours | 32 | 80 | 60 | 40 | – | – | 20 | – | – | 10 | – | 8 | 6 |" in mixed


def test_over_sets_of_items_totals_are_in_per_cent_and_scorers_apart() -> None:
    tables = tables_of(
        [row("a", 30), row("b", 1), row("a", *[35] * 7, items="receipts"), row("a", 50, scorer="mended")]
    )
    assert overviews(tables) == ["official"]
    assert overview(tables, "official") == (["official", "receipts"], {"a": ["60.0", "70.0"]})


def test_models_are_followed_over_sets_by_identity_not_by_name() -> None:
    receipts = [35] * 7
    rows = [row("a", 30, identity="one"), row("a", *receipts, items="receipts", identity="two")]
    assert overview(tables_of(rows), "official")[1] == {}
    renamed = [row("a", 30, identity="one"), row("b", *receipts, items="receipts", identity="one")]
    assert overview(tables_of(renamed), "official")[1] == {"a": ["60.0", "70.0"]}
    twice = [*rows, row("b", 20, identity="two"), row("b", *[30] * 7, items="receipts", identity="one")]
    found = overview(tables_of(twice), "official")[1]
    assert found == {"a": ["60.0", "60.0"], "b": ["40.0", "70.0"]}
    assert overview(tables_of([published(), row("LLaVA-NEXT 13B", *receipts, items="receipts")]), "official")[1] == {}


def test_names_cannot_break_the_table_or_bring_markup() -> None:
    assert any(line.startswith("| a\\|b &lt;i> c | 12 |") for line in lines(row("a|b <i>\nc", 1)))
