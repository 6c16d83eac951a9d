"""The polynomial: its error, its minimum, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.dp_cross_attention.errors import InvalidSetting, LogitBoundTooLarge, OddDegree
from tenfold.dp_cross_attention.taylor import (
    attention_error_bound,
    degree_for,
    even_degree,
    logit_bound,
    smallest,
    taylor,
    truncation_error,
    usual_error_bound,
)

BOUNDS = st.floats(0.05, 12)
EVEN = st.integers(1, 8).map(lambda half: 2 * half)


@given(BOUNDS, st.integers(1, 14))
def test_the_largest_relative_error_is_at_an_end(bound, degree):
    s = np.linspace(-bound, bound, 2001)
    found = np.abs(taylor(s, degree) / np.exp(s) - 1).max()
    assert truncation_error(bound, degree) == pytest.approx(found, rel=1e-9, abs=1e-12)


@given(BOUNDS, EVEN)
def test_the_minimum_is_the_least_on_a_grid_and_positive(bound, degree):
    s = np.linspace(-bound, bound, 20001)
    found = taylor(s, degree).min()
    assert 0 < smallest(bound, degree) <= found * (1 + 1e-11)  # but for rounding
    assert smallest(bound, degree) == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize(("bound", "ten", "one"), [(1, 3, 5), (2, 7, 8), (4, 14, 15), (8, 28, 30)])
def test_degrees_for_ten_and_one_percent(bound, ten, one):
    assert (degree_for(bound, 0.1), degree_for(bound, 0.01)) == (ten, one)


@given(st.floats(0.1, 6), EVEN, st.integers(0, 2**32))
def test_no_attention_is_further_off_than_its_bound(bound, degree, seed):
    """Logits anywhere within ±B, values anywhere in the unit interval, weights of rows anywhere."""
    generator = np.random.default_rng(seed)
    s = bound * generator.choice([-1.0, 1.0, generator.uniform(-1, 1)], size=(200, 6))
    values = generator.choice([-1.0, 1.0], size=(200, 6))
    copies = generator.exponential(size=(200, 6)) ** 3
    exact = (copies * np.exp(s) * values).sum(axis=1) / (copies * np.exp(s)).sum(axis=1)
    found = (copies * taylor(s, degree) * values).sum(axis=1) / (copies * taylor(s, degree)).sum(axis=1)
    assert np.abs(found - exact).max() <= attention_error_bound(bound, degree) * (1 + 1e-9) + 1e-12
    assert attention_error_bound(bound, degree) <= min(2.0, usual_error_bound(bound, degree)) + 1e-12


def test_the_bound_is_reached_by_two_kinds_of_rows():
    for bound, degree in ((1.0, 2), (3.0, 4)):
        s, values = np.array([bound, -bound]), np.array([1.0, -1.0])
        copies = np.stack([np.ones(20_000), np.geomspace(1e-3, 1e7, 20_000)])  # (2, many)
        exact, found = (
            ((copies.T * weights) @ values) / (copies.T * weights).sum(axis=1)
            for weights in (np.exp(s), taylor(s, degree))
        )
        assert np.abs(found - exact).max() == pytest.approx(attention_error_bound(bound, degree), rel=1e-3)


@pytest.mark.parametrize("degree", [1, 3, 5])
def test_odd_degrees_are_refused_by_name(degree):
    with pytest.raises(OddDegree, match=f"Take {degree + 1}"):
        even_degree(degree)


@pytest.mark.parametrize("degree", [0, -2, 2.0, True, "4"])
def test_what_is_no_degree_is_refused(degree):
    with pytest.raises(InvalidSetting):
        even_degree(degree)


def test_logits_that_overflow_are_refused():
    assert logit_bound(80.0) == 80.0
    with pytest.raises(LogitBoundTooLarge, match="Raise the temperature"):
        logit_bound(80.1)
    for bound in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InvalidSetting):
            logit_bound(bound)
