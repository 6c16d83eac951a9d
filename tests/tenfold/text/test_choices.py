"""Which option a reply chooses: what people and models write, and what must not be taken for an answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.text import InvalidOptions, normalised, parse_choice

OPTIONS = ["The grandfather", "The grandson", "Can't be determined"]


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("Answer: **D**", None),
        ("Answer: D\n", None),
        ("(A) is wrong. Final answer: B", "B"),
        ("A man was seen with a phone", None),
        ("The correct answer is c.", "C"),
        ("Answer: A\nAnswer: B", "B"),
        ("The grandson", "B"),
        ("the GRANDSON.", "B"),
        ("The grandfather, not the grandson", None),
        ("can’t be determined", "C"),
        ("It can't be determined from the context.", "C"),
        ("B", "B"),
        ("(b)", "B"),
        ("**B**.", "B"),
        ("B. The grandson", "B"),
        ("B) The grandson", "B"),
        ("A) The grandson", "B"),
        ("Answer: B) The grandson", "B"),
        ("Answer: (B)", "B"),
        ("**Answer:** B", "B"),
        ("My answer is option A, because …", "A"),
        ("The answer is a person who is old", None),
        ("An answer: a grandfather might be", None),
        ("Answer:", None),
        ("", None),
        ("I do not know", None),
        ("Neither the grandson nor the grandfather", None),
        ("Z", None),
    ],
)
def test_what_a_reply_chooses(reply, letter):
    assert parse_choice(reply, OPTIONS) == (None if letter is None else "ABC".index(letter))


STAFF = ["The baker", "The gardener", "Cannot say"]


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("Option A: The baker\nOption B: The gardener\nI do not know.", None),
        ("The options are: option A, option B, option C. Not enough info.", None),
        ("Option A, option B and option C were given.", None),
        ("Choice: A: The baker, choice: B: The gardener", None),
        ("Answer: A, B", None),
        ("Answer: (A) or (B)", None),
        ("Answer: A/B", None),
        ("Answer: A and B.", None),
        ("Answer: **A**, **B**, **C**", None),
        ("The answer is A, or option B.", None),
        ("Answer: A, B\nFinal answer: B", "B"),
        ("Answer: A, because B is wrong", "A"),
        ("Answer: B, I think.", "B"),
        (r"Answer: \boxed{B}", "B"),
        (r"The final answer is $\boxed{\text{B}}$.", "B"),
        (r"\boxed{B}", "B"),
        ("The answer is: “B”", "B"),
        ("Answer: ‘B’.", "B"),
        ("Answer: «B»", "B"),
        ("Answer：Ｂ", "B"),
        ("Ｂ", "B"),
        ("**Answer**: B", "B"),
        ("Option B", "B"),
        ("Option B.", "B"),
        ("Option B: The gardener", "B"),
        ("Final choice: B", "B"),
        ("The correct option is **B**.", "B"),
        ("My choice is B", "B"),
        ("I’d choose option B, but it is not sure.", "B"),
        ("I would not choose option B.", None),
        ("Answer: I'm not sure", None),
        ("The answer is a", "A"),
        ("answer" + " " * 20_000 + "x", None),
        ("Answer: A" + " " * 20_000 + "x", None),
        ("Answer: A" + " " * 20_000, "A"),
    ],
)
def test_letters_in_lists_and_in_dress(reply, letter):
    assert parse_choice(reply, STAFF) == (None if letter is None else "ABC".index(letter))


def test_an_option_inside_a_longer_one_is_not_mentioned_there():
    options = ["the man", "the man with a hat", "unknown"]
    assert parse_choice("It was the man with a hat", options) == 1
    assert parse_choice("It was the man", options) == 0


@pytest.mark.parametrize("options", [["one"], ["a", "A "], ["", "b"], ["..", "b"], [str(n) for n in range(27)]])
def test_options_that_cannot_be_told_apart_are_refused(options):
    with pytest.raises(InvalidOptions):
        parse_choice("A", options)


@given(st.text(max_size=80))
def test_any_text_gives_an_option_or_none(reply):
    assert parse_choice(reply, OPTIONS) in (None, 0, 1, 2)


@given(st.text(max_size=40))
def test_a_normal_form_is_normal(text):
    assert normalised(normalised(text)) == normalised(text)
