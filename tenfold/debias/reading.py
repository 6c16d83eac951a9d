"""Examples that a reader learns from, as padded batches: questions with the words of their answers.

Legend:  B rows of a batch · T words
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from tenfold.debias.items import Item, Items
from tenfold.debias.micro_prompts import MicroPrompts
from tenfold.debias.seeded_order import Order
from tenfold.debias.words import ANSWER, END, UNKNOWN_WORD, Vocabulary

PROMPTS = MicroPrompts()


@dataclass(frozen=True)
class Example:
    """What is asked, and the words of the right answer."""

    asked: str
    answer: str


@dataclass(frozen=True)
class Encoded:
    """An example as numbers of words; its last ``answer`` words are the answer with its end."""

    tokens: list[int]
    answer: int


def question_examples(
    items: Items, labels: Int[np.ndarray, " N"], generator: np.random.Generator, count: int
) -> list[Example]:
    """Return ``count`` examples of questions drawn with replacement, each with its options in an order of its own."""
    drawn = generator.integers(len(items), size=count)
    return [
        Example(PROMPTS.alone(item, shown_order(item, generator))[-1].text, item.options[labels[place]])
        for place, item in ((place, items.rows[place]) for place in drawn)
    ]


def shown_order(item: Item, generator: np.random.Generator) -> Order:
    """Return the numbers of an item's options in an order that is drawn."""
    return tuple(int(number) for number in generator.permutation(len(item.options)))


def encode(
    examples: Iterable[Example],
    vocabulary: Vocabulary,
    *,
    unknown_share: float = 0.0,
    generator: np.random.Generator | None = None,
) -> list[Encoded]:
    """Return examples as numbers; a share of the words of contexts is hidden, so that unknown words are learnt.

    What the options or the question have, too, is never hidden.
    """
    answer, end, unknown = (vocabulary.number(word) for word in (ANSWER, END, UNKNOWN_WORD))
    found = []
    for example in examples:
        asked, right = vocabulary.encode(example.asked), vocabulary.encode(example.answer)
        if generator is not None and unknown_share:
            hidden = generator.random(len(asked)) < unknown_share
            kept = _outside_context(asked, vocabulary)
            asked = [unknown if hide and word not in kept else word for hide, word in zip(hidden, asked, strict=True)]
        found.append(Encoded([*asked, answer, *right, end], len(right) + 1))
    return found


def _outside_context(asked: list[int], vocabulary: Vocabulary) -> set[int]:
    """Return the words of a question that stand outside its context."""
    context, question = vocabulary.number("[context]"), vocabulary.number("[question]")
    if context not in asked:
        return set(asked)
    return {*asked[: asked.index(context) + 1], *asked[asked.index(question) :]}


def batches_of_like_length(
    examples: Sequence[Encoded], size: int, generator: np.random.Generator, *, window: int = 8
) -> list[list[Encoded]]:
    """Return examples as full batches in a drawn order; those of ``window`` batches are dealt out by length.

    Batches of like length hold little padding: half the work where lengths differ as here.
    """
    order = generator.permutation(len(examples))[: len(examples) // size * size]
    found: list[list[Encoded]] = []
    for start in range(0, len(order), size * window):
        rows = sorted((examples[place] for place in order[start : start + size * window]), key=_length)
        found += [rows[first : first + size] for first in range(0, len(rows), size)]
    return [found[place] for place in generator.permutation(len(found))]


def collate(rows: Sequence[Encoded]) -> tuple[Int[Tensor, "B T"], Int[Tensor, " B"], Int[Tensor, " B"]]:
    """Return tokens padded on the right, lengths, and lengths of the answers with their ends."""
    lengths = torch.tensor([len(row.tokens) for row in rows])
    tokens = torch.zeros(len(rows), int(lengths.max()), dtype=torch.int64)
    for place, row in enumerate(rows):
        tokens[place, : len(row.tokens)] = torch.tensor(row.tokens)
    return tokens, lengths, torch.tensor([row.answer for row in rows])


def _length(row: Encoded) -> int:
    return len(row.tokens)
