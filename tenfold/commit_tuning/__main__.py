"""``tenfold commit-tuning``: teach a small model one's own items, ask it, and look at a training log's balance."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tenfold import command_line as cli
from tenfold.commit_tuning.own_commands import ASK_EXAMPLE, TUNE_EXAMPLE, ask_command, tune_command

app = cli.application("Coordinated tuning of encoder and LLM.")
FORMATS = (".svg", ".png")
app.command("tune", epilog=TUNE_EXAMPLE)(tune_command)
app.command("ask", epilog=ASK_EXAMPLE)(ask_command)


@app.command(epilog=cli.example("tenfold commit-tuning inspect run --out balance.svg"))
def inspect(
    log: Annotated[
        Path,
        typer.Argument(
            help="A run's folder with trace.jsonl; a log in JSON lines or CSV; a trainer_state.json.", metavar="LOG"
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Draw κ, rates and gradient norms: a file .svg or .png.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="OURS=THEIRS, such as lr_S=train/encoder_lr, where a log has other names; may be repeated."),
    ] = None,
    force: cli.Force = False,
) -> None:
    """Say in words, and draw, how balance, rates and gradient norms went.

    Columns: update, loss, log_kappa, ema, lr_X, lr_S, g_X, g_S, undefined; X is the LLM, S the encoder. Those that a
    log lacks are left out.
    """
    from tenfold.commit_tuning.inspection import find_log, read_log, summary

    if out is not None and out.suffix not in FORMATS:
        raise typer.BadParameter(f"--out {out}: give a file that ends in .svg or .png")
    pairs = [one.partition("=") for one in column or []]
    if wrong := [one for one, (ours, _, theirs) in zip(column or [], pairs, strict=True) if not (ours and theirs)]:
        raise typer.BadParameter(f"--column {wrong[0]!r}: give OURS=THEIRS, such as lr_S=train/encoder_lr")
    rows = read_log(find_log(log), {ours: theirs for ours, _, theirs in pairs})
    typer.echo("\n".join(summary(rows)))
    if out is not None:
        from tenfold.commit_tuning.drawing import draw

        with cli.new_output(out, force=force) as path:
            draw(rows, path, out.suffix)
        typer.echo(f"wrote {out}")


if __name__ == "__main__":
    sys.exit(cli.run(app))
