"""The polytope P = {x : −1 ≤ Ax ≤ 1}: its rows, read block by block, and what makes them invalid.

Legend: n rows a_i, d columns, A (n, d).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike, NDArray

from tenfold.arguments import unmasked

BLOCK_BYTES = 1 << 20  # half of a core's level-2 cache, so that a block is read from memory once
SHOWN = 5


class InvalidPolytope(ValueError):
    """The rows do not bound a polytope with a John ellipsoid."""


class ZeroRow(InvalidPolytope):
    """A row is zero: 0 ≤ 1 always holds, and its weight would stay 0 under multiplicative noise."""


class NonFiniteRow(InvalidPolytope):
    """A row holds NaN or an infinity."""


class RankDeficient(InvalidPolytope):
    """The rows do not span the space, so that the polytope is unbounded."""


def row_blocks(A: NDArray) -> Iterator[tuple[slice, Float64[np.ndarray, "rows d"]]]:
    """Yield (where, block) over the rows of A (n, d), each block float64 and at most 1 MiB or 64 rows."""
    rows = max(64, BLOCK_BYTES // (8 * A.shape[1]))
    for first in range(0, A.shape[0], rows):
        where = slice(first, min(first + rows, A.shape[0]))
        yield where, np.asarray(A[where], dtype=np.float64)


def check_shape(A: NDArray) -> None:
    """Raise ``InvalidPolytope`` unless A (n, d) is a real matrix with d ≥ 1, ``RankDeficient`` if n < d."""
    if A.ndim != 2 or A.shape[1] == 0:
        raise InvalidPolytope(f"A must be a matrix (rows, columns) with at least one column; it has shape {A.shape}")
    if A.dtype.kind not in "fiu":
        raise InvalidPolytope(f"A must hold real numbers; its type is {A.dtype}. Convert it to float64")
    n, d = A.shape
    if n < d:
        raise RankDeficient(
            f"{n} rows cannot span {d} dimensions (rank at most {n}): the polytope is unbounded. "
            f"Give at least {d} rows, or project the columns to the span of the rows"
        )


def check_rows(A: NDArray) -> None:
    """Raise ``NonFiniteRow`` or ``ZeroRow``, naming the first rows of A (n, d) that are at fault."""
    non_finite: list[int] = []
    zero: list[int] = []
    for where, block in row_blocks(A):
        squares = np.einsum("ij,ij->i", block, block)
        suspects = np.flatnonzero(~((squares > 0) & (squares < np.inf)))  # squares may under- or overflow
        finite = np.isfinite(block[suspects]).all(axis=1)
        non_finite += (where.start + suspects[~finite]).tolist()
        zero += (where.start + suspects[finite & ~block[suspects].any(axis=1)]).tolist()
    if non_finite:
        raise NonFiniteRow(f"{_named(non_finite)} of A: NaN or infinite. Remove or repair such rows first")
    if zero:
        raise ZeroRow(f"{_named(zero)} of A: zero, so they constrain nothing. Remove such rows first")


def check_rank(singular_values: Float64[np.ndarray, " d"], n: int) -> None:
    """Raise ``RankDeficient`` if a singular value is below max(n, d)·2⁻⁵² times the largest.

    ``singular_values`` (d,) are those of A with columns of unit norm: rank does not depend on units.
    """
    d = len(singular_values)
    threshold = max(n, d) * np.finfo(np.float64).eps * singular_values.max()
    rank = int((singular_values > threshold).sum())
    if rank < d:
        ratio = singular_values.min() / singular_values.max()
        raise RankDeficient(
            f"A has rank {rank}, not {d} (smallest to largest singular value {ratio:.1e}, columns scaled to "
            f"norm 1): the polytope is unbounded. Project A to its {rank} right singular vectors, or add rows"
        )


def validated_rows(A: ArrayLike) -> Float64[np.ndarray, "n d"]:
    """Return A (n, d) as float64 in C order, checked; the same array if it is that already.

    Raises InvalidPolytope if it is not a real matrix; NonFiniteRow or ZeroRow if a row has NaN, an infinity or only
    zeros; RankDeficient if the rows do not span the space, as always when n < d.
    """
    from tenfold.dp_john.whitening import factor_rows

    rows = np.asanyarray(unmasked(A, "A"))
    check_shape(rows)
    check_rows(rows)
    factor_rows(rows)  # raises RankDeficient
    return np.ascontiguousarray(rows, dtype=np.float64)


def _named(rows: list[int]) -> str:
    shown = ", ".join(map(str, rows[:SHOWN]))
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"Row {shown}{more}" if len(rows) == 1 else f"Rows {shown}{more}"
