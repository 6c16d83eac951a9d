"""``tenfold dp-ntk`` as a person with a table of their own would use it: fit, predict, score."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.datasets import load_iris

from tenfold.dp_ntk import PrivateNTKClassifier
from tenfold.models import load

CLASSES = "setosa,versicolor,virginica"
BUDGET = ("--epsilon", 50, "--delta", 1e-3)
MODES = {
    "ssp": ("--features", 50),
    "ridge-sample": ("--samples", 20, "--label-share", 0.5),
    "input": ("--closeness", 1e-3, "--width", 30),
}


@pytest.fixture
def iris(tmp_path) -> Path:
    """The flowers in a random order, their numbers and the name of their kind."""
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    lines = [[*map(repr, X[row].tolist()), CLASSES.split(",")[y[row]]] for row in order]
    return write(tmp_path / "iris.csv", [["length", "width", "petal_length", "petal_width", "kind"], *lines])


def write(path: Path, lines: list[list[str]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return path


def fit(tenfold, table: Path, out: Path, *words: object, status: int = 0):
    return tenfold(
        "dp-ntk", "fit", "--csv", table, "--target", "kind", "--classes", CLASSES, "--out", out, *words, status=status
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_fitted_model_predicts_and_scores(tenfold, tmp_path, iris, mode):
    printed = fit(tenfold, iris, tmp_path / "model", *BUDGET, "--mode", mode, *MODES[mode], "--ridge", 0.1)
    assert "(50, 0.001)-differentially private" in printed.out and "INSECURE" not in printed.out
    scored = json.loads(tenfold("dp-ntk", "score", tmp_path / "model", "--csv", iris, "--target", "kind").out)
    assert scored["accuracy"] > 0.6 and scored["rows"] == 150
    tenfold("dp-ntk", "predict", tmp_path / "model", "--csv", iris, "--out", tmp_path / "found.csv")
    with (tmp_path / "found.csv").open(newline="") as file:
        header, *found = csv.reader(file)
    true = [line.rpartition(",")[2] for line in iris.read_text().splitlines()[1:]]
    assert header == ["line", "predicted"] and [int(line) for line, _ in found] == list(range(2, 152))
    assert np.mean([given == kind for (_, given), kind in zip(found, true, strict=True)]) == scored["accuracy"]


def test_the_model_is_a_folder_without_pickles_that_says_its_guarantee(tenfold, tmp_path, iris):
    fit(tenfold, iris, tmp_path / "model", *BUDGET)
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names == {"MLmodel", "README.md", "estimator.json", "model.json", "model.safetensors"}
    assert set(load_file(tmp_path / "model" / "model.safetensors")) == {
        "coefficients",
        "kernel.weights",
        "released.cross",
        "released.gram",
    }
    model = load(tmp_path / "model")
    assert isinstance(model, PrivateNTKClassifier) and str(model.privacy_) in (tmp_path / "model/README.md").read_text()
    assert model.feature_names_in_.tolist() == ["length", "width", "petal_length", "petal_width"]
    assert not set(tmp_path.iterdir()) - {iris, tmp_path / "model"}


def test_two_fits_draw_their_own_noise(tenfold, tmp_path, iris):
    for name in "ab":
        fit(tenfold, iris, tmp_path / name, *BUDGET)
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert np.array_equal(a["kernel.weights"], b["kernel.weights"]) and not np.array_equal(
        a["coefficients"], b["coefficients"]
    )


def test_predictions_need_the_columns_by_name_in_any_order(tenfold, tmp_path, iris):
    fit(tenfold, iris, tmp_path / "model", *BUDGET, "--drop", "width")
    lines = [line.split(",") for line in iris.read_text().splitlines()]
    shuffled = write(
        tmp_path / "shuffled.csv", [[a[4], a[3], "note" if a is lines[0] else "", a[0], a[2]] for a in lines]
    )
    other = [tmp_path / "first.csv", tmp_path / "second.csv"]
    for table, out in zip((iris, shuffled), other, strict=True):
        tenfold("dp-ntk", "predict", tmp_path / "model", "--csv", table, "--out", out)
    assert other[0].read_bytes() == other[1].read_bytes()
    write(tmp_path / "less.csv", [line[:2] for line in lines])
    words = ("dp-ntk", "predict", tmp_path / "model", "--csv", tmp_path / "less.csv", "--out", tmp_path / "third.csv")
    assert "has no column 'petal_length'" in tenfold(*words, status=1).err
    assert not (tmp_path / "third.csv").exists()


def test_a_table_without_a_header_is_known_by_numbers(tenfold, tmp_path, iris):
    bare = tmp_path / "bare.csv"
    bare.write_text(iris.read_text().partition("\n")[2])
    words = ("--classes", CLASSES, "--out", tmp_path / "model", *BUDGET)
    assert "AmbiguousCSV" in tenfold("dp-ntk", "fit", "--csv", bare, "--target", 5, *words, status=1).err
    tenfold("dp-ntk", "fit", "--csv", bare, "--no-header", "--target", 5, *words)
    scored = tenfold("dp-ntk", "score", tmp_path / "model", "--csv", bare, "--no-header", "--target", 5)
    assert json.loads(scored.out)["rows"] == 150


@pytest.mark.parametrize(
    ("change", "words", "status", "says"),
    [
        (("kind", "sort"), (), 1, "UnknownColumn: {csv} has no column 'kind'"),
        (("setosa", "rose"), (), 1, "column 'kind': 'rose' is none of setosa | versicolor | virginica"),
        (("setosa", "?"), (), 1, "column 'kind': '?' is a missing value"),
        (("5.1", "0x5"), (), 1, ": '0x5' is not a number like 1234.5"),
        (("5.1", ""), (), 1, "MissingValues: {csv}, line"),
        (("", ""), ("--drop", "kind"), 0, "150 rows"),  # what is the target is no column of numbers anyway
        (("", ""), ("--columns", "length,kind"), 1, "column 'kind' is asked for and left out (or is the target)"),
        (("", ""), ("--mode", "input"), 1, "InvalidCalibration: mode 'input' needs closeness"),
        (("", ""), ("--mode", "input", "--features", 3), 2, "--mode input has no use for --features"),
        (("", ""), ("--epsilon", 0), 1, "InvalidBudget"),
        (("", ""), ("--classes", "setosa"), 1, "is none of setosa"),
        (("", ""), ("--classes", "setosa,setosa"), 2, "none of them empty or twice"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(tenfold, tmp_path, iris, change, words, status, says):
    iris.write_text(iris.read_text().replace(*change) if change[0] else iris.read_text())
    printed = fit(tenfold, iris, tmp_path / "model", *BUDGET, *words, status=status)
    assert says.format(csv=iris) in printed.err
    assert (tmp_path / "model").exists() == (status == 0)


def test_a_row_without_a_direction_is_named(tenfold, tmp_path, iris):
    iris.write_text(iris.read_text() + "0,0,0,0,setosa\n")
    assert "ZeroRow: row 150" in fit(tenfold, iris, tmp_path / "model", *BUDGET, status=1).err
    fit(tenfold, iris, tmp_path / "model", *BUDGET, "--intercept")


def test_a_weak_delta_is_warned_of_in_one_line(tenfold, tmp_path, iris):
    printed = fit(
        tenfold, iris, tmp_path / "model", "--epsilon", 1, "--delta", 0.1, "--mode", "input", "--closeness", 0.01
    )
    assert any(line.startswith("WeakDelta: delta = 0.1 is at least 1/n") for line in printed.err.splitlines())


def test_what_is_no_such_model_is_refused(tenfold, tmp_path, iris):
    fit(tenfold, iris, tmp_path / "model", *BUDGET)
    words = ("--csv", iris, "--target", "kind")
    assert "holds no model.json" in tenfold("dp-ntk", "score", tmp_path, *words, status=1).err
    (tmp_path / "model" / "estimator.json").write_text("{}")
    assert "DamagedModel" in tenfold("dp-ntk", "score", tmp_path / "model", *words, status=1).err
    assert "no such command wrote" in fit(tenfold, iris, tmp_path, *BUDGET, "--force", status=1).err
    assert "is there already" in fit(tenfold, iris, tmp_path / "model", *BUDGET, status=1).err
    fit(tenfold, iris, tmp_path / "model", *BUDGET, "--force")
    tenfold("dp-ntk", "score", tmp_path / "model", *words)
