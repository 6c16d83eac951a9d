"""A run shows that it lives, on a terminal or in a log."""

import time

from tenfold.chat.client import Spent
from tenfold.debias.run_progress import RunProgress


def test_without_a_terminal_a_line_comes_now_and_then(capsys):
    with RunProgress(60, 6, every=0.05) as shown:
        shown.asked(Spent(calls=7, prompt_tokens=70, completion_tokens=21))
        shown.again("red: status 429; try 2 of 6 in 0.5 s")
        time.sleep(0.3)
    said = capsys.readouterr().err.splitlines()
    assert len(said) >= 2
    assert said[0] == (
        "of at most 60 calls: 7 calls, 0 known already, 70 + 21 tokens, 1 tried again, "
        "red: status 429; try 2 of 6 in 0.5 s"
    )
    time.sleep(0.15)
    assert not capsys.readouterr().err  # it is over


def test_a_short_run_says_nothing(capsys):
    with RunProgress(1, 1) as shown:
        shown.asked(Spent(calls=1))
    assert not capsys.readouterr().err
