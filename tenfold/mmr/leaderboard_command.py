"""``tenfold mmr leaderboard``: runs beside each other, and beside the published rows where they may be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tenfold import command_line as cli

EXAMPLE = cli.example("tenfold mmr leaderboard run-a run-b --out board")


def leaderboard_command(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished runs.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")],
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Add the published rows: only beside runs over the 550 official items with their images and the "
            "released prompts.",
        ),
    ] = False,
    force: cli.Force = False,
) -> None:
    """Write leaderboard.md and leaderboard.html: a table for each set of items, scorer and style of prompts."""
    from tenfold.mmr.leaderboard import MARKDOWN, write_leaderboard
    from tenfold.mmr.outputs import new_folder
    from tenfold.mmr.run_results import run_rows

    rows = run_rows(runs, published=published)
    with new_folder(out, force=force, inputs=runs) as folder:
        write_leaderboard(rows, folder)
        text = (folder / MARKDOWN).read_text(encoding="utf-8")
    typer.echo(f"{text}\nwrote {out}")
