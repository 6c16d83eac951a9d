"""What the papers' command lines share: how a command ends, what it writes, and how a CSV file is named and read."""

from __future__ import annotations

import csv
import io
import os
import shutil
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from tenfold.data.csv_files import CSVFile, Rows

REFUSED = 1  # the exit status; wrong usage is 2

CSV = Annotated[Path, typer.Option("--csv", help="A CSV file in UTF-8.")]
Columns = Annotated[str | None, typer.Option(help="Columns to use, such as a,b,c or 'x_*'. Default: all others.")]
Drop = Annotated[str | None, typer.Option(help="Columns to leave out.")]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Line 1 names the columns, or is a row (columns are 1, 2, … then). Must be said where both are possible.",
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(help="comma, semicolon, tab, space, bar, or a character. Must be said where line 1 leaves it open."),
]
Index = Annotated[
    bool | None,
    typer.Option(
        "--index/--no-index", help="The first column is an index: leave it out. Must be said where it counts rows."
    ),
]
Missing = Annotated[
    Literal["refuse", "drop"], typer.Option(help="Refuse missing values, or drop the rows that have one.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]


class InvalidOutput(ValueError):
    """Something cannot be written where it was asked for."""


def application(help: str, **more: Any) -> typer.Typer:
    """Return a paper's command line, to which its commands are added."""
    app = typer.Typer(
        help=help,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        **more,
    )
    app.callback()(lambda: None)  # or typer would leave out the name of an only command
    return app


def example(*lines: str) -> str:
    """Return an epilog that shows a command as it is typed, in one line or in several."""
    return "Example:\n\n\b\n" + " \\\n    ".join(lines)


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 1 for what was refused, 2 for wrong usage, with one line that says why.

    An error that is neither the library's nor the system's is a bug, and keeps its traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without ε loses no result
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return typer.main.get_command(app)(arguments, standalone_mode=False) or 0
    except typer.TyperException as error:
        error.show()  # type: ignore[attr-defined]  # every one that typer raises has it
        return error.exit_code
    except Exception as error:
        if not (isinstance(error, OSError) or type(error).__module__.split(".")[0] == "tenfold"):
            raise
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        return REFUSED


def _show_warning(message: Warning | str, category: type[Warning], *_where: Any, **_more: Any) -> None:
    typer.echo(f"{category.__name__}: {message}", err=True)


def listed(text: str | None, option: str) -> list[str]:
    """Return the names in ``a,b,"c, d"``; wrong usage if one is empty or comes twice."""
    names = [] if text is None else next(csv.reader([text], skipinitialspace=True), [])
    if text is not None and (not names or not all(names) or len(set(names)) < len(names)):
        raise typer.BadParameter(f"{option} {text!r}: give names with commas between, none of them empty or twice")
    return names


def refuse_unused(given: Mapping[str, object], used: Collection[str], choice: str) -> None:
    """Refuse options (those of ``given`` that are not None) that a ``choice`` has no use for, as wrong usage."""
    unused = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None and name not in used]
    if unused:
        raise typer.BadParameter(f"{choice} has no use for {', '.join(unused)}")


def torch_device(name: str | None) -> str:
    """Return a device that is there; wrong usage if it is not. transformers is quiet from here on.

    What transformers would say is no fault: a head that is new, weights that load.
    """
    import torch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise typer.BadParameter(f"--device {name}: {str(error).partition(chr(10))[0]}") from None
    return name


@dataclass(frozen=True)
class Reading:
    """How a CSV file is to be read, by the options of a command; what it finds is said as it goes."""

    header: bool | None
    separator: str | None
    index: bool | None
    missing: Literal["refuse", "drop"]

    def given(self) -> dict[str, object]:
        """Return the options, None where they were left as they are."""
        return {
            "header": self.header,
            "separator": self.separator,
            "index": self.index,
            "missing": None if self.missing == "refuse" else self.missing,
        }

    def open(self, path: Path, named: Sequence[str] = ()) -> CSVFile:
        """Open a file in which the columns ``named`` are expected, and say how its beginning was understood."""
        from tenfold.data.csv_files import open_csv

        file = open_csv(path, header=self.header, separator=self.separator, index=self.index, named=named)
        typer.echo(str(file), err=True)
        return file

    def read(
        self,
        file: CSVFile,
        numbers: Sequence[str] = (),
        texts: Sequence[str] = (),
        values: Mapping[str, Collection[str]] | None = None,
    ) -> Rows:
        """Read columns of an opened file, as `CSVFile.read` does, and say how many rows there are."""
        rows = file.read(numbers, texts, values=values, missing=self.missing)
        dropped = f", {rows.dropped} more left out for a missing value" if rows.dropped else ""
        typer.echo(f"{file.path}: {len(rows.lines)} rows{dropped}; row 0 is line {rows.lines[0]}", err=True)
        return rows


@contextmanager
def new_output(path: Path, *, force: bool = False, mark: str | None = None, option: str = "--out") -> Iterator[Path]:
    """Yield where to write a file or a folder that takes the place of ``path`` once all went well, and only then.

    By ``force`` it replaces a file; a folder only if that holds the file ``mark``, by which it is known as an output.
    ``option`` is the one that named ``path``. Raises what ``check_output`` raises.
    """
    check_output(path, force=force, mark=mark, option=option)
    unfinished = _unfinished(path)
    try:
        yield unfinished
        _remove(path)
        unfinished.rename(path)
    finally:
        _remove(unfinished)


def check_output(path: Path, *, force: bool = False, mark: str | None = None, option: str = "--out") -> None:
    """Check that ``new_output`` may write there; a command that writes several asks for each before it writes one.

    Raises InvalidOutput if something else is there, or if there is no folder to write into.
    """
    if not path.parent.is_dir():
        raise InvalidOutput(f"there is no folder {path.parent} to write {path.name} into; make it first")
    if path.is_dir() and (mark is None or not (path / mark).is_file()):
        raise InvalidOutput(f"{path} is a folder that no such command wrote; give another {option}")
    if (path.exists() or path.is_symlink()) and not force:
        raise InvalidOutput(f"{path} is there already; give another {option}, or replace it with --force")
    unfinished = _unfinished(path)
    try:
        unfinished.touch()  # hours of work are not begun where nothing can be written
        unfinished.unlink()
    except OSError as error:
        raise InvalidOutput(f"{path} cannot be written: {error.strerror}; give another {option}") from None


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.unfinished")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def token_prices(text: str | None) -> tuple[float, float]:
    """Return the prices of a million tokens in and out; wrong usage if they are no two numbers from 0."""
    if text is None:
        return 0.0, 0.0
    try:
        prompt, completion = (float(part) for part in text.split(","))
    except ValueError:
        prompt = completion = -1.0
    if not (prompt >= 0 and completion >= 0):
        raise typer.BadParameter(f"--prices {text!r}: give IN,OUT per million tokens, such as 0.5,1.5")
    return prompt, completion
