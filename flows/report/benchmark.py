"""Timings beside peers: ``benchmarks/results/<paper>.json``, shown as tables.

The file describes its own columns, so that any benchmark can be shown::

    {
      "title": "John ellipsoid solvers at equal certificates",
      "note": "One sentence or two: what was timed, what counts as done.",
      "command": "python -m benchmarks dp_john",
      "commit": "…" or null, "dirty": false,
      "machine": {"cpu": "…", "cores": 2, …},
      "default": "…",                        # the method that a user gets unasked; may be absent
      "findings": ["sentence", …],           # may be empty
      "columns": [
        {"name": "n", "label": "rows", "role": "case"},
        {"name": "method", "label": "method", "role": "method"},
        {"name": "seconds", "label": "time", "role": "value", "unit": "s",
         "better": "lower", "superlative": "fastest"},
        {"name": "peak_rss_bytes", "label": "peak memory", "role": "value", "unit": "bytes"},
        {"name": "capped", "label": "stopped at the time limit", "role": "capped"},
        {"name": "max_leverage", "label": "certificate", "role": "detail"}
      ],
      "rows": [{"n": 500, "method": "…", "seconds": 0.1, …}, …]
    }

- ``case`` columns say what was solved: a line of the table each.
- ``method`` (at most one) says by whom: a column of the table each.
- Each ``value`` column is a table of its own, cases by methods. ``better`` (``lower`` or ``higher``) has
  the best of each line in bold; ``superlative`` is the word for it. Bytes are scaled.
- ``capped`` (at most one) is true where the run was stopped at a limit: its values are printed as "> value"
  and never count as best.
- ``detail`` columns, with all others, appear in the full list of rows.

Without a ``method`` column only the list of rows is shown. ``null`` stands for "not run".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from flows.report.errors import BenchmarkError
from flows.report.formatting import memory, number, with_unit
from flows.report.schema import Strict, read_json, typed

Cell = float | int | bool | str | None


class Column(Strict):
    """One column of the rows: its name there, its label here, and what it is for."""

    name: str
    label: str
    role: Literal["case", "method", "value", "capped", "detail"]
    unit: str = ""
    better: Literal["lower", "higher"] | None = None
    superlative: str = "best"


class Benchmark(Strict):
    """One paper's timings with the description of their columns."""

    title: str
    note: str
    command: str
    commit: str | None = None
    dirty: bool = False
    machine: dict[str, Cell] = Field(default_factory=dict)
    default: str | None = None
    findings: tuple[str, ...] = ()
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Cell], ...]

    @model_validator(mode="after")
    def _consistent(self) -> Benchmark:
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError(f"columns names one twice: {', '.join(names)}")
        for role in ("method", "capped"):
            if len(self.named(role)) > 1:
                raise ValueError(f"at most one column has the role {role}")
        for index, row in enumerate(self.rows):
            if set(row) != set(names):
                raise ValueError(f"rows[{index}] has {', '.join(row)}, where columns has {', '.join(names)}")
        keys = [tuple(row[column.name] for column in self.named("case", "method")) for row in self.rows]
        if self.named("method") and len(set(keys)) != len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"two rows have the same case and method: {', '.join(map(str, twice))}")
        methods = {row[column.name] for row in self.rows for column in self.named("method")}
        if self.default is not None and self.default not in methods:
            raise ValueError(f"default = {self.default!r} is not a method of any row")
        return self

    def named(self, *roles: str) -> list[Column]:
        """Return the columns with one of these roles, in order."""
        return [column for column in self.columns if column.role in roles]


class Entry(Strict):
    """One cell of a shown table."""

    text: str
    best: bool = False
    numeric: bool = True


class Shown(Strict):
    """One table as it is shown."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]


def load_benchmark(path: Path) -> Benchmark | None:
    """Return the benchmark, or None if the paper has none; raises BenchmarkError if it is broken."""
    if not path.exists():
        return None
    raw = read_json(path, BenchmarkError, "run the benchmark")
    benchmark: Benchmark = typed(Benchmark, raw, path, BenchmarkError)
    return benchmark


def shown(benchmark: Benchmark) -> list[Shown]:
    """Return one table for each value column (cases by methods)."""
    if not benchmark.named("method"):
        return []
    return [_table(benchmark, column) for column in benchmark.named("value")]


def listed(benchmark: Benchmark) -> Shown:
    """Return all rows and columns as one table."""
    return Shown(
        caption="All rows",
        header=tuple(column.label for column in benchmark.columns),
        rows=tuple(
            tuple(
                Entry(text=cell(row[column.name], column.unit), numeric=_numeric(row[column.name]))
                for column in benchmark.columns
            )
            for row in benchmark.rows
        ),
    )


def by_case(benchmark: Benchmark) -> dict[tuple, dict[Cell, dict[str, Cell]]]:
    """Return the rows by case, then by method."""
    (method,) = benchmark.named("method")
    cases: dict[tuple, dict[Cell, dict[str, Cell]]] = {}
    for row in benchmark.rows:
        case = tuple(row[column.name] for column in benchmark.named("case"))
        cases.setdefault(case, {})[row[method.name]] = row
    return cases


def remarks(benchmark: Benchmark) -> list[str]:
    """Return one sentence for each case and value column where the default method is not the best."""
    sentences = []
    for value in benchmark.named("value") if benchmark.default is not None else []:
        for case, methods in by_case(benchmark).items():
            best = _best(benchmark, value, methods)
            mine = methods.get(benchmark.default)
            if mine is None or not best or benchmark.default in best:
                continue
            winner = best[0]
            sentences.append(
                f"The default, {benchmark.default}, is not the {value.superlative} at "
                f"{_case_in_words(benchmark, case)}: {_value(benchmark, mine, value)}, against "
                f"{_value(benchmark, methods[winner], value)} with {winner}."
            )
    return sentences


def cell(value: Any, unit: str = "") -> str:
    """Return one value as text: yes and no, scaled bytes, a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return memory(value) if unit == "bytes" else with_unit(number(value), unit)


def _table(benchmark: Benchmark, value: Column) -> Shown:
    (method,) = benchmark.named("method")
    methods = list(dict.fromkeys(row[method.name] for row in benchmark.rows))
    lines = []
    for case, runs in by_case(benchmark).items():
        best = _best(benchmark, value, runs)
        heads = [
            Entry(text=cell(item, column.unit)) for item, column in zip(case, benchmark.named("case"), strict=True)
        ]
        cells = [
            Entry(text=_value(benchmark, runs[name], value) if name in runs else "–", best=name in best)
            for name in methods
        ]
        lines.append((*heads, *cells))
    header = [column.label for column in benchmark.named("case")] + [
        f"{name} (default)" if name == benchmark.default else str(name) for name in methods
    ]
    bold = f"; the {value.superlative} of each line in bold" if value.better else ""
    return Shown(
        caption=f"{value.label[:1].upper()}{value.label[1:]} by {method.label}{bold}",
        header=tuple(header),
        rows=tuple(lines),
    )


def _best(benchmark: Benchmark, value: Column, runs: dict[Cell, dict[str, Cell]]) -> list[Cell]:
    numbers: dict[Cell, float] = {}
    for name, row in runs.items():
        measured = row[value.name]
        if isinstance(measured, int | float) and _numeric(measured) and not _capped(benchmark, row):
            numbers[name] = measured
    if value.better is None or not numbers:
        return []
    best = min(numbers.values()) if value.better == "lower" else max(numbers.values())
    return [name for name, one in numbers.items() if one == best]


def _value(benchmark: Benchmark, row: dict[str, Cell], value: Column) -> str:
    text = cell(row[value.name], value.unit)
    return f"> {text}" if _capped(benchmark, row) and row[value.name] is not None else text


def _capped(benchmark: Benchmark, row: dict[str, Cell]) -> bool:
    return any(row[column.name] is True for column in benchmark.named("capped"))


def _numeric(value: Cell) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _case_in_words(benchmark: Benchmark, case: tuple) -> str:
    heads = zip(benchmark.named("case"), case, strict=True)
    return ", ".join(f"{column.label} = {cell(item, column.unit)}" for column, item in heads) or "the only case"
