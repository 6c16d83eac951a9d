"""The rows of a person's own file: JSON lines, or a CSV file whose line 1 names the columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tenfold.data.errors import AmbiguousCSV, UnnamedColumn
from tenfold.debias.errors import DebiasError

TABLES = (".csv", ".tsv")
TAB = "tab"


def read_rows(path: Path, needed: Sequence[str], error: type[DebiasError]) -> dict[int, Mapping[str, Any]]:
    """Return the rows of a file by the line that each begins on; a name that ends in .csv or .tsv makes it a table.

    Empty cells of a table are left out; ``needed`` are the columns that it must name, and every JSON line as well.
    Raises ``error`` by line, and what ``open_csv`` raises.
    """
    rows = _csv_rows(path, needed, error) if path.suffix.lower() in TABLES else _json_rows(path, error)
    for line, row in rows.items():
        lacking = [name for name in needed if name not in row]
        if lacking and path.suffix.lower() not in TABLES:
            raise error(f"{path}:{line}: a line is an object with the fields {' and '.join(needed)}")
    return rows


def _json_rows(path: Path, error: type[DebiasError]) -> dict[int, Mapping[str, Any]]:
    found: dict[int, Mapping[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as wrong:
        raise error(f"{path} is not UTF-8 ({wrong.reason}, byte {wrong.start}); save it as UTF-8") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as wrong:
            hint = "; is it a CSV file? Let its name end in .csv" if number == 1 and "," in line else ""
            raise error(f"{path}:{number}: not JSON: {wrong}{hint}") from None
        if not isinstance(row, dict):
            raise error(f"{path}:{number}: a line is an object with named fields, and not {type(row).__name__}")
        found[number] = row
    return found


def _csv_rows(path: Path, needed: Sequence[str], error: type[DebiasError]) -> dict[int, Mapping[str, Any]]:
    from tenfold.data.csv_dialect import records
    from tenfold.data.csv_files import open_csv

    try:
        file = open_csv(path, header=True, separator=_separator(path, needed))
    except UnnamedColumn as wrong:  # its advice is of commands with more options
        raise error(
            f"{str(wrong).partition(':')[0]}: every column needs a name of its own; name it or delete it"
        ) from None
    except AmbiguousCSV:
        raise error(f"{path}, line 1: what separates the cells is not clear; write the file with commas") from None
    missing = [name for name in needed if name not in file.names]
    if missing:
        raise error(f"{path}, line 1: there is no column {missing[0]!r}; it names {', '.join(file.names)}")
    found: dict[int, Mapping[str, Any]] = {}
    for line, cells in records(path, file.separator):
        if line == 1 or not cells:
            continue
        if len(cells) != len(file.names):
            hint = "; quote a cell that holds a separator" if len(cells) > len(file.names) else ""
            raise error(f"{path}:{line}: {len(cells)} cells, not {len(file.names)}{hint}")
        found[line] = {name: cell for name, cell in zip(file.names, cells, strict=True) if cell.strip()}
    return found


def _separator(path: Path, needed: Sequence[str]) -> str | None:
    """Return the only separator under which line 1 names what is needed; None where that does not tell."""
    from tenfold.data.csv_dialect import SNIFFED, records
    from tenfold.data.errors import BadQuotes

    if path.suffix.lower() == ".tsv":
        return TAB
    fitting = []
    for mark in SNIFFED:
        try:
            names = {cell.strip() for cell in next(records(path, mark), (1, []))[1]}
        except BadQuotes:
            continue
        if len(names) > 1 and set(needed) <= names:
            fitting.append(mark)
    return fitting[0] if len(fitting) == 1 else None
