"""Word problems: MetaMathQA to train on, GSM8K to test on, scored by the number that an answer ends with.

Legend:  N problems · T tokens
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int

from tenfold.hub.datasets import Split, load_split
from tenfold.hub.errors import EmptySplit

PROMPT = "Question: {question}\nAnswer:"
BEFORE = ("####", "The answer is:")  # what GSM8K and MetaMathQA write before the number
NUMBER = re.compile(r"-?\$?\s*(\d[\d,]*(?:\.\d+)?|\.\d+)(?!\d|\.\d|\s*[/^\\])")  # no fraction, no formula
NOT_COUNTED = -100  # the target that cross-entropy ignores


@dataclass(frozen=True)
class Problems:
    """Questions and the worked answers to the questions."""

    questions: tuple[str, ...]
    answers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.questions)

    def only(self, chosen: Sequence[int] | np.ndarray) -> Problems:
        """Return the problems at the places ``chosen``, in that order."""
        return Problems(tuple(self.questions[i] for i in chosen), tuple(self.answers[i] for i in chosen))

    @property
    def numbers(self) -> list[Decimal | None]:
        """The number that each answer ends with; None where an answer has none."""
        return [final_number(answer) for answer in self.answers]


def final_number(text: str) -> Decimal | None:
    """Return the first number after the last "####" or "The answer is:"; None where there is none.

    Currency signs and commas between digits are ignored; 7 equals 7.00.
    """
    places = [(text.rfind(mark), mark) for mark in BEFORE]
    place, mark = max(places)
    found = NUMBER.match(text[place + len(mark) :].lstrip().lstrip("\\$")) if place >= 0 else None
    if found is None:
        return None
    value = Decimal(found[1].replace(",", ""))
    return -value if found[0].startswith("-") else value


def answered_right(given: Sequence[str], problems: Problems) -> Bool[np.ndarray, " N"]:
    """Return whether each given answer ends with the right number."""
    pairs = zip(given, problems.numbers, strict=True)
    return np.array([right is not None and final_number(answer) == right for answer, right in pairs])


def training_problems(
    source: str, *, wanted: int, validation: int, generator: np.random.Generator, revision: str = "main"
) -> tuple[Split, Problems, Problems]:
    """Return the split, up to ``wanted`` problems of MetaMathQA to train on, and ``validation`` others to validate by.

    MetaMathQA asks each question in several ways: all ways of one question are on one side. Problems that validate end
    with a number.

    Raises EmptySplit if a side has no problem, and what ``load_split`` raises.
    """
    columns = ("query", "response", "original_question")
    found = load_split(source, "train", columns=columns, revision=revision)
    table = Problems(tuple(found.column("query")), tuple(found.column("response")))
    original = found.column("original_question")
    train: list[int] = []
    kept: list[int] = []
    held_out: set[str] = set()
    for index in generator.permutation(len(table)):
        question = original[index]
        if len(kept) < validation and question not in held_out and final_number(table.answers[index]) is not None:
            held_out.add(question)
            kept.append(index)
        else:
            train.append(index)
    train = [index for index in train if original[index] not in held_out][:wanted]
    if not train or not kept:
        raise EmptySplit(
            f"{found}: {len(train)} problems to train on and {len(kept)} that end with a number to "
            f"validate; name the whole data set or lower the number for validation"
        )
    return found, table.only(train), table.only(kept)


def problems_to_test(source: str, *, wanted: int | None, revision: str = "main") -> tuple[Split, Problems]:
    """Return GSM8K's test split and its first ``wanted`` problems, or all where that is None.

    Raises EmptySplit if an answer has no number, and what ``load_split`` raises.
    """
    found = load_split(source, "test", columns=("question", "answer"), configuration="main", revision=revision)
    problems = Problems(tuple(found.column("question")[:wanted]), tuple(found.column("answer")[:wanted]))
    lacking = [index for index, number in enumerate(problems.numbers) if number is None]
    if lacking:
        raise EmptySplit(f"{found}: row {lacking[0]} has no number after {' or '.join(BEFORE)}; repair the table")
    return found, problems


def encode_problems(
    problems: Problems, tokenizer: Any, max_tokens: int
) -> tuple[Int[np.ndarray, "N T"], Int[np.ndarray, "N T"]]:
    """Return ids and targets, padded on the right: only the answer's tokens and the end of text count as targets.

    Problems of more than ``max_tokens`` are left out.

    Raises EmptySplit if no problem is left.
    """
    rows = []
    for question, answer in zip(problems.questions, problems.answers, strict=True):
        prompt = tokenizer(PROMPT.format(question=question))["input_ids"]
        reply = [*tokenizer(f" {answer}", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        if len(prompt) + len(reply) <= max_tokens:
            rows.append((prompt, reply))
    if not rows:
        raise EmptySplit(f"none of {len(problems)} problems has at most {max_tokens} tokens; raise max_tokens")
    shape = (len(rows), max(len(prompt) + len(reply) for prompt, reply in rows))
    ids, targets = np.full(shape, tokenizer.eos_token_id), np.full(shape, NOT_COUNTED)
    for row, (prompt, reply) in enumerate(rows):
        ids[row, : len(prompt) + len(reply)] = prompt + reply
        targets[row, len(prompt) : len(prompt) + len(reply)] = reply
    return ids.astype(np.int64), targets.astype(np.int64)


@torch.inference_mode()
def solve(model: Any, tokenizer: Any, questions: Sequence[str], *, new_tokens: int, size: int) -> list[str]:
    """Return the model's greedy answers of at most ``new_tokens``; ``size`` questions are answered at a time."""
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    device, answers = next(model.parameters()).device, []
    for start in range(0, len(questions), size):
        prompts = [PROMPT.format(question=question) for question in questions[start : start + size]]
        coded = tokenizer(prompts, padding=True, return_tensors="pt").to(device)
        made = model.generate(
            input_ids=coded["input_ids"],
            attention_mask=coded["attention_mask"],
            do_sample=False,
            max_new_tokens=new_tokens,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        answers += tokenizer.batch_decode(made[:, coded["input_ids"].shape[1] :], skip_special_tokens=True)
    return answers
