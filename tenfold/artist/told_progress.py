"""How far a command has come, on standard error: a bar in a terminal, a line at each tenth elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer


@contextmanager
def told_progress(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what is called with how many of ``unit`` are done, and of how many."""
    if sys.stderr.isatty():
        with typer.progressbar(length=1000, label=label, file=sys.stderr) as bar:
            yield lambda done, total: bar.update(1000 * done // total - 1000 * (done - 1) // total)
        return

    def tell(done: int, total: int) -> None:
        if 10 * done // total > 10 * (done - 1) // total:
            typer.echo(f"{unit} {done} of {total}", err=True)

    yield tell
