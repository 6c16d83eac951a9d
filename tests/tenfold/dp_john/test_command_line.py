"""``tenfold dp-john solve`` as a person with a table of their own would use it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

SOLVE = ("dp-john", "solve")
BUDGET = ("--epsilon", 1, "--delta", 1e-6)
MODES = {
    "input": ("--closeness", 1e-3),
    "input_exact": ("--closeness", 1e-3),
    "iterate": ("--closeness", 1e-6, "--row-norm-bound", 5, "--row-norm-floor", 0.01, "--ridge", 1, "--rounds", 4),
    "moment": ("--row-norm-bound", 5),
}


def save(path: Path, rows: np.ndarray, header: str = "a,b,c") -> Path:
    np.savetxt(path, rows, delimiter=",", header=header, comments="")
    return path


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(60, 3))


@pytest.mark.parametrize(("header", "words"), [("", ["--no-header"]), ("a,b,c", []), ("1,2,3", ["--header"])])
def test_the_result_is_an_ellipsoid_in_the_polytope(tenfold, tmp_path, rows, header, words):
    table = tmp_path / "rows.csv"
    save(table, rows, header)
    if not header:
        table.write_text(table.read_text().lstrip("\n"))
    printed = tenfold(*SOLVE, "--csv", table, "--out", tmp_path / "result", "--tolerance", 1e-4, *words)
    assert "60 rows" in printed.err and "largest leverage 1" in printed.out
    facts = json.loads((tmp_path / "result.json").read_text())
    arrays = np.load(tmp_path / "result.npz")
    leverages = np.einsum("ij,jk,ik->i", rows, np.linalg.inv(arrays["matrix"]), rows)
    assert leverages.max() <= 1 + 1e-9
    assert facts["max_leverage"] <= 1 + 1e-4
    assert (facts["privacy"], facts["csv"], facts["rows"], facts["columns"]) == (None, "rows.csv", 60, 3)
    assert arrays["weights"].sum() == pytest.approx(3, abs=1e-10)


def test_a_first_line_of_numbers_is_not_guessed_at(tenfold, tmp_path, rows):
    table = save(tmp_path / "rows.csv", rows, "2019,2020,2021")
    printed = tenfold(*SOLVE, "--csv", table, "--out", tmp_path / "result", status=1)
    assert "AmbiguousCSV" in printed.err and "--no-header" in printed.err


@pytest.mark.parametrize("mode", MODES)
def test_a_private_result_carries_its_statement_and_differs_every_time(tenfold, tmp_path, rows, mode):
    table = save(tmp_path / "rows.csv", rows)
    found = []
    for name in ("first", "second"):
        printed = tenfold(*SOLVE, "--csv", table, "--out", tmp_path / name, "--mode", mode, *BUDGET, *MODES[mode])
        assert "(1, 1e-06)-differentially private" in printed.out
        facts = json.loads((tmp_path / f"{name}.json").read_text())
        assert facts["privacy"]["epsilon"] == 1
        assert facts["privacy"]["insecure_seed"] is False
        found.append(np.load(tmp_path / f"{name}.npz")["matrix"])
    assert not np.array_equal(*found)


def test_what_hides_how_many_rows_there_are_does_not_write_it(tenfold, tmp_path, rows):
    written = []
    for count in (59, 60):
        table = save(tmp_path / "rows.csv", rows[:count])
        words = ("--mode", "moment", *BUDGET, "--row-norm-bound", 5, "--force", "--out", tmp_path / "result")
        tenfold(*SOLVE, "--csv", table, *words, "--neighbours", "add_remove")
        facts = json.loads((tmp_path / "result.json").read_text())
        assert "rows" not in facts
        with np.load(tmp_path / "result.npz") as arrays:
            assert {name: array.shape for name, array in arrays.items()} == {"matrix": (3, 3)}
        written.append({name: value for name, value in facts.items() if name != "log_volume"})  # which is noisy
    assert written[0] == written[1]
    tenfold(*SOLVE, "--csv", table, *words, "--neighbours", "replace")
    assert json.loads((tmp_path / "result.json").read_text())["rows"] == 60


def broken(rows: np.ndarray, kind: str) -> np.ndarray:
    rows = rows.copy()
    if kind == "zero":
        rows[4] = 0
    elif kind == "missing":
        rows[4, 1] = np.nan
    else:
        rows[:, 2] = rows[:, 0] - rows[:, 1]
    return rows


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("zero", "ZeroRow: Row 4"),
        ("missing", "MissingValues: {table}, line 6, column 'b': 'nan'"),
        ("flat", "RankDeficient: A has rank 2, not 3"),
    ],
)
def test_bad_rows_are_refused_by_name_and_leave_nothing(tenfold, tmp_path, rows, kind, says):
    table = save(tmp_path / "rows.csv", broken(rows, kind))
    assert says.format(table=table) in tenfold(*SOLVE, "--csv", table, "--out", tmp_path / "result", status=1).err
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]
    if kind == "missing":
        words = ("--csv", table, "--out", tmp_path / "result", "--missing", "drop")
        assert "59 rows, 1 more left out" in tenfold(*SOLVE, *words).err


def test_text_a_missing_file_and_a_bad_budget_are_refused_by_name(tenfold, tmp_path, rows):
    text = tmp_path / "text.csv"
    text.write_text("a,b\n1,x\n")
    out = ("--out", tmp_path / "result")
    assert "line 2, column 'b': 'x' is not a number" in tenfold(*SOLVE, "--csv", text, *out, status=1).err
    assert "No such file" in tenfold(*SOLVE, "--csv", tmp_path / "none.csv", *out, status=1).err
    assert "Is a directory" in tenfold(*SOLVE, "--csv", tmp_path, *out, status=1).err
    words = (*SOLVE, "--csv", save(tmp_path / "rows.csv", rows), *out)
    bad = ("--mode", "input", "--epsilon", 0, "--delta", 1e-6, "--closeness", 1e-3)
    assert "InvalidBudget" in tenfold(*words, *bad, status=1).err
    assert "--mode none has no use for --epsilon" in tenfold(*words, "--epsilon", 1, status=2).err
    assert "--mode input has no use for --ridge" in tenfold(*words, *bad, "--ridge", 1, status=2).err
    assert "--out .: give a name" in tenfold(*words, "--out", ".", status=2).err
    assert "--tolerance 0 must be above 0" in tenfold(*words, "--tolerance", 0, status=2).err


def test_columns_are_chosen_by_name(tenfold, tmp_path, rows):
    table = save(tmp_path / "rows.csv", rows)
    for words in (("--columns", "a,c"), ("--drop", "b")):
        tenfold(*SOLVE, "--csv", table, "--out", tmp_path / words[0], *words)
    first, second = (np.load(tmp_path / f"--{name}.npz")["matrix"] for name in ("columns", "drop"))
    assert first.shape == (2, 2) and np.array_equal(first, second)


def test_what_is_there_is_kept_unless_forced(tenfold, tmp_path, rows):
    words = (*SOLVE, "--csv", save(tmp_path / "rows.csv", rows), "--out", tmp_path / "result")
    (tmp_path / "result.npz").write_text("mine")
    assert "InvalidOutput" in tenfold(*words, status=1).err
    assert (tmp_path / "result.npz").read_text() == "mine" and not (tmp_path / "result.json").exists()
    tenfold(*words, "--force")
    assert np.load(tmp_path / "result.npz")["matrix"].shape == (3, 3)
    assert "there is no folder" in tenfold(*SOLVE, "--csv", "x", "--out", tmp_path / "none" / "x", status=1).err
