"""Made-up tables that stand in for a source: same columns, kinds, values and ranges, no network.

Legend:  N rows · k hidden factors · V values of a category
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from tenfold.data.readers import header_line
from tenfold.data.registry import Column, StandIn, Table

FACTORS = 4
NOISE = 0.5
TRAIN_SHARE = 2 / 3


def made_up_table(table: Table, stand_in: StandIn) -> bytes:
    """Return table.csv with ``stand_in.rows`` made-up rows; the same bytes for the same seed.

    Every column, the target too, follows the same few hidden factors plus noise, so that columns correlate
    and the target can be learned. Nothing in it is data about the world.
    """
    assert stand_in.rows is not None
    generator = np.random.default_rng(stand_in.seed)
    factors = generator.standard_normal((stand_in.rows, FACTORS))  # (N, k)
    cells = []
    for column in table.columns.values():
        values = _cells(column, factors, generator)
        empty = generator.random(stand_in.rows) < column.missing
        cells.append([table.missing if gone else value for gone, value in zip(empty, values, strict=True)])
    rows = "".join(",".join(row) + "\n" for row in zip(*cells, strict=True))
    return header_line(list(table.columns)) + rows.encode()


def _cells(column: Column, factors: Float[np.ndarray, "N k"], generator: np.random.Generator) -> list[str]:
    if column.kind == "split":
        return _split_cells(column, len(factors))
    if column.kind == "category":
        return _category_cells(column, factors, generator)
    return _numeric_cells(column, factors, generator)


def _split_cells(column: Column, rows: int) -> list[str]:
    """The first value for the first two thirds of the rows, the others in equal runs after it."""
    assert column.values is not None
    first, *others = column.values
    train = round(rows * TRAIN_SHARE) if others else rows
    rest = [others[index * len(others) // (rows - train)] for index in range(rows - train)]
    return [first] * train + rest


def _category_cells(column: Column, factors: Float[np.ndarray, "N k"], generator: np.random.Generator) -> list[str]:
    assert column.values is not None
    weights = generator.standard_normal((FACTORS, len(column.values)))  # (k, V)
    scores = factors @ weights + NOISE * generator.gumbel(size=(len(factors), len(column.values)))  # (N, V)
    return [column.values[index] for index in scores.argmax(axis=1)]


def _numeric_cells(column: Column, factors: Float[np.ndarray, "N k"], generator: np.random.Generator) -> list[str]:
    assert column.range is not None
    low, high = column.range
    scores = factors @ generator.standard_normal(FACTORS)  # (N,)
    scores += NOISE * generator.standard_normal(len(factors))
    values = low + (high - low) / (1 + np.exp(-scores))  # (N,), inside the range
    if column.kind == "integer":
        return [str(round(value)) for value in values]
    return [repr(round(float(value), 4)) for value in values]
