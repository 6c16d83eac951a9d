from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.data.bundled import LOADERS
from tenfold.data.errors import MissingValues, TableMismatch
from tenfold.data.registry import StandIn, load_registry
from tenfold.data.resolve import resolve
from tenfold.data.stand_ins import made_up_table
from tenfold.data.tables import numeric_columns, numeric_matrix, read_schema, read_table
from tenfold.data.writing import write_source

REGISTRY = load_registry(Path(__file__).parents[3] / "data" / "sources.yaml")


@pytest.fixture
def table(tmp_path):
    def bring(name: str) -> Path:
        resolved = resolve(name, registry=REGISTRY, mirror=None, policy="only", downloads=tmp_path)
        write_source(resolved, REGISTRY[name], tmp_path / name)
        return tmp_path / name

    return bring


@pytest.mark.parametrize("name", sorted(LOADERS))
def test_bundled_tables_come_through_exactly(table, name):
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(**LOADERS[name])
    frame = read_table(table(name))
    assert np.array_equal(numeric_matrix(frame, exclude=["target"]), bunch.data)
    target = frame["target"]
    numbers = target.cat.codes if target.dtype == "category" else target
    assert np.array_equal(numbers, bunch.target)


@pytest.mark.parametrize("name", ["adult", "letter_recognition", "california_housing"])
def test_a_stand_in_has_the_columns_kinds_values_and_ranges_of_its_source(table, name):
    frame, listed = read_table(table(name)), REGISTRY[name].table
    assert list(frame.columns) == list(listed.columns)
    assert len(frame) == REGISTRY[name].stand_in.rows
    for column, spec in listed.columns.items():
        if spec.values:
            assert tuple(frame[column].cat.categories) == spec.values
            assert frame[column].nunique() > 1
        else:
            assert frame[column].dtype == {"integer": "int64", "number": "float64"}[spec.kind]
            assert spec.range[0] <= frame[column].min() < frame[column].max() <= spec.range[1]
        assert frame[column].isna().mean() == pytest.approx(spec.missing, abs=0.02)
        assert frame[column].isna().any() == (spec.missing > 0)


def test_a_stand_in_can_be_learned(table):
    frame = read_table(table("california_housing"))
    features = numeric_matrix(frame, exclude=["median_house_value"], missing="drop_rows")
    target = frame.dropna()["median_house_value"].to_numpy()
    design = np.column_stack([features, np.ones(len(features))])
    residual = target - design @ np.linalg.lstsq(design, target)[0]
    assert residual.var() < 0.7 * target.var()


def test_the_adult_stand_in_has_both_parts_in_order(table):
    parts = read_table(table("adult"))["split"]
    assert list(parts.unique()) == ["train", "test"]
    assert parts.value_counts().to_dict() == {"train": 1333, "test": 667}


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32))
def test_stand_ins_repeat_by_seed_and_have_the_asked_rows(rows, seed):
    listed = REGISTRY["adult"].table
    content = made_up_table(listed, StandIn(rows=rows, seed=seed))
    assert content == made_up_table(listed, StandIn(rows=rows, seed=seed))
    lines = content.decode().splitlines()
    assert len(lines) == rows + 1
    assert {line.count(",") for line in lines} == {len(listed.columns) - 1}


def test_numeric_columns_leave_out_categories_and_what_is_excluded(table):
    frame = read_table(table("adult"))
    numeric = ["age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week"]
    assert numeric_columns(frame) == numeric
    assert numeric_columns(frame, exclude=["fnlwgt"]) == [name for name in numeric if name != "fnlwgt"]
    with pytest.raises(TableMismatch, match=r"no columns \['fnlwght'\]"):
        numeric_matrix(frame, exclude=["fnlwght"])
    with pytest.raises(TableMismatch, match="no numeric column is left"):
        numeric_matrix(frame[["race", "sex"]])


def test_empty_cells_are_refused_or_their_rows_dropped(table):
    frame = read_table(table("california_housing"))
    empty = int(frame["total_bedrooms"].isna().sum())
    with pytest.raises(MissingValues, match=f"'total_bedrooms': {empty}"):
        numeric_matrix(frame)
    assert numeric_matrix(frame, missing="drop_rows").shape == (len(frame) - empty, 9)
    assert np.isfinite(numeric_matrix(frame, exclude=["total_bedrooms"])).all()


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("letter,", "lettr,", r"expected columns \['letter', .*came \['lettr'"),
        ("\n", "\n?,1" + ",1" * 15 + "\n", r"column letter has \['\?'\]"),
        ("\n", "\nA," + ",1" * 15 + "\n", "column x_box is empty in row 0"),
        ("\n", "\nA,one" + ",1" * 15 + "\n", "x_box is not integer"),
        ("\n", "\nA,1.5" + ",1" * 15 + "\n", "x_box is not integer"),
    ],
    ids=["header", "value", "empty", "word", "fraction"],
)
def test_a_table_unlike_its_schema_is_an_error(table, old, new, message):
    path = table("letter_recognition") / "table.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(TableMismatch, match=message):
        read_table(path.parent)


def test_a_folder_without_a_table_is_an_error(tmp_path):
    with pytest.raises(TableMismatch, match=r"has no schema\.json"):
        read_table(tmp_path)


def test_the_schema_says_which_column_is_the_target(table):
    schema = read_schema(table("adult"))
    assert (schema.target, schema.missing) == ("income", "?")
    sex = {"kind": "category", "may_be_missing": False, "values": ["Female", "Male"]}
    assert schema.columns["sex"] == sex
    assert json.loads(json.dumps(schema.columns))["occupation"]["may_be_missing"] is True
