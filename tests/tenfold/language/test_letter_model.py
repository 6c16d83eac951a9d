"""Replies that are held to a letter: the same with what is kept and without, in any batch, from any call before."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenfold.chat import Client, Failure, Message, Sampling
from tenfold.language import DecoderMismatch, LetterModel, PrefixCache
from tenfold.language.prefix_cache import BLOCK

BEGINNING = "a question that is longer than two blocks of tokens"
CONVERSATIONS = [
    [Message("user", f"{BEGINNING}: who?")],
    [Message("user", f"{BEGINNING}: why?")],
    [Message("user", f"{BEGINNING}: who?"), Message("assistant", "A"), Message("user", "?")],
    [Message("user", "short")],
    [Message("user", f"{BEGINNING}, this one")],
]


def naive(model: LetterModel, conversation) -> np.ndarray:
    """One pass over the whole prompt, nothing kept, nothing padded."""
    decoder = model.decoder
    beginning, letters = model._tokens
    tokens = torch.tensor([[*decoder.prompt(conversation), *beginning]])
    with torch.inference_mode():
        scores = decoder.model(input_ids=tokens).logits[0, -1, letters]
    return torch.softmax(scores, dim=0).numpy()


@pytest.mark.parametrize("batch", [1, 2, 16])
@pytest.mark.parametrize("tokens", [0, 2 * BLOCK, 100 * BLOCK])
def test_probabilities_are_those_of_whole_prompts(decoder, batch, tokens):
    model = LetterModel(decoder, 4, batch, PrefixCache(tokens), remembered=0)
    expected = np.array([naive(model, conversation) for conversation in CONVERSATIONS])
    assert len({round(row[0], 6) for row in expected}) == len(CONVERSATIONS)
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1], [2, 2, 0]):
        found = model.probabilities([CONVERSATIONS[number] for number in order])
        assert found == pytest.approx(expected[order], abs=1e-9)
        assert len(model.kept) <= tokens


def test_what_prompts_share_is_read_once(decoder, monkeypatch):
    read, forward = [], decoder.model.forward

    def counted(**given):
        read.append(given["attention_mask"][:, -given["input_ids"].shape[1] :].sum().item())
        return forward(**given)

    monkeypatch.setattr(decoder.model, "forward", counted)
    model = LetterModel(decoder, 3)
    lengths = [len(model._prompt(conversation)) for conversation in CONVERSATIONS[:3]]
    model.probabilities(CONVERSATIONS[:2])
    assert sum(read) <= lengths[0] + lengths[1] - 2 * BLOCK
    read.clear()
    model.probabilities(CONVERSATIONS[2:3])
    assert sum(read) <= lengths[2] - 3 * BLOCK
    read.clear()
    LetterModel(decoder, 3, kept=PrefixCache(0)).probabilities(CONVERSATIONS[:3])
    assert sum(read) == sum(lengths)


@pytest.mark.parametrize("tokens", [0, BLOCK])
def test_nobody_waits_for_what_is_not_kept(decoder, monkeypatch, tokens):
    passes, forward = [], decoder.model.forward
    monkeypatch.setattr(decoder.model, "forward", lambda **given: (passes.append(given), forward(**given))[1])
    asked = [[Message("user", f"{BEGINNING}: {letter}")] for letter in "abcdefgh"]
    LetterModel(decoder, 3, kept=PrefixCache(tokens)).probabilities(asked)
    assert len(passes) <= 3


def test_a_reply_is_the_likeliest_letter_or_one_that_is_drawn(decoder):
    model = LetterModel(decoder, 3)
    chances = model.probabilities(CONVERSATIONS)
    replies = Client(model).generate(CONVERSATIONS, Sampling())
    assert [reply.text for reply in replies] == [f"Answer: {'ABC'[row.argmax()]}" for row in chances]
    drawn = [
        [reply.text[-1] for reply in Client(model).generate(CONVERSATIONS, Sampling(temperature=1.0, seed=seed))]
        for seed in range(300)
    ]
    assert drawn[7] == [
        Client(model).generate([one], Sampling(temperature=1.0, seed=7))[0].text[-1] for one in CONVERSATIONS
    ]
    shares = np.array([[[row[n] == letter for letter in "ABC"] for n in range(len(CONVERSATIONS))] for row in drawn])
    assert shares.mean(axis=0) == pytest.approx(chances, abs=0.12)
    first = Client(model).generate(CONVERSATIONS, Sampling(temperature=1.0, seed=3, top_p=1e-6))
    assert first == replies


@pytest.mark.parametrize("remembered", [0, 3, 100])
def test_many_samples_of_a_prompt_cost_one_pass(decoder, monkeypatch, remembered):
    expected = [
        Client(LetterModel(decoder, 3)).generate(CONVERSATIONS, Sampling(temperature=1.0, seed=seed))
        for seed in range(4)
    ]
    rows, forward = [], decoder.model.forward
    monkeypatch.setattr(
        decoder.model, "forward", lambda **given: (rows.append(len(given["input_ids"])), forward(**given))[1]
    )
    model = LetterModel(decoder, 3, remembered=remembered)
    for seed, replies in enumerate(expected):
        assert Client(model).generate(CONVERSATIONS, Sampling(temperature=1.0, seed=seed)) == replies
    once = len(CONVERSATIONS)
    assert sum(rows) == once + 3 * max(0, once - remembered)


def test_a_prompt_that_is_too_long_is_a_failure(decoder):
    long = [Message("user", "y" * 200)]
    failed, reply = Client(LetterModel(decoder, 3)).generate([long, CONVERSATIONS[3]], Sampling())
    assert isinstance(failed, Failure) and "exceed the 96" in failed.error
    assert reply.text in ("Answer: A", "Answer: B", "Answer: C")


def test_letters_without_tokens_are_refused(decoder):
    with pytest.raises(DecoderMismatch, match="between 2 and 26"):
        LetterModel(decoder, 1)
