"""A leaderboard is two files, the same bytes for the same rows, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenfold.mmr.errors import InvalidLeaderboard
from tenfold.mmr.leaderboard import published_rows, write_leaderboard
from tests.tenfold.mmr.board_rows import published, row


def test_the_same_rows_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    rows = [row("b", 10, interval=(100, 130)), row("a", 10), published(), row("lone \ud800", 3)]
    written = []
    for name, given in (("one", rows), ("two", rows[::-1])):
        (tmp_path / name).mkdir()
        paths = write_leaderboard(iter(given), tmp_path / name, title="Board", notes=["A note."])
        assert [path.name for path in paths] == ["leaderboard.md", "leaderboard.html"]
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]
    text, page = (data.decode() for data in written[0])
    assert "A note." in text and "A note." in page and "lone \\ud800" in text


def test_rows_that_fit_no_table_leave_the_folder_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(InvalidLeaderboard, match="stands twice"):
        write_leaderboard([row("a", 10), row("a", 20)], tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_published_rows_stand_beside_official_ones_and_two_do_not_add_up(tmp_path: Path) -> None:
    rows = published_rows()
    assert len(rows) == 14 and {one.source for one in rows} == {"published"}
    assert [one.name for one in rows if not one.adds_up] == ["LLaVA-NEXT 13B", "LLaVA-1.5 13B"]
    write_leaderboard([*rows, row("ours", 10), row("ours", 11, items="rendered")], tmp_path)
    official, rendered = (tmp_path / "leaderboard.md").read_text(encoding="utf-8").split("## ")[1:3]
    assert official.count("(published)") == 14 and "335† (341)" in official and "243† (237)" in official
    assert "published" not in rendered
