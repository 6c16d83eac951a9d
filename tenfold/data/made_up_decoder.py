"""A made-up decoder that stands in for a chat model's weights: a small Llama of random weights over bytes.

Legend:  V tokens of the vocabulary · D width
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tenfold.data.registry import StandIn

CONTEXT = 8192
HEAD_SIZE = 8
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def decoder(stand_in: StandIn) -> tuple[str, dict[str, bytes]]:
    """Make a Llama of one layer over bytes, with a chat template: what a converted checkpoint looks like."""
    from safetensors.numpy import save

    assert stand_in.width
    generator, width = np.random.default_rng(stand_in.seed), stand_in.width
    vocabulary = [*SPECIAL, *_byte_letters()]

    def drawn(*shape: int) -> np.ndarray:
        return (generator.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    layer = "model.layers.0."
    weights = {"model.embed_tokens.weight": drawn(len(vocabulary), width)}  # (V, D), and the output's too
    for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
        weights[f"{layer}self_attn.{name}.weight"] = drawn(width, width)
    for name, shape in {"gate": (2 * width, width), "up": (2 * width, width), "down": (width, 2 * width)}.items():
        weights[f"{layer}mlp.{name}_proj.weight"] = drawn(*shape)
    for name in (f"{layer}input_layernorm", f"{layer}post_attention_layernorm", "model.norm"):
        weights[f"{name}.weight"] = np.ones(width, np.float32)
    return f"MADE-UP WEIGHTS, a one-layer Llama of width {width} over bytes", {
        "config.json": _json(_config(len(vocabulary), width)),
        "tokenizer.json": _json(_tokenizer(vocabulary)),
        "tokenizer_config.json": _json(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "bos_token": "<|im_start|>",
                "eos_token": "<|im_end|>",
                "model_max_length": CONTEXT,
                "chat_template": TEMPLATE,
            }
        ),
        "model.safetensors": save(weights, metadata={"format": "pt"}),
    }


def _config(tokens: int, width: int) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": tokens,
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": 1,
        "num_attention_heads": width // HEAD_SIZE,
        "num_key_value_heads": width // HEAD_SIZE,
        "max_position_embeddings": CONTEXT,
        "bos_token_id": SPECIAL.index("<|im_start|>"),
        "eos_token_id": SPECIAL.index("<|im_end|>"),
        "tie_word_embeddings": True,
    }


def _tokenizer(vocabulary: list[str]) -> dict[str, Any]:
    bytes_only = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": number, "content": word, **flags} for number, word in enumerate(SPECIAL)],
        "normalizer": None,
        "pre_tokenizer": bytes_only,
        "post_processor": None,
        "decoder": bytes_only,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {word: number for number, word in enumerate(vocabulary)},
            "merges": [],
        },
    }


def _byte_letters() -> list[str]:
    """Return the letters by which byte-level tokenizers write bytes: printable ones as they are, the others after."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    found, others = [], 0
    for byte in range(256):
        found.append(chr(byte) if byte in printable else chr(256 + others))
        others += byte not in printable
    return found


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()
