"""The leaderboard as it is published, with the two rows whose columns do not add up."""

from __future__ import annotations

import pytest

from tenfold.mmr.published import LEADERBOARD, published_row
from tenfold.mmr.tasks import COLUMNS, MOST_POINTS, PER_TASK


def test_twelve_of_fourteen_rows_add_up():
    wrong = {row.model: (row.summed, row.total) for row in LEADERBOARD if not row.columns_add_up}
    assert len(LEADERBOARD) == 14
    assert wrong == {"LLaVA-NEXT 13B": (341, 335), "LLaVA-1.5 13B": (237, 243)}


def test_rows_stand_in_order_of_their_totals_and_within_the_benchmark():
    totals = [row.total for row in LEADERBOARD]
    assert totals == sorted(totals, reverse=True) and max(totals) == 463 < MOST_POINTS
    assert all(
        len(row.points) == len(COLUMNS) and 0 <= min(row.points) <= max(row.points) <= PER_TASK for row in LEADERBOARD
    )


def test_a_row_by_its_model():
    assert published_row("GPT-4V").columns["grounding_o"] == 26
    assert max(row.columns["grounding_t box"] for row in LEADERBOARD) == 21
    with pytest.raises(KeyError, match="there are Claude"):
        published_row("GPT-5")
