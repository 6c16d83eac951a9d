"""The small decoder's tokenizer: one token per character, and tokens for columns, rows, images and turns."""

from __future__ import annotations

import string
from typing import Any

PLACES = 32  # columns and rows of the quantised places
PAD, END, IMAGE, UNKNOWN, USER, ASSISTANT = "<pad>", "<eos>", "<image>", "<unk>", "<|user|>", "<|assistant|>"
SPECIAL = (PAD, END, IMAGE, UNKNOWN, USER, ASSISTANT)
LETTERS = (
    *string.ascii_letters,
    *string.digits,
    *string.punctuation,
    *" \n€£¥§°×·–—’‘“”äöüßÄÖÜàâçèéêëîïñóôùûáíúÉ",
)
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}<eos>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def character_tokenizer(places: int = PLACES) -> Any:
    """Return a tokenizer of characters with a chat template: runs of spaces stay, unknown characters are ``<unk>``.

    ``<x0>`` to ``<x{places-1}>`` and ``<y…>`` are one token each. What `special` tokens would be in the words of a
    user is read as characters where the caller says so (``split_special_tokens``).
    """
    from tokenizers import Regex, Tokenizer
    from tokenizers.decoders import Fuse
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from transformers import PreTrainedTokenizerFast

    words = {word: number for number, word in enumerate([*SPECIAL, *LETTERS])}
    inner = Tokenizer(WordLevel(words, unk_token=UNKNOWN))
    inner.pre_tokenizer = Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = Fuse()
    inner.add_tokens([f"<{axis}{number}>" for axis in "xy" for number in range(places)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        additional_special_tokens=[IMAGE, USER, ASSISTANT],
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer
