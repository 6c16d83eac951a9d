"""The six corrections, each by its numbers."""

import numpy as np
import pytest

from tenfold.dp_cross_attention import findings as corrections
from tenfold.dp_cross_attention.tree_memory import TreeMemory
from tests.tenfold.dp_cross_attention.conftest import PUBLIC


def test_one_the_trees_write_what_they_hold(memory_rows):
    assert corrections.cells_over_operations(8) == 8
    cells, writes = corrections.cells_and_writes(2, 2, 1000)
    keys = memory_rows.keys[:, :2] / 2
    held = TreeMemory.fit(keys, keys, epsilon=1.0, degree=2, **PUBLIC)._copies[0][0]
    assert held[:, 1:].size == cells  # node 0 is unused
    assert writes >= 0.9 * cells


def test_two_the_numerators_relative_error_is_not_the_attentions():
    for rows in (10, 1000):
        assert corrections.numerator_error_as_attention(rows, 0.1, 1.0) == pytest.approx(rows)


def test_three_signed_values_have_no_relative_error():
    exact, truncated, bound = corrections.signed_values(1.0, 2)
    assert exact == pytest.approx(0, abs=1e-12) and truncated == pytest.approx(-1.1945, abs=1e-4)
    assert abs(truncated) <= bound


def test_four_signed_vectors_promise_little():
    key = np.array([[0.6, 0.8]])
    assert corrections.denominator_over_n(-key, np.tile(key, (9, 1)), 0.5) == pytest.approx(np.exp(-2))
    centred = np.concatenate([key, -key])
    directions = np.random.default_rng(0).uniform(-0.7, 0.7, (50, 2))
    assert corrections.denominator_over_n(directions, centred, 0.5).min() >= 1  # Jensen


def test_five_the_bound_is_vacuous():
    assert corrections.paper_feature_count(8, 2) == 4845
    assert corrections.paper_feature_count(64, 2) == 12_082_785
    assert corrections.rows_for_useful_bound(8, 2) > 2e7


def test_six_everything_is_linear():
    generator = np.random.default_rng(0)
    keys, queries = generator.uniform(-0.6, 0.6, (100, 4)), generator.uniform(-0.6, 0.6, (10, 4))
    sums, three = corrections.linear_identity(keys, generator.standard_normal(100), queries, 4)
    assert max(sums, three) < 1e-12
