"""A tiny decoder of Llama's class in float64, with a tokenizer of its own, saved as people's checkpoints are."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
import torch

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]


def save(folder: Path, *, template: str | None = TEMPLATE, context: int = 96) -> Path:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = [*string.ascii_letters, *string.digits, *string.punctuation, " ", "\n"]
    words = {word: number for number, word in enumerate([*SPECIAL, *letters, *(f" {x}" for x in "ABCD")])}
    inner = Tokenizer(WordLevel(words, unk_token="<|end|>"))
    inner.pre_tokenizer = Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|end|>")
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL[1:]})
    tokenizer.chat_template = template
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        bos_token_id=None,
        eos_token_id=0,
        initializer_range=0.5,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("decoder"))


@pytest.fixture(scope="session")
def decoder(checkpoint: Path):
    from tenfold.language import load_decoder

    return load_decoder(checkpoint, dtype="float64")
