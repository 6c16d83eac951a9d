"""Timings as tables."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.report.benchmark import Benchmark, load_benchmark, remarks, shown
from flows.report.errors import BenchmarkError
from tests.flows.report.made_up import BENCHMARK, write


def load(folder: Path, content: dict[str, Any] = BENCHMARK) -> Benchmark:
    loaded = load_benchmark(write(folder / "first.json", content))
    assert loaded is not None
    return loaded


def test_cases_by_methods_with_the_best_in_bold(tmp_path: Path) -> None:
    (table,) = shown(load(tmp_path))
    assert table.header == ("rows", "fixed_point (default)", "wolfe", "interior")
    assert [[entry.text for entry in row] for row in table.rows] == [
        ["500", "0.12 s", "0.25 s", "–"],
        ["2000", "4.5 s", "0.33 s", "> 0.2 s"],  # stopped: never the best
    ]
    assert [[entry.text for entry in row if entry.best] for row in table.rows] == [["0.12 s"], ["0.33 s"]]


def test_it_is_said_where_the_default_is_not_the_fastest(tmp_path: Path) -> None:
    assert remarks(load(tmp_path)) == [
        "The default, fixed_point, is not the fastest at rows = 2000: 4.5 s, against 0.33 s with wolfe."
    ]


def test_higher_may_be_better(tmp_path: Path) -> None:
    content = copy.deepcopy(BENCHMARK)
    content["columns"][2] |= {"better": "higher"}
    (table,) = shown(load(tmp_path, content))
    assert [[entry.text for entry in row if entry.best] for row in table.rows] == [["0.25 s"], ["4.5 s"]]


def test_no_benchmark_is_no_error(tmp_path: Path) -> None:
    assert load_benchmark(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda b: b["rows"].append(b["rows"][0]),
            "two rows have the same case and method: 500, fixed_point",
        ),
        (lambda b: b["rows"][0].pop("n"), "rows[0] has"),
        (lambda b: b["rows"][0].update(seconds=float("nan")), "rows[0].seconds"),
        (lambda b: b["columns"][0].update(role="key"), "columns[0].role = 'key'"),
        (lambda b: b["columns"][0].update(role="method"), "at most one column has the role method"),
        (lambda b: b.update(default="magic"), "default = 'magic' is not a method of any row"),
        (lambda b: b["columns"].append(b["columns"][0]), "columns names one twice"),
    ],
)
def test_broken_benchmarks_are_refused(tmp_path: Path, spoil: Callable[[dict[str, Any]], Any], message: str) -> None:
    content = copy.deepcopy(BENCHMARK)
    spoil(content)
    with pytest.raises(BenchmarkError) as error:
        load(tmp_path, content)
    assert message in str(error.value) and "first.json" in str(error.value)
