"""The sensitivity: a search for violations, worst pairs that reach it, and what breaks it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.dp_cross_attention.calibration import setting
from tenfold.dp_cross_attention.errors import InvalidSetting, OddDegree
from tenfold.dp_cross_attention.memory import sums_of
from tenfold.dp_cross_attention.observation import tiny, worst_pair
from tenfold.dp_cross_attention.sensitivity import sketch_sensitivity
from tenfold.dp_cross_attention.sensitivity_search import search, taylor_kernel
from tenfold.dp_cross_attention.taylor import taylor


@pytest.mark.parametrize("degree", [2, 4, 6])
@pytest.mark.parametrize("bound", [0.5, 1.0, 2.0, 8.0])
@pytest.mark.parametrize("weight", [0.25, 1.0, 3.0])
def test_no_pair_of_neighbours_is_further_apart(degree, bound, weight):
    limit = sketch_sensitivity(float(taylor(bound, degree)), 1.0, weight, kernel_nonnegative=True)
    reached = search(taylor_kernel(degree, 1.0), bound**0.5, 1.0, weight, 10_000, np.random.default_rng(degree))
    assert reached <= limit * (1 + 1e-12)
    if weight <= 1:
        assert reached > 0.999 * limit  # and the bound is no looser than it must be


def test_an_odd_degree_violates_it_and_is_refused():
    limit = sketch_sensitivity(float(taylor(2.0, 3)), 1.0, 1.0, kernel_nonnegative=True)
    reached = search(taylor_kernel(3, 1.0), 2**0.5, 1.0, 1.0, 10_000, np.random.default_rng(0))
    assert reached > 1.02 * limit
    with pytest.raises(OddDegree):
        setting(rows=5, dimension=2, value_dimension=1, radius=1.0, degree=3)


@pytest.mark.parametrize("bound", [1.0, 4.0])
def test_numerators_of_values_that_are_not_negative(bound):
    limit = sketch_sensitivity(float(np.exp(bound)), 1.0, 1.0, kernel_nonnegative=True, released="numerator")
    reached = search(np.exp, bound**0.5, 1.0, 1e-12, 10_000, np.random.default_rng(0), nonnegative=True)
    assert 0.99 * limit < reached <= limit
    beyond = search(np.exp, bound**0.5, 1.0, 1e-12, 10_000, np.random.default_rng(0))
    assert beyond > 1.3 * limit  # with signs it would not be private


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["taylor", "rff"]),
    st.sampled_from(["joint", "numerator"]),
    st.sampled_from(["replace_one", "add_remove"]),
)
def test_real_sketches_move_no_further(seed, features, released, neighbours):
    generator = np.random.default_rng(seed)
    known = setting(
        rows=3,
        dimension=2,
        value_dimension=2,
        radius=1.2,
        value_radius=0.7,
        temperature=0.8,
        degree=2,
        features=features,
        feature_count=6,
        neighbours=neighbours,
        released=released,
        feature_seed=seed % 7,
    )
    keys, values = generator.uniform(-1, 1, (3, 2)), generator.uniform(-1, 1, (3, 2))
    keys *= 1.2 / np.linalg.norm(keys, axis=1, keepdims=True)
    values *= 0.7 / np.linalg.norm(values, axis=1, keepdims=True)
    values = np.abs(values) if released == "numerator" else values
    first = sums_of(keys[:2], values[:2], known)
    second = (
        sums_of(keys[:1], values[:1], known)
        if neighbours == "add_remove"
        else sums_of(keys[[0, 2]], values[[0, 2]], known)
    )
    assert np.linalg.norm(first - second) <= known.sensitivity() * (1 + 1e-12)


def test_the_worst_pair_reaches_it_exactly():
    pair = worst_pair()
    known = tiny(pair)
    moved = sums_of(pair.keys, pair.values, known) - sums_of(pair.keys, pair.other_values, known)
    assert np.linalg.norm(moved) == pytest.approx(known.sensitivity(), rel=1e-12)
    assert known.sensitivity() == pytest.approx(2 * np.sqrt(taylor(1.0, 2)))


def test_a_group_costs_as_many_rows_as_it_has():
    one, three = (setting(rows=9, dimension=2, value_dimension=1, radius=1.0, group=size) for size in (1, 3))
    assert three.sensitivity() == pytest.approx(3 * one.sensitivity())
    with pytest.raises(InvalidSetting, match="group"):
        setting(rows=9, dimension=2, value_dimension=1, radius=1.0, group=0)
