"""A warning of a weak δ points at the line of whoever called the library, whichever entry point it was."""

import sys
import warnings

import numpy as np
import pytest

from tenfold.dp_john import private_john_ellipsoid
from tenfold.privacy.weak_delta import WeakDelta, warn_of_weak_delta
from tests.tenfold.privacy import entry_points
from tests.tenfold.privacy.entry_points import ENTRY_POINTS

SECRET_COUNT = [name for name in ENTRY_POINTS if "removed" in name]
COMMANDS = [name for name in ENTRY_POINTS if name.startswith("tenfold ")]  # they print it, without any line
OF_ONE_ROW = [f"private_john_ellipsoid, {mode}" for mode in ("input", "input_exact", "iterate")]
OTHERS = [name for name in ENTRY_POINTS if name not in (*SECRET_COUNT, *COMMANDS, *OF_ONE_ROW)]
WEAK = 0.6  # of two rows or more


@pytest.fixture
def weak(monkeypatch):
    monkeypatch.setattr(entry_points, "DELTA", WEAK)
    monkeypatch.setitem(entry_points.BUDGET, "delta", WEAK)


def warned(name, folder):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ENTRY_POINTS[name].release(False, folder)
    return [found for found in caught if issubclass(found.category, WeakDelta)]


@pytest.mark.parametrize("name", OTHERS)
def test_it_points_at_the_callers_line(name, tmp_path, weak):
    found = warned(name, tmp_path)
    assert found, "every entry point with a public n warns"
    assert {item.filename for item in found} == {entry_points.__file__}


@pytest.mark.parametrize("name", OF_ONE_ROW)
def test_it_does_so_in_the_modes_that_are_audited_on_one_row(name):
    iterate = {"row_norm_floor": 1.0, "row_norm_bound": 1.01, "ridge": 1.0, "rounds": 1}
    more = iterate if name.endswith("iterate") else {}
    with pytest.warns(WeakDelta) as caught:
        private_john_ellipsoid(
            np.eye(2), mode=name.partition(", ")[2], epsilon=1.0, delta=WEAK, closeness=0.01, insecure_seed=0, **more
        )
    assert {item.filename for item in caught} == {__file__}


@pytest.mark.parametrize("name", SECRET_COUNT)
def test_none_is_given_where_n_is_secret(name, tmp_path, weak):
    assert warned(name, tmp_path) == []


def test_the_line_is_that_of_the_call_and_each_is_told_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(2):
            warn_of_weak_delta(0.5, 2)
            here = sys._getframe().f_lineno - 1
        warn_of_weak_delta(0.5, 2)
        warn_of_weak_delta(0.4, 2)
        warn_of_weak_delta(0.5, None)
        warn_of_weak_delta(None, 2)
    assert [(found.filename, found.lineno) for found in caught] == [(__file__, here), (__file__, here + 2)]
