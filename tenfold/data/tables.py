"""Reading a table that a data stage wrote: typed columns, and numbers as a matrix.

Legend:  N rows · d numeric columns
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float

from tenfold.data.errors import MissingValues, TableMismatch

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Schema:
    """The columns of a table in order: name to kind, values, and whether cells may be empty."""

    target: str
    missing: str
    columns: dict[str, dict[str, Any]]


def read_schema(path: Path) -> Schema:
    """Read the schema of the table in the folder ``path``.

    Raises TableMismatch if there is none.
    """
    file = path / "schema.json"
    if not file.exists():
        raise TableMismatch(f"{path} holds no table: it has no schema.json. Bring the source again.")
    return Schema(**json.loads(file.read_text(encoding="utf-8")))


def read_table(path: Path) -> pd.DataFrame:
    """Read the table in the folder ``path``, its columns typed by its schema.

    integer is int64 (Int64 where cells may be empty), number is float64, category and split are categories in
    the schema's order, whichever of them occur; empty cells are missing values.

    Raises TableMismatch if the columns differ from the schema's, or a cell is not of its column's kind.
    """
    import pandas as pd

    schema = read_schema(path)
    frame = pd.read_csv(path / "table.csv", dtype=str, keep_default_na=False, na_values=[schema.missing])
    if list(frame.columns) != list(schema.columns):
        raise TableMismatch(
            f"{path / 'table.csv'}: expected columns {list(schema.columns)}, came {list(frame.columns)}. "
            "Bring the source again."
        )
    for name, column in schema.columns.items():
        frame[name] = _typed(frame[name], column, path / "table.csv")
    return frame


def _typed(cells: pd.Series, column: dict[str, Any], where: Path) -> pd.Series:
    import pandas as pd

    if cells.isna().any() and not column["may_be_missing"]:
        row = int(cells.isna().to_numpy().argmax())
        raise TableMismatch(f"{where}: column {cells.name} is empty in row {row}. Bring the source again.")
    if column["kind"] in ("category", "split"):
        unknown = sorted(set(cells.dropna()) - set(column["values"]))
        if unknown:
            raise TableMismatch(
                f"{where}: column {cells.name} has {unknown[:3]}, expected only {column['values']}. "
                "Correct the values in the list, or bring the source again."
            )
        return cells.astype(pd.CategoricalDtype(column["values"]))
    try:
        numbers = cells.astype("float64")
        if column["kind"] == "number":
            return numbers
        whole = numbers.astype("Int64")  # refuses fractions, which int64 would cut off
        return whole if column["may_be_missing"] else whole.astype("int64")
    except (ValueError, TypeError) as error:
        raise TableMismatch(
            f"{where}: column {cells.name} is not {column['kind']}: {error}. "
            "Correct the kind in the list, or bring the source again."
        ) from error


def numeric_columns(frame: pd.DataFrame, *, exclude: Sequence[str] = ()) -> list[str]:
    """Return the names of the integer and number columns that are not in ``exclude``, in order.

    Raises TableMismatch if a column in ``exclude`` is not in the table.
    """
    from pandas.api.types import is_numeric_dtype

    absent = sorted(set(exclude) - set(frame.columns))
    if absent:
        raise TableMismatch(f"the table has no columns {absent} to exclude; it has {list(frame.columns)}.")
    return [name for name in frame.columns if name not in exclude and is_numeric_dtype(frame[name])]


def numeric_matrix(
    frame: pd.DataFrame,
    *,
    exclude: Sequence[str] = (),
    missing: Literal["refuse", "drop_rows"] = "refuse",
) -> Float[np.ndarray, "N d"]:
    """Return the columns named by `numeric_columns` as float64; exclude the target where it is a number.

    ``missing="drop_rows"`` leaves out each row with an empty cell in one of these columns.

    Raises MissingValues if cells are empty and ``missing`` is "refuse"; names the columns and how many. Raises
    TableMismatch if a column in ``exclude`` is not in the table, or no numeric column is left.
    """
    names = numeric_columns(frame, exclude=exclude)
    if not names:
        raise TableMismatch(f"no numeric column is left of {list(frame.columns)} without {list(exclude)}.")
    numbers = frame[names]
    counts = {name: int(count) for name, count in numbers.isna().sum().items() if count}
    if counts and missing == "refuse":
        remedy = 'Exclude these columns, or ask for missing="drop_rows".'
        raise MissingValues(f"empty cells by column: {counts}. {remedy}")
    return numbers.dropna().to_numpy(dtype=np.float64)  # (N, d)
