"""CSV files as people have them: what a file leaves open is asked, what it gets wrong is named by line and column.

`open_csv` reads the beginning of a file and says how it understood it; the file is then read once, its columns as
numbers or as texts. Nothing is guessed that could be otherwise: whether line 1 is a header, and what separates cells.

Legend:  N rows · d columns of numbers
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from tenfold.data.csv_dialect import (
    MISSING,
    SAMPLE,
    Record,
    check_names,
    counts_rows,
    is_header,
    is_number,
    records,
    separator_of,
    shown,
)
from tenfold.data.errors import (
    AmbiguousCSV,
    InvalidCell,
    InvalidCSV,
    MissingValues,
    RaggedLine,
    UnknownColumn,
)


@dataclass(frozen=True)
class Rows:
    """What was read: ``numbers`` (N, d), other columns as ``texts`` by name, and the ``lines`` (N,) of the file."""

    numbers: Float[np.ndarray, "N d"]
    texts: dict[str, list[str]]
    lines: Int[np.ndarray, " N"]
    dropped: int  # rows left out because a value was missing


@dataclass(frozen=True)
class CSVFile:
    """A file whose form is known: the ``names`` of its columns (1, 2, … without a header), its first row as read."""

    path: Path
    separator: str
    header: bool
    index: bool
    names: tuple[str, ...]
    first: tuple[str, ...]
    counts: bool = False  # whether the first column counts the rows, and nobody said what it is

    def __str__(self) -> str:
        how = "named by line 1" if self.header else "numbered, without a header"
        return f"{self.path}: {len(self.names)} column(s), {how}: {shown(self.names)}; first row: {shown(self.first)}"

    def select(self, columns: Sequence[str] = (), *, drop: Sequence[str] = (), but: Sequence[str] = ()) -> list[str]:
        """Return the names in ``columns``, in that order, or without any all but ``drop``; none that is in ``but``.

        A name may be a pattern: ``key_*`` stands for all columns that it fits.
        Raises AmbiguousCSV if all are taken and the first, which may be an index, counts the rows; UnknownColumn for a
        name that fits no column or is both asked for and left out, or if none is left.
        """
        wanted, left_out = self._fitting(columns), {*self._fitting(drop), *but}
        twice = [name for name in columns if name in left_out]
        if twice:
            raise UnknownColumn(
                f"{self.path}: column {twice[0]!r} is asked for and left out (or is the target) at once"
            )
        found = [name for name in wanted or self.names if name not in left_out]
        if not found:
            raise UnknownColumn(f"{self.path}: no column is left of {shown(self.names)}")
        if not columns and self.counts and self.names[0] in found and len(found) > 1:
            raise AmbiguousCSV(
                f"{self.path}: column {self.names[0]!r} counts the rows: say --index to leave it out as an "
                "index, --no-index if it is data"
            )
        return found

    def read(
        self,
        numbers: Sequence[str] = (),
        texts: Sequence[str] = (),
        *,
        values: Mapping[str, Collection[str]] | None = None,
        missing: Literal["refuse", "drop"] = "refuse",
    ) -> Rows:
        """Return columns as float64 and as texts; ``values`` lists what the cells of a column of texts may be.

        An empty cell is a missing value; in columns of numbers and of listed values, so are NA, N/A, NaN, null, None
        and ?. ``missing="drop"`` leaves out the rows that have one in a column that is read.
        Raises MissingValues, RaggedLine, UnknownColumn, InvalidCell for what is no finite number or no listed value,
        and InvalidCSV if no row is left.
        """
        places = [(name, self._place(name)) for name in numbers]
        words = [(name, self._place(name), (values or {}).get(name)) for name in texts]
        kept, lines, dropped = array("d"), array("q"), 0
        columns: list[list[str]] = [[] for _ in texts]
        for line, cells in self._rows():
            try:
                row, others = self._numbers(places, line, cells), self._texts(words, line, cells)
            except MissingValues:
                if missing == "refuse":
                    raise
                dropped += 1
                continue
            kept.extend(row)
            lines.append(line)
            for column, cell in zip(columns, others, strict=True):
                column.append(cell)
        if not lines:
            raise InvalidCSV(f"{self.path} has no rows{f' but {dropped} with missing values' if dropped else ''}")
        matrix = np.array(kept, dtype=np.float64).reshape(len(lines), len(places))
        return Rows(matrix, dict(zip(texts, columns, strict=True)), np.array(lines, dtype=np.int64), dropped)

    def _rows(self) -> Iterator[Record]:
        width = len(self.names) + self.index
        blank = 0  # lines at the end may be
        for line, cells in islice(records(self.path, self.separator), self.header, None):
            if not cells:
                blank = blank or line
                continue
            if blank or len(cells) != width:
                at, count = (blank, 0) if blank else (line, len(cells))
                hint = " (a separator at the end?)" if count > width and not cells[-1] else ""
                raise RaggedLine(f"{self.path}, line {at} has {count} cells, not {width}{hint}")
            yield line, cells

    def _numbers(self, places: list[tuple[str, int]], line: int, cells: list[str]) -> list[float]:
        chosen = [cells[place] for _, place in places]
        try:
            found = list(map(float, chosen))
            if math.isfinite(sum(found)) and "_" not in "".join(chosen):  # float() reads 1_000
                return found
        except ValueError:
            pass
        return [self._number(name, line, cells[place]) for name, place in places]

    def _number(self, name: str, line: int, cell: str) -> float:
        if cell.strip().casefold() in MISSING:
            raise self._missing(name, line, cell)
        if not is_number(cell):
            raise InvalidCell(
                f"{self._where(name, line)}: {cell!r} is not a number like 1234.5; correct it, or --drop the column"
            )
        if not math.isfinite(float(cell)):
            raise InvalidCell(
                f"{self._where(name, line)}: {cell!r} is not finite; leave the row out, or bound its value"
            )
        return float(cell)

    def _texts(self, words: list[tuple[str, int, Collection[str] | None]], line: int, cells: list[str]) -> list[str]:
        found = []
        for name, place, allowed in words:
            cell = cells[place]
            if not cell.strip() or (allowed is not None and cell not in allowed and cell.strip().casefold() in MISSING):
                raise self._missing(name, line, cell)
            if allowed is not None and cell not in allowed:
                raise InvalidCell(f"{self._where(name, line)}: {cell!r} is none of {shown(list(allowed))}")
            found.append(cell)
        return found

    def _missing(self, name: str, line: int, cell: str) -> MissingValues:
        return MissingValues(
            f"{self._where(name, line)}: {cell!r} is a missing value; fill it in, or leave out such rows with "
            f"--missing drop"
        )

    def _where(self, name: str, line: int) -> str:
        return f"{self.path}, line {line}, column {name!r}"

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise self._unknown(name)
        return self.names.index(name) + self.index

    def _unknown(self, name: str) -> UnknownColumn:
        advice = "" if self.header else " (numbers, as there is no header)"
        return UnknownColumn(f"{self.path} has no column {name!r}; it has {shown(self.names)}{advice}")

    def _fitting(self, wanted: Sequence[str]) -> list[str]:
        found: list[str] = []
        for one in wanted:
            fits = [one] if one in self.names else [name for name in self.names if fnmatchcase(name, one)]
            if not fits:
                raise self._unknown(one)
            found += [name for name in fits if name not in found]
        return found


def open_csv(
    path: Path,
    *,
    header: bool | None = None,
    separator: str | None = None,
    index: bool | None = None,
    named: Sequence[str] = (),
) -> CSVFile:
    """Read the beginning of a UTF-8 file, with or without byte order mark, and say of what form it is.

    ``separator`` is a character or its name in `SEPARATORS`; without it, the one of comma, semicolon, tab and bar that
    line 1 and the lines below it agree on. ``header`` None: line 1 is one if none of its cells is a number, or if it
    holds all of ``named``, the columns that will be asked for. ``index`` True: the first column is
    left out; None: `CSVFile.select` asks where it counts the rows.
    Raises InvalidCSV for what is no such file, AmbiguousCSV where the form has to be said, UnnamedColumn for a column
    without a name of its own.
    """
    mark = separator_of(path, separator)
    start = list(islice(records(path, mark), SAMPLE))
    counts = index is None and counts_rows([cells[0] for _, cells in start if cells])
    index = bool(index)
    if not start or not start[0][1]:
        raise InvalidCSV(f"{path} is empty, or its line 1 is")
    cells = start[0][1][index:]
    if not cells:
        raise InvalidCSV(f"{path} has one column only, which --index leaves out")
    if header is None:
        header = is_header(path, cells, named)
    names = tuple(cell.strip() for cell in cells) if header else tuple(str(place + 1) for place in range(len(cells)))
    check_names(path, names, index)
    below = start[min(1, len(start) - 1)][1][index:] if header else cells
    return CSVFile(path, mark, header, index, names, tuple(below) if len(start) > 1 or not header else (), counts)
