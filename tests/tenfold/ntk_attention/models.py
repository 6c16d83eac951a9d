"""Tiny models of every supported class, and one input for each."""

from __future__ import annotations

from typing import Any

import torch

KINDS = ("vit", "bert", "gpt2", "llama", "mistral")
CAUSAL = ("gpt2", "llama", "mistral")


def tiny(kind: str, **more: Any) -> Any:
    """Return a model in evaluation mode; llama and mistral share keys among query heads."""
    import transformers as tf

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 32}
    sizes |= {name: more.pop(name) for name in sizes.keys() & more.keys()}
    if kind == "vit":
        made = tf.ViTForImageClassification(
            tf.ViTConfig(**sizes, image_size=8, patch_size=4, num_channels=1, num_labels=3, **more)
        )
    elif kind == "bert":
        made = tf.BertForSequenceClassification(
            tf.BertConfig(**sizes, vocab_size=30, max_position_embeddings=32, num_labels=3, **more)
        )
    elif kind == "gpt2":
        made = tf.GPT2LMHeadModel(
            tf.GPT2Config(
                n_embd=16, n_layer=2, n_head=4, n_positions=32, vocab_size=30, eos_token_id=29, bos_token_id=29, **more
            )
        )
    else:
        Config, Model = {
            "llama": (tf.LlamaConfig, tf.LlamaForCausalLM),
            "mistral": (tf.MistralConfig, tf.MistralForCausalLM),
            "qwen2": (tf.Qwen2Config, tf.Qwen2ForCausalLM),
        }[kind]
        window = {"sliding_window": 6} if kind == "mistral" else {}
        made = Model(
            Config(
                **sizes,
                num_key_value_heads=2,
                vocab_size=30,
                max_position_embeddings=64,
                pad_token_id=0,
                bos_token_id=1,
                eos_token_id=29,
                **window,
                **more,
            )
        )
    return made.eval()


def inputs(kind: str, batch: int = 2, length: int = 9) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    if kind == "vit":
        return {"pixel_values": torch.randn(batch, 1, 8, 8, generator=generator)}
    ids = torch.randint(2, 29, (batch, length), generator=generator)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
