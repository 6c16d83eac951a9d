"""Word problems: split by question, encoded, answered and scored."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.hub.errors import (
    EmptySplit,
)
from tenfold.hub.word_problems import (
    NOT_COUNTED,
    Problems,
    answered_right,
    encode_problems,
    final_number,
    problems_to_test,
    solve,
    training_problems,
)
from tests.tenfold.hub import hub_folders


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("so\n#### 72", 72),
        ("#### 1,234", 1234),
        ("The answer is: $18.00", 18),
        ("The answer is: \\$5.50.", "5.5"),
        ("#### -3", -3),
        ("#### 1\nThe answer is: 2", 2),
        ("The answer is: 18 dollars", 18),
        ("####.5", ".5"),
        ("The answer is: 13/4", None),
        ("The answer is: 3.14/2", None),
        ("The answer is: 2\\sqrt{3}", None),
        ("The answer is: x", None),
        ("72", None),
        ("", None),
    ],
)
def test_the_final_number(text: str, number: Any) -> None:
    assert final_number(text) == (None if number is None else Decimal(number))


def test_problems_that_validate_are_other_questions_than_those_to_train_on(tmp_path: Path) -> None:
    folder = str(hub_folders.problems(tmp_path / "MetaMathQA"))
    split, train, kept = training_problems(folder, wanted=100, validation=2, generator=np.random.default_rng(0))
    original = dict(zip(split.column("query"), split.column("original_question"), strict=True))
    assert len(train) == 8 and len(kept) == 2  # two questions in two ways each are away
    assert not {original[q] for q in train.questions} & {original[q] for q in kept.questions}
    _, few, _ = training_problems(folder, wanted=3, validation=2, generator=np.random.default_rng(0))
    assert few.questions == train.questions[:3]
    with pytest.raises(EmptySplit, match="lower the number for validation"):
        training_problems(folder, wanted=3, validation=6, generator=np.random.default_rng(0))


def test_problems_are_tested_by_their_numbers(tmp_path: Path) -> None:
    _, problems = problems_to_test(str(hub_folders.problems_to_test(tmp_path / "gsm8k")), wanted=3)
    assert problems.numbers == [1000, 1001, 1002]
    given = ["#### 1000", "The answer is: 1,001.00", "1002"]
    assert answered_right(given, problems).tolist() == [True, True, False]
    folder = hub_folders.problems_to_test(tmp_path / "other", answer="so {} is {}")
    with pytest.raises(EmptySplit, match="row 0 has no number after ####"):
        problems_to_test(str(folder), wanted=None)


def test_the_answer_alone_is_learnt(decoder: tuple[Any, Any]) -> None:
    problems = Problems(("what?", "x" * 90, "who?"), ("####1", "####2", "####33"))
    ids, targets = encode_problems(problems, decoder[1], max_tokens=60)
    assert len(ids) == 2  # the long one is left out
    first = ids[0][targets[0] != NOT_COUNTED]
    assert decoder[1].decode(first[:-1]) == " ####1" and first[-1] == decoder[1].eos_token_id
    assert decoder[1].decode(ids[1][: (targets[1] == NOT_COUNTED).argmin()]) == "Question: who?\nAnswer:"
    with pytest.raises(EmptySplit, match="raise max_tokens"):
        encode_problems(problems, decoder[1], max_tokens=5)


def test_answers_do_not_depend_on_who_is_asked_beside(decoder: tuple[Any, Any]) -> None:
    questions = ["ab", "what is 1?", "c"]
    together = solve(*decoder, questions, new_tokens=6, size=3)
    assert together == solve(*decoder, questions, new_tokens=6, size=1) and len(together) == 3
