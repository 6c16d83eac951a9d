"""Decoders and what they are given: templates, labels of answers alone, what is refused."""

from __future__ import annotations

import pytest

from tenfold.chat import Image, Message
from tenfold.language import DecoderMismatch, EmptyAnswer, load_decoder
from tests.tenfold.language.conftest import save

CONVERSATION = [Message("user", "one"), Message("assistant", "two"), Message("user", "3"), Message("assistant", "four")]


def test_labels_are_the_answers_alone(decoder):
    tokens, labels = decoder.answer_labels(CONVERSATION)
    assert tokens == decoder.prompt(CONVERSATION, reply_follows=False)
    assert all(label in (-100, token) for label, token in zip(labels, tokens, strict=True))
    learned = [label for label in labels if label != -100]
    assert decoder.tokenizer.decode(learned).replace(" ", "") == "two<|end|>four<|end|>"


@pytest.mark.parametrize("conversation", [CONVERSATION[:1], CONVERSATION[1:2], []])
def test_nothing_to_learn_is_an_error(decoder, conversation):
    with pytest.raises(EmptyAnswer, match="nothing to learn from"):
        decoder.answer_labels(conversation)


def test_without_a_template_roles_are_written_out(tmp_path):
    plain = load_decoder(save(tmp_path / "plain", template=None))
    text = plain.tokenizer.decode(plain.prompt(CONVERSATION[:1])).replace(" ", "")
    assert text == "User:one\nAssistant:"


def test_images_are_refused(decoder):
    with pytest.raises(DecoderMismatch, match="reads no images"):
        decoder.prompt([Message("user", "what?", (Image(b"png"),))])


def test_a_folder_without_a_decoder_is_named(tmp_path):
    with pytest.raises(DecoderMismatch, match="no decoder with a tokenizer can be loaded"):
        load_decoder(tmp_path)
