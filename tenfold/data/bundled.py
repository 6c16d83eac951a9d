"""Tables inside scikit-learn, brought to the normal form of every other table."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from tenfold.data.checksums import sha256_bytes
from tenfold.data.errors import ChecksumMismatch, UnknownSource
from tenfold.data.readers import header_line
from tenfold.data.registry import Column, Source, Table

LOADERS: dict[str, dict[str, Any]] = {  # the loader's arguments
    "breast_cancer": {},
    "wine": {},
    "digits": {},
    "diabetes": {"scaled": False},
}


def bundled_table(source: Source) -> tuple[Table, bytes]:
    """Return the schema and the bytes of table.csv of a bundled source; the last column is `target`.

    Raises UnknownSource if scikit-learn has no such table. Raises ChecksumMismatch if the installed package's
    arrays are not the listed ones.
    """
    features, target, names, classes = _load(source)
    columns = {name: _numeric_column(values) for name, values in zip(names, features.T, strict=True)}
    cells = [_cells(column, values) for column, values in zip(columns.values(), features.T, strict=True)]
    if classes:
        columns["target"] = Column(kind="category", values=tuple(classes))
        cells.append([classes[int(index)] for index in target])
    else:
        columns["target"] = _numeric_column(target)
        cells.append(_cells(columns["target"], target))
    rows = "".join(",".join(row) + "\n" for row in zip(*cells, strict=True))
    content = header_line(list(columns)) + rows.encode()
    return Table(sha256=sha256_bytes(content), target="target", columns=columns), content


def _load(source: Source) -> tuple[Float[np.ndarray, "N d"], Float[np.ndarray, " N"], list[str], list[str]]:
    from sklearn import datasets

    if source.bundled is None or source.name not in LOADERS:
        raise UnknownSource(f"{source.name} is not bundled; those that are: {', '.join(sorted(LOADERS))}.")
    bunch = getattr(datasets, f"load_{source.name}")(**LOADERS[source.name])
    features = np.ascontiguousarray(bunch.data, dtype="<f8")  # (N, d)
    target = np.ascontiguousarray(bunch.target, dtype="<f8")  # (N,)
    came = sha256_bytes(features.tobytes() + target.tobytes())
    if came != source.bundled.sha256:
        raise ChecksumMismatch(
            f"scikit-learn's {source.name}: expected arrays with sha256 {source.bundled.sha256}, "
            f"but came sha256 {came} ({features.shape[0]} rows of {features.shape[1]}). "
            "The installed scikit-learn has other data: install the version this project is locked to."
        )
    names = [_column_name(str(name)) for name in bunch.feature_names]
    return features, target, names, [str(name) for name in bunch.get("target_names", [])]


def _column_name(name: str) -> str:
    return name.replace(" ", "_").replace("/", "_")


def _numeric_column(values: Float[np.ndarray, " N"]) -> Column:
    whole = bool(np.all(values == np.round(values)))
    return Column(kind="integer" if whole else "number", range=(float(values.min()), float(values.max())))


def _cells(column: Column, values: Float[np.ndarray, " N"]) -> list[str]:
    return [str(int(value)) if column.kind == "integer" else repr(float(value)) for value in values]
