"""A line that says how far a run of conversations is: calls, tokens, cost, what is waited for, time left."""

from __future__ import annotations

import threading
import time
from typing import Any, Self

import typer

from tenfold.chat.client import Spent
from tenfold.chat.spending import spent_words
from tenfold.debias.debate import Debate

PLAIN_SECONDS = 30.0  # between two lines where standard error is no terminal
LONG_WAIT = 5.0  # seconds without a reply that are worth a word


class RunProgress:
    """A bar on standard error where that is a terminal, else a line every ``every`` seconds.

    ``most`` is the number of calls if no debate stops early.
    """

    def __init__(self, most: int, calls_per_debate: int, *, every: float = PLAIN_SECONDS) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._shown = console.is_terminal
        self._bar: Any = Progress(*columns, console=console, disable=not self._shown)
        self._task = self._bar.add_task("", total=most)
        self._most, self._calls_per_debate = most, calls_per_debate
        self._every = 1.0 if self._shown else every
        self._spent, self._last, self._again, self._why = Spent(), time.monotonic(), 0, ""
        self._over = threading.Event()
        self._ticking = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self._bar.start()
        self._ticking.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._ticking.join()
        self._bar.stop()

    def asked(self, spent: Spent) -> None:
        """Show what was spent after a reply."""
        self._spent, self._last, self._why = spent, time.monotonic(), ""
        self._update()

    def again(self, why: str) -> None:
        """Show that a call is tried again, and why."""
        self._again, self._why = self._again + 1, why
        self._update()

    def ended(self, debate: Debate) -> None:
        """Take off the calls that a debate did not need."""
        self._most -= self._calls_per_debate - len(debate.turns)
        self._bar.update(self._task, total=self._most)

    def _update(self) -> None:
        done = self._spent.calls + self._spent.known
        self._bar.update(self._task, completed=done, total=self._most, description=self._words())

    def _words(self) -> str:
        parts = [spent_words(self._spent)]
        if self._again:
            parts.append(f"{self._again:,} tried again")
        waited = time.monotonic() - self._last
        if waited >= LONG_WAIT:
            parts.append(f"waiting for a reply for {waited:.0f} s")
        if self._why:
            parts.append(self._why)
        return ", ".join(parts)

    def _tick(self) -> None:
        while not self._over.wait(self._every):
            if self._shown:
                self._update()
            else:
                typer.echo(f"of at most {self._most:,} calls: {self._words()}", err=True)
