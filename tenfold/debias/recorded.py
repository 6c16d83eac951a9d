"""Answers that were recorded: the predictions that BBQ's authors publish, as arrays and as a chat backend."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from tenfold.chat.messages import Conversation, Failure, Reply, Sampling
from tenfold.debias.bbq import unpacked
from tenfold.debias.errors import InvalidAnswers, NoQuestions
from tenfold.debias.items import NONE, Items
from tenfold.debias.matching import match_official

PREFIX = "unifiedqa-t5-11b_pred_"
FORMATS = ("arc", "race", "qonly")  # the last is asked without the context
RULES = ("random", "first", "unknown")  # what becomes of a tie


@dataclass(frozen=True)
class Recorded:
    """What a model answered to each question: its replies, and the options they name, by prompt format."""

    replies: dict[str, dict[str, str]]  # format → key → reply
    answers: dict[str, dict[str, int]]  # format → key → number of the option, −1 for none

    def array(self, items: Items, form: str) -> Int[np.ndarray, " N"]:
        """Return the answers to questions in their order.

        Raises InvalidAnswers if one of them was not asked.
        """
        known = self.answers[form]
        for item in items.rows:
            if item.key not in known:
                raise InvalidAnswers(f"{item.key} has no recorded answer in the format {form}; leave the question out")
        return np.array([known[item.key] for item in items.rows], dtype=np.int64)


def read_recorded(folder: Path) -> Recorded:
    """Return the answers in the files preds_<category>.jsonl or <category>.jsonl, plain or gzip, of a folder.

    A row carries the question's fields, so that a reply is matched by the labels beside it.
    Raises NoQuestions if there is no such file, InvalidAnswers for a row without a prediction.
    """
    paths = sorted(path for pattern in ("*.jsonl", "*.jsonl.gz") for path in folder.glob(pattern))
    if not paths:
        raise NoQuestions(f"{folder} holds no recorded answers, preds_<category>.jsonl or <category>.jsonl.gz")
    found = Recorded({form: {} for form in FORMATS}, {form: {} for form in FORMATS})
    for path in paths:
        for number, line in enumerate(unpacked(path).splitlines(), 1):
            try:
                row = json.loads(line)
                key = f"{row['category']}/{row['example_id']}"
                for form in FORMATS:
                    reply = row[PREFIX + form]
                    found.replies[form][key] = reply
                    found.answers[form][key] = _matched(row, reply)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidAnswers(f"{path}:{number}: {error!r}; a row has the question and {PREFIX}*") from None
    return found


def _matched(row: Mapping[str, Any], reply: str) -> int:
    options = [row[f"ans{place}"] for place in range(3)]
    labels = [row["answer_info"][f"ans{place}"][0] for place in range(3)]
    number = match_official(reply, options, labels)
    return NONE if number is None else number


class NotRecorded(InvalidAnswers):
    """A question was asked that no answer is recorded for."""


class RecordedModel:
    """Recorded replies as a chat backend: it knows a conversation by the text of its last message.

    It answers nothing else, and can't be talked to: a conversation that goes on is a call of its own.
    """

    def __init__(self, name: str, replies: Mapping[str, str]) -> None:
        self.name, self._replies = name, dict(replies)

    def identity(self) -> Mapping[str, Any]:
        """Return the name of what was recorded."""
        return {"kind": "recorded", "model": self.name}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        """Answer numbered conversations; a text that was never asked is a Failure that says so."""
        for number, conversation in calls:
            text = conversation[-1].text
            if text in self._replies:
                yield number, Reply(self._replies[text])
            else:
                yield number, Failure(f"NotRecorded: nothing is recorded of {self.name} for {text[:60]!r}")


def plurality(answers: Int[np.ndarray, "K N"], items: Items, *, tie: str, seed: int = 0) -> Int[np.ndarray, " N"]:
    """Return what most of K answers say, −1 where none says anything; an answer of −1 has no vote.

    ``tie`` takes one of the options that are equal: a random one, that of the first voter, or the unknown one (where
    the question has none, the first voter's).
    Raises InvalidAnswers for another rule.
    """
    if tie not in RULES:
        raise InvalidAnswers(f"tie = {tie!r}: must be one of {', '.join(RULES)}")
    options = int(answers.max(initial=0)) + 1
    votes = (answers[:, :, None] == np.arange(options)).sum(axis=0)  # (N, O)
    most = votes.max(axis=1)
    leading = (votes == most[:, None]) & (votes > 0)
    generator = np.random.default_rng(seed)
    chosen = np.where(leading, generator.random(leading.shape), -1.0).argmax(axis=1)  # a random one of those that lead
    if tie != "random":
        chosen = _first_vote(answers, leading)
    if tie == "unknown":
        tied = leading.sum(axis=1) > 1
        chosen = np.where(tied & (items.unknown != NONE), items.unknown, chosen)
    return np.where(most > 0, chosen, NONE).astype(np.int64)


def _first_vote(answers: Int[np.ndarray, "K N"], leading: np.ndarray) -> Int[np.ndarray, " N"]:
    """Return the answer of the first voter whose option leads."""
    rows = np.arange(answers.shape[1])
    counts = (answers != NONE) & leading[rows, np.maximum(answers, 0)]  # (K, N)
    return answers[counts.argmax(axis=0), rows]


def agree_else_unknown(first: Int[np.ndarray, " N"], second: Int[np.ndarray, " N"], items: Items) -> np.ndarray:
    """Return the answer on which two agree, and the unknown option, (N,), where they do not or neither answers."""
    return np.where((first == second) & (first != NONE), first, items.unknown).astype(np.int64)
