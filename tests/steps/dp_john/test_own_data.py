"""``python -m flows solve dp_john`` as a person with a table of their own would use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT


def solve(*words: object, fails: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "flows", "solve", "dp_john", *map(str, words)],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert (done.returncode != 0) == fails, done.stdout
    assert "Traceback" not in done.stdout
    return " ".join(done.stdout.split())


def save(path: Path, rows: np.ndarray, header: str = "") -> Path:
    np.savetxt(path, rows, delimiter=",", header=header, comments="")
    return path


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(60, 3))


@pytest.mark.parametrize("header", ["", "a,b,c"])
def test_the_result_is_an_ellipsoid_in_the_polytope(tmp_path: Path, rows: np.ndarray, header: str) -> None:
    printed = solve(
        "--csv", save(tmp_path / "rows.csv", rows, header), "--out", tmp_path / "result", "--tolerance", 1e-4
    )
    assert "60 rows" in printed
    facts = json.loads((tmp_path / "result.json").read_text())
    arrays = np.load(tmp_path / "result.npz")
    leverages = np.einsum("ij,jk,ik->i", rows, np.linalg.inv(arrays["matrix"]), rows)
    assert leverages.max() <= 1 + 1e-9
    assert facts["max_leverage"] <= 1 + 1e-4
    assert facts["privacy"] is None
    assert arrays["weights"].sum() == pytest.approx(3, abs=1e-10)


def test_a_private_result_carries_its_statement_and_differs_every_time(tmp_path: Path, rows: np.ndarray) -> None:
    table = save(tmp_path / "rows.csv", rows)
    budget = ("--mode", "input", "--epsilon", 1, "--delta", 1e-6, "--closeness", 1e-3)
    found = []
    for name in ("first", "second"):
        printed = solve("--csv", table, "--out", tmp_path / name, *budget)
        assert "(1, 1e-06)-differentially private" in printed
        facts = json.loads((tmp_path / f"{name}.json").read_text())
        assert facts["privacy"]["epsilon"] == 1
        assert facts["privacy"]["insecure_seed"] is False
        found.append(np.load(tmp_path / f"{name}.npz")["matrix"])
    assert not np.array_equal(*found)


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
    [("zero", "ZeroRow: Row 4"), ("missing", "NonFiniteRow: Row 4"), ("flat", "RankDeficient: A has rank 2, not 3")],
)
def test_bad_rows_are_refused_by_name_and_leave_nothing(tmp_path: Path, rows: np.ndarray, kind: str, says: str) -> None:
    table = save(tmp_path / "rows.csv", broken(rows, kind))
    assert says in solve("--csv", table, "--out", tmp_path / "result", fails=True)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_text_a_missing_file_and_a_bad_budget_are_refused_by_name(tmp_path: Path, rows: np.ndarray) -> None:
    text = tmp_path / "text.csv"
    text.write_text("a,b\n1,x\n")
    assert "UnreadableTable" in solve("--csv", text, fails=True)
    assert "does not exist" in solve("--csv", tmp_path / "none.csv", fails=True)
    table = save(tmp_path / "rows.csv", rows)
    bad = ("--mode", "input", "--epsilon", 0, "--delta", 1e-6, "--closeness", 1e-3)
    assert "InvalidBudget" in solve("--csv", table, *bad, fails=True)
    assert "need a private --mode" in solve("--csv", table, "--epsilon", 1, fails=True)
