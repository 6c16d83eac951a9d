"""Readers: what each origin serves, brought to one normal form, the bytes of table.csv.

table.csv is UTF-8 with a header line, commas, ``\\n`` line ends and no quoting; an empty cell is written as
the table's mark for missing values. Readers move bytes and parse no numbers, so the normal form of the same
data is the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tenfold.data.archives import gunzip
from tenfold.data.errors import TableMismatch

Reader = Callable[[Mapping[str, Path], Sequence[str]], bytes]  # files by name, column names


def csv(files: Mapping[str, Path], columns: Sequence[str]) -> bytes:
    """Read one file that already is the normal form."""
    return _only(files).read_bytes()


def csv_gzip(files: Mapping[str, Path], columns: Sequence[str]) -> bytes:
    """Read the normal form from a gzip file."""
    return gunzip(_only(files))


def csv_without_header(files: Mapping[str, Path], columns: Sequence[str]) -> bytes:
    """Put the header line before a file that has none."""
    return header_line(columns) + _only(files).read_bytes()


def uci_adult(files: Mapping[str, Path], columns: Sequence[str]) -> bytes:
    """Join UCI's adult.data and adult.test.

    Both separate by comma and blank and end in an empty line; adult.test begins with a comment line and puts
    a full stop after each label.
    """
    lines = []
    for part, name in (("train", "adult.data"), ("test", "adult.test")):
        for line in files[name].read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("|"):
                lines.append(f"{part},{line.replace(', ', ',').rstrip('.')}\n")
    return header_line(columns) + "".join(lines).encode()


READERS: dict[str, Reader] = {
    "csv": csv,
    "csv_gzip": csv_gzip,
    "csv_without_header": csv_without_header,
    "uci_adult": uci_adult,
}


def header_line(columns: Sequence[str]) -> bytes:
    """Return the first line of table.csv."""
    return (",".join(columns) + "\n").encode()


def _only(files: Mapping[str, Path]) -> Path:
    if len(files) != 1:
        raise TableMismatch(f"this reader takes one file, not {sorted(files)}; correct it in the list.")
    return next(iter(files.values()))
