"""What a run says of itself as it goes."""

from __future__ import annotations

import time

from tenfold.chat.client import Spent
from tenfold.mmr.run_progress import RunProgress


def test_calls_tokens_cost_and_what_is_tried_again(capsys):
    with RunProgress(10, every=0.05) as bar:
        bar.asked(Spent(calls=3, known=4, prompt_tokens=2_000_000, completion_tokens=10, failed=1, prompt_price=0.5))
        bar.again("m: status 429: slow down; try 2 of 6 in 2.0 s")
        assert "3 calls, 4 known already, 2,000,000 + 10 tokens, cost 1.0000, 1 failed" in bar.words()
        assert "1 tried again" in bar.words() and "status 429" in bar.words()
        time.sleep(0.2)
    assert "7 of 10 items: 3 calls" in capsys.readouterr().err


def test_the_time_left_counts_what_this_run_asks(capsys):
    with RunProgress(100) as bar:
        assert bar.time_left() == "" and bar.words() == "0 of 100 items"
        bar.done(40, 40)  # all known from before
        assert bar.time_left() == ""
        bar._begun -= 10
        bar.done(60, 40)
        assert bar.time_left() == "20 s left" and bar.words() == "60 of 100 items"
        bar._begun -= 990
        assert bar.time_left() == "33 min left"
    assert capsys.readouterr().err == ""
