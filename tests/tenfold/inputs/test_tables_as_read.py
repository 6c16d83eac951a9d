"""Kind: a table's form is never guessed where it could be otherwise: it is asked, and what was understood is printed.

Joins: every command that reads a CSV; it does so through ``tenfold.command_line.Reading``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

ROWS = pd.DataFrame({"a": [1.0, 3.0, 0.5, 2.0], "b": [2.0, 4.0, 1.0, -1.0]})
SOLVE = ("dp-john", "solve", "--tolerance", "1e-2", "--out", "found", "--force", "--csv", "table.csv")


@pytest.fixture
def solve(tenfold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def call(content: str, *words: str, status: int = 0) -> tuple[str, int]:
        Path("table.csv").write_text(content)
        printed = tenfold(*SOLVE, *words, status=status)
        facts = json.loads(Path("found.json").read_text()) if status == 0 else {}
        return printed.err, facts.get("columns", 0)

    return call


@pytest.mark.parametrize("label", [None, "index", "row"])
@pytest.mark.parametrize("first", [0, 1])
def test_an_index_that_pandas_writes_is_never_a_constraint_by_itself(solve, label, first) -> None:
    content = ROWS.set_axis(range(first, first + 4)).to_csv(index_label=label)
    said, _ = solve(content, status=1)
    assert "--index" in said
    said, columns = solve(content, "--index")
    assert columns == 2 and "2 column(s), named by line 1: a | b; first row: 1.0 | 2.0" in said
    if label:
        assert solve(content, "--no-index")[1] == 3
        assert solve(content, "--columns", "a,b")[1] == solve(content, "--drop", label)[1] == 2
    said, _ = solve(ROWS.to_csv(header=False), "--no-header", status=1)
    assert "column '1' counts the rows: say --index" in said
    assert solve(ROWS.to_csv(header=False), "--no-header", "--index")[1] == 2


@pytest.mark.parametrize("line", ["2019,2020", "NA,n/a", "NA,b", "nan,NaN", "?,null"])
def test_a_first_line_that_may_be_either_is_asked_about(solve, line) -> None:
    rows = "1,2\n3,4\n0.5,1\n"
    assert (
        "say --header if these name the columns, --no-header if they are a row" in solve(f"{line}\n{rows}", status=1)[0]
    )
    said, _ = solve(f"{line}\n{rows}", "--header")
    assert "named by line 1: " + line.replace(",", " | ") + "; first row: 1 | 2" in said
    if line == "2019,2020":
        said, _ = solve(f"{line}\n{rows}", "--no-header")
        assert "numbered, without a header: 1 | 2; first row: 2019 | 2020" in said and "4 rows" in said
    else:
        assert "line 1, column" in solve(f"{line}\n{rows}", "--no-header", status=1)[0]
        said, _ = solve(f"{line}\n{rows}", "--no-header", "--missing", "drop")
        assert "3 rows, 1 more left out for a missing value" in said


def test_a_separator_at_the_end_shifts_nothing(solve) -> None:
    assert "line 2 has 3 cells, not 2 (a separator at the end?)" in solve("a,b\n1,2,\n3,4,\n", status=1)[0]
    assert "column 3 has no name" in solve("a,b,\n1,2,\n3,4,\n", status=1)[0]
    assert "'' is a missing value" in solve("1,2,\n3,4,\n5,1,\n", "--no-header", status=1)[0]


def test_a_column_of_text_is_named_and_left_out(solve) -> None:
    content = 'a,b,label\n1,2,"yes, of course"\n3,4,no\n0.5,1,"yes"\n'
    said, _ = solve(content, status=1)
    assert "line 2, column 'label': 'yes, of course' is not a number" in said and "--drop" in said
    assert solve(content, "--drop", "label")[1] == 2


def test_quoted_labels_are_a_target(tenfold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f'{number},{number % 7},"{("yes", "no, never")[number % 2]}"' for number in range(60, 120)]
    Path("table.csv").write_text("\n".join(["a,b,label", *lines]) + "\n")
    fit = ("dp-ntk", "fit", "--csv", "table.csv", "--epsilon", 5, "--delta", 1e-3, "--features", 60, "--out", "model")
    assert (
        "column 'label': 'yes' is not a number" in tenfold(*fit, "--target", "a", "--classes", "yes,no", status=1).err
    )
    said = tenfold(*fit, "--target", "label", "--classes", "yes,no", status=1).err
    assert "line 3, column 'label': 'no, never' is none of yes | no" in said
    tenfold(*fit, "--target", "label", "--classes", 'yes,"no, never"')
    assert (
        "first row: 60 | 4 | yes" in tenfold("dp-ntk", "score", "model", "--csv", "table.csv", "--target", "label").err
    )
