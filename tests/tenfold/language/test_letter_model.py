"""Replies that are held to a letter: the same with what is kept and without, in any batch, from any call before."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenfold.chat import Client, Failure, Message, Sampling
from tenfold.language import DecoderMismatch, LetterModel, PrefixCache
from tenfold.language.letter_model import _chosen
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


SAME = "abcdefghijklmnop"  # a block of tokens, wherever a block begins


@pytest.mark.parametrize("tokens", [5 * BLOCK, 100 * BLOCK])
def test_the_same_words_after_other_ones_and_lengths_that_differ_are_told_apart(decoder, tokens):
    """One token a letter: equal blocks after other beginnings, and rows of a batch of which more or less is kept."""
    template = len(decoder.prompt([Message("user", "a")])) - 2  # tokens before the words, and one after them
    start = "x" * (BLOCK - template)
    asked = [
        [Message("user", f"{start}{before}{SAME * times}{end}")]
        for before in ("", "z" * BLOCK, "q" * BLOCK)
        for times in (1, 2, 3)
        for end in ("?", "why")
    ]
    model = LetterModel(decoder, 3, 18, PrefixCache(tokens), remembered=0)
    expected = np.array([naive(model, conversation) for conversation in asked])
    assert np.ptp(expected, axis=0).max() > 1e-3
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(asked))
        assert model.probabilities([asked[number] for number in order]) == pytest.approx(expected[order], abs=1e-9)


def test_rows_with_more_and_less_kept_are_read_together(decoder):
    long, short, none = ([Message("user", words)] for words in (f"{BEGINNING}: who?", f"{BEGINNING[:20]}…", "!?"))
    model = LetterModel(decoder, 3, remembered=0)
    expected = np.array([naive(model, conversation) for conversation in (long, short, none)])
    model.probabilities([long])
    kept = [model.kept.known(model._prompt(conversation)) for conversation in (long, short, none)]
    assert kept[0] > kept[1] > kept[2] == 0
    assert model.probabilities([long, short, none]) == pytest.approx(expected, abs=1e-9)


def test_what_was_not_used_for_longest_goes_first(decoder):
    model = LetterModel(decoder, 3, kept=PrefixCache(5 * BLOCK), remembered=0)
    old, used, new = ([Message("user", letter * 2 * BLOCK)] for letter in "xyz")

    def known(conversation):
        return model.kept.known(model._prompt(conversation))

    model.probabilities([used])
    each = known(used)
    assert each >= 2 * BLOCK and 2 * each <= model.kept.tokens < 3 * each
    for conversation in (old, used, new):
        model.probabilities([conversation])
    assert known(used) == known(new) == each and known(old) < each


def test_top_p_takes_the_likeliest_letters_that_hold_it():
    chances = np.array([0.2, 0.5, 0.3])

    def shares(**sampling):
        drawn = [_chosen(chances, [1, 2], Sampling(seed=seed, **sampling)) for seed in range(1500)]
        return np.bincount(drawn, minlength=3) / len(drawn)

    assert shares(temperature=1.0) == pytest.approx(chances, abs=0.05)
    assert shares(temperature=1.0, top_p=0.7) == pytest.approx([0, 0.625, 0.375], abs=0.05)
    assert shares(temperature=1.0, top_p=0.45).tolist() == [0, 1, 0]
    assert shares(temperature=0.5) == pytest.approx(chances**2 / (chances**2).sum(), abs=0.05)
    assert shares(temperature=1.0, top_p=0.7)[0] == 0 < shares(temperature=1.0)[0]


def test_letter_models_are_told_apart_by_their_letters(decoder):
    assert LetterModel(decoder, 3).identity() == LetterModel(decoder, 3, batch=2).identity()
    assert LetterModel(decoder, 3).identity() != LetterModel(decoder, 4).identity()
