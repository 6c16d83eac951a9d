"""Numbers and words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.report.formatting import duration, exact, memory, moment, number, with_unit
from flows.report.rendering import cell, plain, prose


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (5, "5"),
        (1797, "1797"),
        (12000, "12,000"),
        (4_000_000, "4,000,000"),
        (0.8731416, "0.8731"),
        (1.0, "1"),
        (0.1, "0.1"),
        (-1.0312345, "−1.031"),
        (123.456, "123.5"),
        (1234.56, "1235"),
        (98765.4, "98,765"),
        (9.99999, "10"),
        (99999.6, "100,000"),
        (0.00012345, "0.0001234"),
        (2.71828e-7, "2.718×10⁻⁷"),
        (-3e-12, "−3×10⁻¹²"),
        (6.02e23, "6.02×10²³"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def read(text: str) -> float:
    return float(text.replace("−", "-").replace(",", "").replace("×10", "e").translate(SUPERSCRIPT))


SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


@given(st.floats(-1e300, 1e300))
def test_a_printed_number_is_within_its_last_digit(value: float) -> None:
    assert read(number(value)) == pytest.approx(value, rel=6e-4, abs=1e-300)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_different_numbers_never_read_alike(value: float, other: float) -> None:
    near = [other, value * (1 + 1e-9)]
    printed = number(value, near)
    assert all(printed != number(one, [value]) for one in near if one != value)


def test_declared_numbers_keep_their_digits() -> None:
    assert exact(0.123456789) == "0.123456789"
    assert number(1.00004, [1.0]) == "1.00004"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.42 s"),
        (12.345, "12.3 s"),
        (59.99, "1 min"),
        (200, "3 min 20 s"),
        (3599.9, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_other_quantities() -> None:
    assert [memory(size) for size in (900, 2048, 245_000_000, 6 * 2**30)] == [
        "900 bytes",
        "2 KiB",
        "234 MiB",
        "6 GiB",
    ]
    assert [with_unit("3", unit) for unit in ("", "nats", "%")] == ["3", "3 nats", "3%"]
    assert moment("2025-11-24T03:05:59+01:00") == "2025-11-24 02:05 UTC"


def test_text_is_never_markup() -> None:
    assert prose("<b> & `x < y`") == "&lt;b&gt; &amp; <code>x &lt; y</code>"
    assert plain("a|b <i> *c*\n$d$ [e](f) `g*h`") == "a\\|b &lt;i&gt; \\*c\\* \\$d\\$ [e]\\(f) `g*h`"


def test_cells() -> None:
    assert [cell(text) for text in ("", "0.0151234", "200", "exact", "1e-9", "nan")] == [
        "–",
        "0.01512",
        "200",
        "exact",
        "1×10⁻⁹",
        "nan",
    ]
