"""Which rows are accepted, and what is said of those that are not."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.dp_john import polytopes
from tenfold.dp_john.polytope import (
    InvalidPolytope,
    NonFiniteRow,
    RankDeficient,
    ZeroRow,
    row_blocks,
    validated_rows,
)
from tenfold.dp_john.whitening import factor_rows


def rows(n: int = 40, d: int = 4) -> np.ndarray:
    return polytopes.gaussian(n, d, np.random.default_rng(0))


def test_valid_rows_are_returned_without_a_copy() -> None:
    A = rows()
    assert validated_rows(A) is A


@pytest.mark.parametrize("A", [rows().astype(np.float32), np.asfortranarray(rows()), rows().tolist()])
def test_other_layouts_become_float64_in_c_order(A: object) -> None:
    checked = validated_rows(A)
    assert checked.dtype == np.float64 and checked.flags.c_contiguous
    np.testing.assert_allclose(checked, rows(), rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_rows_are_named(value: float) -> None:
    A = rows()
    A[[3, 17], 2] = value
    with pytest.raises(NonFiniteRow, match="Rows 3, 17 of A"):
        validated_rows(A)


def test_zero_rows_are_named() -> None:
    A = rows()
    A[5] = 0
    with pytest.raises(ZeroRow, match="Row 5 of A"):
        validated_rows(A)


def test_rows_whose_squares_under_or_overflow_are_neither_zero_nor_infinite() -> None:
    A = np.diag([1e-200, 1.0, 1e200])
    np.testing.assert_array_equal(validated_rows(A), A)


def test_fewer_rows_than_columns() -> None:
    with pytest.raises(RankDeficient, match="3 rows cannot span 4 dimensions"):
        validated_rows(rows(3, 4))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_rank_found_is_named(rank: int) -> None:
    generator = np.random.default_rng(1)
    A = generator.standard_normal((200, rank)) @ generator.standard_normal((rank, 4))
    with pytest.raises(RankDeficient, match=rf"rank {rank}, not 4 \(smallest to largest"):
        validated_rows(A)


def test_a_zero_column_is_rank_deficient() -> None:
    A = rows()
    A[:, 1] = 0
    with pytest.raises(RankDeficient, match="rank 3, not 4"):
        validated_rows(A)


@pytest.mark.parametrize("condition", [1e4, 1e8, 1e11])
def test_ill_conditioned_is_not_rank_deficient(condition: float) -> None:
    validated_rows(polytopes.ill_conditioned(500, 6, np.random.default_rng(2), condition))


@pytest.mark.parametrize("A", [np.zeros(3), np.zeros((2, 3, 4)), np.zeros((3, 0)), np.array([["a"]]), np.eye(2) * 1j])
def test_not_a_real_matrix(A: np.ndarray) -> None:
    with pytest.raises(InvalidPolytope):
        validated_rows(A)


def test_blocks_cover_the_rows_in_order() -> None:
    A = rows(70_001, 3)
    blocks = list(row_blocks(A))
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), A)


@pytest.mark.parametrize("condition", [1.0, 1e8])
def test_the_factor_whitens(condition: float) -> None:
    A = polytopes.ill_conditioned(30_000, 8, np.random.default_rng(3), condition)
    weights = np.random.default_rng(4).random(len(A))
    factor = factor_rows(A, weights)
    X = factor.whiten(A)
    np.testing.assert_allclose((X.T * weights) @ X, np.eye(8), atol=1e-10)
    np.testing.assert_allclose(X @ factor.matrix, A, atol=1e-9 * np.abs(A).max())
