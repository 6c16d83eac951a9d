"""Replies in batches are those one by one, with transformers' own generation as the oracle."""

from __future__ import annotations

import pytest
import torch

from tenfold.chat import Client, ContextTooLong, Failure, Message, Sampling, Transcript
from tenfold.language import LocalModel, generate

CONVERSATIONS = [
    [Message("user", "hello")],
    [Message("system", "be short"), Message("user", "what is 2+2")],
    [Message("user", "a"), Message("assistant", "b"), Message("user", "and then what")],
    [Message("user", "x")],
]


def oracle(decoder, conversation, tokens: int) -> str:
    prompt = torch.tensor([decoder.prompt(conversation)])
    out = decoder.model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=tokens, do_sample=False)
    return decoder.tokenizer.decode(out[0, prompt.shape[1] :], skip_special_tokens=True)


def test_greedy_replies_are_those_of_transformers(decoder):
    sampling = Sampling(max_tokens=12)
    for batch in (1, 2, 4):
        replies = generate(decoder, CONVERSATIONS, sampling, batch=batch)
        assert [reply.text for reply in replies] == [oracle(decoder, one, 12) for one in CONVERSATIONS]
    for reply, conversation in zip(replies, CONVERSATIONS, strict=True):
        assert reply.prompt_tokens == len(decoder.prompt(conversation))
        assert (reply.finish_reason == "length") == (reply.completion_tokens == 12)


def test_a_drawn_reply_depends_on_seed_and_conversation_alone(decoder):
    sampling = Sampling(temperature=1.0, top_p=0.9, max_tokens=10, seed=5)
    together = generate(decoder, CONVERSATIONS, sampling, batch=4)
    assert together == [generate(decoder, [one], sampling, batch=1)[0] for one in CONVERSATIONS]
    assert together == generate(decoder, CONVERSATIONS[::-1], sampling, batch=2)[::-1]
    other = generate(decoder, CONVERSATIONS, Sampling(temperature=1.0, top_p=0.9, max_tokens=10, seed=6), batch=4)
    assert together != other


def test_a_stop_ends_a_reply_before_it(decoder):
    whole = generate(decoder, CONVERSATIONS[:1], Sampling(max_tokens=12))[0].text
    word = whole[3:5]
    reply = generate(decoder, CONVERSATIONS[:1], Sampling(max_tokens=12, stop=(word,)))[0]
    assert reply.text == whole[: whole.index(word)] and reply.finish_reason == "stop"


def test_a_prompt_that_is_too_long_is_never_cut(decoder, tmp_path):
    long = [Message("user", "y" * 200)]
    with pytest.raises(ContextTooLong, match="203 tokens and 5 of a reply exceed the 96 of"):
        generate(decoder, [long], Sampling(max_tokens=5))
    with Transcript(tmp_path / "replies.jsonl") as kept:
        client = Client(LocalModel(decoder, batch=2), kept)
        first, second = client.generate([long, CONVERSATIONS[0]], Sampling(max_tokens=5))
        assert isinstance(first, Failure) and "exceed the 96" in first.error
        assert second == generate(decoder, CONVERSATIONS[:1], Sampling(max_tokens=5))[0]
        client.generate([CONVERSATIONS[0]], Sampling(max_tokens=5))
        assert client.spent.known == 1
