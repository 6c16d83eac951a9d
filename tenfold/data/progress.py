"""Progress of a download: a bar on a terminal, anything else on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Report = Callable[[int, int | None], None]  # bytes so far, bytes in all where known
Progress = Callable[[str], AbstractContextManager[Report]]


@contextmanager
def terminal_progress(label: str) -> Iterator[Report]:
    """Show a bar with speed and time left on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:

        def report(done: int, total: int | None) -> None:
            if not bar.tasks:
                bar.add_task(label, total=total)
            bar.update(bar.tasks[0].id, completed=done, total=total)

        yield report
