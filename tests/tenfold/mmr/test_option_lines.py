"""The four numbered lines of a question are its options, and nothing else is."""

from __future__ import annotations

import pytest

from tenfold.mmr.option_lines import split_options

FOUR = "1. red\n2. light  blue\n3. 4 of them\n4. none"


@pytest.mark.parametrize("between", ["\nChoices:\n", "\n\nchoices\n", "\n"])
@pytest.mark.parametrize("after", ["", "\n\n", " \n"])
def test_options_stand_apart_from_the_question(between: str, after: str) -> None:
    stem, options = split_options(f"Question: Which color?{between}{FOUR}{after}")
    assert stem == "Question: Which color?" and options == ("red", "light  blue", "4 of them", "none")


@pytest.mark.parametrize(
    "question",
    ["Which color?", "Which?\n1. a\n2. b\n3. c", "Which?\n1. a\n2. b\n4. c\n3. d", f"Which?\n{FOUR}\nSay why.", ""],
)
def test_a_question_without_four_options_is_left_whole(question: str) -> None:
    assert split_options(question) == (question, ())


def test_parentheses_and_indents_do_as_well() -> None:
    assert split_options("Q\n 1) a\n 2) b\n\t3) \n4) d")[1] == ("a", "b", "", "d")
