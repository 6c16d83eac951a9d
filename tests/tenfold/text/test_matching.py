"""Whether answers match, in the conventions that the functions name."""

from __future__ import annotations

import pytest

from tenfold.text.errors import UnpairedTexts
from tenfold.text.matching import contained_match, exact_match, relaxed_match, vqa_accuracy


def test_exact_match_is_blind_to_case_and_outer_punctuation():
    assert exact_match(' "Open." ', ["closed", "open"])
    assert not exact_match("open now", ["open"]) and not exact_match("", ["open"])


def test_of_punctuation_alone_only_the_same_text_is_right():
    assert exact_match(" ... ", ["..."]) and exact_match("?", ["!", "?"]) and exact_match("", [""])
    for answer in ("", " ", "-", "?!"):
        assert not exact_match(answer, ["..."]), answer
    assert not exact_match("...", [""]) and not exact_match("open", ["..."])


def test_contained_match_is_that_of_ocrbench():
    assert contained_match("The sign says\nOPEN 24h.", ["open 24h"])
    assert not contained_match("ope n", ["open"])
    assert contained_match("so x ^ 2 + 1", ["x^2 +1"], mathematics=True)
    assert not contained_match("so X ^ 2 + 1", ["x^2 +1"], mathematics=True)  # case is kept


@pytest.mark.parametrize(
    ("answer", "reference", "right"),
    [
        ("95", "100", True),
        ("94.9", "100", False),
        ("105", "100", True),
        ("-95", "-100", True),
        ("5%", "5", False),
        ("5%", "0.05", True),
        ("0.0", "0", False),
        ("0", "0", True),
        ("Yes ", "yes", True),
        ("12 apples", "12", False),
    ],
)
def test_relaxed_match_is_that_of_chartqa(answer, reference, right):
    assert relaxed_match(answer, reference) is right


def test_vqa_accuracy_leaves_each_annotator_out_in_turn():
    ten = ["red"] * 3 + ["blue"] * 7
    assert vqa_accuracy("red", ten) == pytest.approx((3 * (2 / 3) + 7 * 1) / 10)
    assert vqa_accuracy("Blue", ten) == 1 and vqa_accuracy("green", ten) == 0


def test_answers_without_references_are_refused():
    for call in (lambda: exact_match("a", []), lambda: contained_match("a", "abc"), lambda: vqa_accuracy("a", [])):  # type: ignore[arg-type]
        with pytest.raises(UnpairedTexts):
            call()
