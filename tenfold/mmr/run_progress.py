"""A line that says how far a run is: items, calls, tokens, cost, what is waited for, time left."""

from __future__ import annotations

import threading
import time
from typing import Any, Self

import typer

from tenfold.chat.client import Spent
from tenfold.chat.spending import spent_words

PLAIN_SECONDS = 30.0  # between two lines where standard error is no terminal
LONG_WAIT = 5.0  # seconds without a reply that are worth a word


class RunProgress:
    """A bar on standard error where that is a terminal, else a line every ``every`` seconds; ``items`` counts items."""

    def __init__(self, items: int, *, every: float = PLAIN_SECONDS) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._shown = console.is_terminal
        self._bar: Any = Progress(*columns, console=console, disable=not self._shown)
        self._task = self._bar.add_task("", total=items)
        self._items, self._done = items, 0
        self._every = 1.0 if self._shown else every
        self._spent: Spent | None = None
        self._begun = self._last = time.monotonic()
        self._again, self._why, self._known = 0, "", 0
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
        self._done = min(spent.calls + spent.known, self._items)
        self._update()

    def done(self, count: int, known: int) -> None:
        """Show how many items have an answer, ``known`` of them from before."""
        self._done, self._known, self._last = count, known, time.monotonic()
        self._update()

    def again(self, why: str) -> None:
        """Show that a call is tried again, and why."""
        self._again, self._why = self._again + 1, why
        self._update()

    def _update(self) -> None:
        self._bar.update(self._task, completed=self._done, total=self._items, description=self.words())

    def words(self) -> str:
        """Return how far the run is, in words."""
        parts = [] if self._spent is None else [spent_words(self._spent)]
        if self._again:
            parts.append(f"{self._again:,} tried again")
        waited = time.monotonic() - self._last
        if waited >= LONG_WAIT:
            parts.append(f"waiting for a reply for {waited:.0f} s")
        if self._why:
            parts.append(self._why)
        return ", ".join(parts) or f"{self._done:,} of {self._items:,} items"

    def time_left(self) -> str:
        """Return the time left in words, "" before there is anything to tell it by."""
        known = self._known if self._spent is None else self._spent.known
        own, waiting = self._done - known, self._items - self._done
        if own <= 0:
            return ""
        seconds = (time.monotonic() - self._begun) / own * waiting
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"

    def _tick(self) -> None:
        while not self._over.wait(self._every):
            if self._shown:
                self._update()
            else:
                left = self.time_left()
                line = f"{self._done:,} of {self._items:,} items: {self.words()}{', ' if left else ''}{left}"
                typer.echo(line, err=True)
