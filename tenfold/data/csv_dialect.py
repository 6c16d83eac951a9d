"""The form of a CSV file: its records with their lines, what separates its cells, whether line 1 is a header."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from tenfold.data.errors import AmbiguousCSV, BadQuotes, InvalidCSV, UnnamedColumn

Record = tuple[int, list[str]]
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " ", "bar": "|"}
MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}  # among numbers and listed values, in any case
SNIFFED = (",", ";", "\t", "|")
SAMPLE = 100  # records that decide between separators
SHOWN, WIDEST = 12, 40  # names or cells that a message shows, and characters of each


def is_number(cell: str) -> bool:
    """Return whether a cell is written as a number, NaN and infinities included."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def is_header(path: Path, cells: Sequence[str], named: Sequence[str]) -> bool:
    """Return whether line 1 names the columns: no cell is a number or missing, or it holds all that are ``named``.

    Raises AmbiguousCSV where it may be a row as well.
    """
    stripped = [cell.strip() for cell in cells]
    if named and set(named) <= set(stripped) and not any(is_number(name) for name in named):
        return True
    if any(stripped) and not any(is_number(cell) or cell.casefold() in MISSING - {""} for cell in stripped):
        return True
    raise AmbiguousCSV(
        f"{path}, line 1: {shown(cells)}: say --header if these name the columns, --no-header if they are a row"
    )


def counts_rows(first: Sequence[str]) -> bool:
    """Return whether the first cells of a file's lines, below a header or not, are 0, 1, 2, … or 1, 2, 3, …"""
    for cells in (first, first[1:]):
        for start in (0, 1):
            if len(cells) > 2 and list(cells) == [str(number) for number in range(start, start + len(cells))]:
                return True
    return False


def check_names(path: Path, names: Sequence[str], index: bool) -> None:
    """Raise UnnamedColumn for a column without a name, or with that of another."""
    for place, name in enumerate(names):
        first = place == 0 and not index
        if not name or (first and name.startswith("Unnamed: ")):  # what pandas calls a column without a name
            cause = "an index that pandas wrote? Leave it out with --index" if first else "a separator at the end?"
            raise UnnamedColumn(f"{path}, line 1: column {place + index + 1} has no name ({name!r}): {cause}")
        if not name.isprintable():
            raise UnnamedColumn(f"{path}, line 1: the name {name!r} cannot be printed; is the file UTF-8, with commas?")
        if name in names[:place]:
            raise UnnamedColumn(f"{path}, line 1: two columns are called {name!r}; rename one of them")


def separator_of(path: Path, given: str | None) -> str:
    """Return what separates cells: a character or its name as ``given``, or the only one that line 1 can mean.

    Raises InvalidCSV for what is no separator, AmbiguousCSV where several can be meant.
    """
    if given is not None:
        mark = SEPARATORS.get(given, given)
        if len(mark) != 1 or mark in '"\r\n':
            raise InvalidCSV(f"{path}: separator {given!r}: give one character, or {', '.join(SEPARATORS)}")
        return mark
    widths = {mark: _widths(path, mark) for mark in SNIFFED}
    splitting = [mark for mark, found in widths.items() if found and found[0] > 1]
    agreeing = [mark for mark in splitting if len(set(widths[mark])) == 1]
    fits = splitting if len(splitting) == 1 else agreeing
    if len(splitting) > 1 and len(fits) != 1:
        shown = " or ".join(name for name, mark in SEPARATORS.items() if mark in splitting)
        raise AmbiguousCSV(f"{path}: cells may be separated by {shown}; say which with --separator")
    return fits[0] if fits else ","  # one column


def _widths(path: Path, mark: str) -> list[int]:
    """Return how many cells the first records have; nothing if their quotes do not fit this separator."""
    try:
        return [len(cells) for _, cells in islice(records(path, mark), SAMPLE) if cells]
    except BadQuotes:
        return []


def records(path: Path, separator: str) -> Iterator[Record]:
    """Yield the line that each record begins on, and its cells: none for an empty line.

    Spaces after a separator are skipped. Raises InvalidCSV for what is not UTF-8 text, BadQuotes.
    """
    csv.field_size_limit(sys.maxsize)  # a cell may hold a long text
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=separator, strict=True, skipinitialspace=True)
            line = 1
            for cells in reader:
                yield line, cells
                line = reader.line_num + 1
    except csv.Error as error:
        raise BadQuotes(f"{path}, line {line}: {error}; a cell that holds quotes has each of them twice") from None
    except UnicodeDecodeError as error:
        raise InvalidCSV(f"{path} is not UTF-8 ({error.reason}, byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise InvalidCSV(f"{path} cannot be read: {error.strerror}") from None


def shown(cells: Sequence[str]) -> str:
    """Return the first cells as a message shows them."""
    cells = [" ".join(cell.split()) for cell in cells]
    clipped = [cell if len(cell) <= WIDEST else f"{cell[: WIDEST - 1]}…" for cell in cells[:SHOWN]]
    return " | ".join(clipped) + (f" | … ({len(cells)} in all)" if len(cells) > SHOWN else "")
