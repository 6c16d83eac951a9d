"""A line that says how far a run of conversations is: calls, tokens, cost, time left."""

from __future__ import annotations

from typing import Any, Self

from tenfold.chat.client import Spent
from tenfold.debias.debate import Debate


class RunProgress:
    """A bar on standard error, where that is a terminal; ``most`` is the number of calls if no debate stops early."""

    def __init__(self, most: int, calls_per_debate: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bar: Any = Progress(*columns, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("", total=most)
        self._most, self._calls_per_debate = most, calls_per_debate

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def asked(self, spent: Spent) -> None:
        """Show what was spent after a reply."""
        self._bar.update(
            self._task, completed=spent.calls + spent.known, total=self._most, description=spent_words(spent)
        )

    def ended(self, debate: Debate) -> None:
        """Take off the calls that a debate did not need."""
        self._most -= self._calls_per_debate - len(debate.turns)
        self._bar.update(self._task, total=self._most)


def spent_words(spent: Spent) -> str:
    """Return calls, tokens and cost in words."""
    tokens = f"{spent.prompt_tokens:,} + {spent.completion_tokens:,} tokens"
    parts = [f"{spent.calls:,} calls", f"{spent.known:,} known already", tokens]
    if spent.prompt_price or spent.completion_price:
        parts.append(f"cost {spent.cost:.4f}")
    if spent.failed:
        parts.append(f"{spent.failed:,} failed")
    return ", ".join(parts)
