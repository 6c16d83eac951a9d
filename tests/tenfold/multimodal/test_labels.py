"""Only answers are learned, token by token, and a sample without one is refused by its name."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tenfold.language.errors import EmptyAnswer
from tenfold.multimodal import answer_labels, require_answers
from tenfold.multimodal.labels import IGNORED

TOKENS = st.lists(st.integers(0, 99), max_size=8)


@given(TOKENS, TOKENS, st.lists(st.integers(0, 99), min_size=1, max_size=8))
def test_another_prompt_of_the_same_length_changes_no_label(prompt, other, answer):
    tokens, labels = answer_labels(prompt, answer, name="one")
    assert tokens == prompt + answer and len(labels) == len(tokens)
    assert [label for label in labels if label != IGNORED] == answer
    changed = [*other, *prompt][: len(prompt)]
    assert answer_labels(changed, answer, name="one")[1] == labels


def test_an_answer_without_tokens_is_refused_by_its_name():
    with pytest.raises(EmptyAnswer, match="page-7"):
        answer_labels([1, 2], [], name="page-7")


def test_rows_without_answers_are_named():
    labels = torch.tensor([[IGNORED, 4, IGNORED], [IGNORED, IGNORED, IGNORED], [7, IGNORED, IGNORED]])
    require_answers(labels[:1])
    with pytest.raises(EmptyAnswer, match="b, c: "):
        require_answers(labels, ["a", "b", "c"])  # no token stands before the first, so its label counts for nothing
    with pytest.raises(EmptyAnswer, match="row 1, row 2: "):
        require_answers(labels)
