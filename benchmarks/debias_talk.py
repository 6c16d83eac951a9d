"""Agents that talk about made-up questions, in batches or one by one, for benchmarks/debias.py."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tenfold.chat.client import ChatBackend
    from tenfold.debias.items import Items
    from tenfold.debias.prompts import PromptStyle
    from tenfold.debias.reader import Reader

    Agents = Callable[[int, int], tuple[Items, list[ChatBackend], list[PromptStyle]]]  # of a count and a batch

CATEGORIES = ("Age", "Nationality", "Religion", "SES")
WIDTH, WORDS = 96, 1000  # of a reader, as steps/debias/params.yaml has them by default


def questions(count: int) -> Items:
    """Return made-up questions of BBQ's form."""
    from tenfold.debias.items import Item, Items

    def question(number: int) -> Item:
        ambiguous = number % 2 == 0
        return Item(
            key=f"{number}",
            context=f"Two neighbours, the baker and the tailor, met at the bus stop number {number} in the morning. "
            "They had known each other for years and talked of the weather, of work and of forgotten keys.",
            question="Who had forgotten the keys?",
            options=("The baker", "The tailor", "Unknown"),
            gold=2 if ambiguous else number % 3 % 2,
            group=CATEGORIES[number // 4 % len(CATEGORIES)],
            template=f"{number // 4 % 100}",
            polarity="neg" if number % 4 < 2 else "nonneg",
            condition="ambig" if ambiguous else "disambig",
            unknown=2,
            target=number % 2,
        )

    return Items(tuple(question(number) for number in range(count)))


def talk(count: int, batch: int, agents: Agents) -> float:
    """Return the seconds that a conversation of three agents takes: one round after the first answers.

    At a batch of 1 each question is asked by itself.
    """
    from tenfold.chat.client import Client
    from tenfold.debias.conversation import Agent, Conversation
    from tenfold.debias.protocols import Silent

    asked, backends, styles = agents(count, batch)
    named = [Agent(str(n), Client(one), style) for n, (one, style) in enumerate(zip(backends, styles, strict=True))]
    conversation = Conversation(named, Silent(rounds=1, stop_on_agreement=False))
    conversation.run(asked.only([0]))
    started = time.perf_counter()
    if batch > 1:
        conversation.run(asked)
    else:
        for number in range(count):
            conversation.run(asked.only([number]))
    return time.perf_counter() - started


def letter_agents(count: int, batch: int) -> tuple[Items, list[ChatBackend], list[PromptStyle]]:
    """Return made-up questions and three agents that share a made-up decoder, held to letters."""
    from tenfold.data.made_up_files import made_up_files
    from tenfold.data.registry import StandIn
    from tenfold.debias.letter_prompts import LetterPrompts
    from tenfold.language.decoder import load_decoder
    from tenfold.language.letter_model import LetterModel

    with tempfile.TemporaryDirectory() as folder:
        for name, content in made_up_files(StandIn(maker="decoder", seed=6, width=32))[1].items():
            (Path(folder) / name).write_bytes(content)
        decoder = load_decoder(folder)
    return questions(count), [LetterModel(decoder, 3, batch) for _ in range(3)], [LetterPrompts(n) for n in range(3)]


def reader_agents(
    folder: Path | None, items: Path | None, count: int, batch: int
) -> tuple[Items, list[ChatBackend], list[PromptStyle]]:
    """Return questions and three readers: those of ``folder``, else of default size after a few updates."""
    from tenfold.debias.embedded import EmbeddedModel
    from tenfold.debias.items import read_items
    from tenfold.debias.micro_prompts import MicroPrompts
    from tenfold.debias.reader import Reader

    asked = questions(count) if items is None else read_items(items).only(np.arange(count))
    readers = [_taught(asked, seed) if folder is None else Reader.load(folder) for seed in range(3)]
    backends = [EmbeddedModel(reader, str(number), batch=batch) for number, reader in enumerate(readers)]
    return asked, [*backends], [MicroPrompts() for _ in backends]


def _taught(items: Items, seed: int, updates: int = 20, size: int = 32) -> Reader:
    import torch

    from tenfold.debias.reader import Reader, ReaderConfig, answer_loss
    from tenfold.debias.reading import batches_of_like_length, collate, encode, question_examples
    from tenfold.debias.words import Vocabulary

    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    examples = question_examples(items, items.gold, generator, size * updates)
    found = Vocabulary.of(f"{example.asked} {example.answer}" for example in examples)
    others = [f"word{number}" for number in range(WORDS - len(found))]
    reader = Reader(ReaderConfig((*found.words, *others), WIDTH))
    optimiser = torch.optim.AdamW(reader.parameters(), lr=3e-3)
    for batch in batches_of_like_length(encode(examples, found), size, generator):
        optimiser.zero_grad()
        answer_loss(reader, *collate(batch)).backward()
        optimiser.step()
    return reader.eval()
