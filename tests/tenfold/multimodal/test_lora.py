"""Adapters on the decoder alone: the tower beside it, whose maps have the same names, keeps every weight its own."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

from tenfold.multimodal import InvalidGroups, lora_names, parameters_by_group, with_lora


def tower() -> CLIPVisionModel:
    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, image_size=8, patch_size=4
    )
    return CLIPVisionModel(config)


def decoder() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=20,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def both() -> nn.Module:
    model = nn.Module()
    model.vision_tower, model.language_model = tower(), decoder()
    return model


def test_the_tower_has_q_proj_too_and_is_left_as_it_was():
    model = both()
    before = {name: one.clone() for name, one in model.vision_tower.state_dict().items()}
    assert any("self_attn.q_proj" in name for name in before)  # what a substring would wrap
    model.language_model = with_lora(model.language_model, rank=2, alpha=4)
    assert not lora_names(model.vision_tower) and len(lora_names(model.language_model)) == 2 * 7
    assert all(torch.equal(model.vision_tower.state_dict()[name], one) for name, one in before.items())
    assert all(one.requires_grad for one in model.vision_tower.parameters())
    trained = {name for name, one in model.language_model.named_parameters() if one.requires_grad}
    assert trained == lora_names(model.language_model)
    groups = parameters_by_group(model, {"encoder": ["vision_tower"], "llm": ["language_model"]})
    assert sum(map(len, groups.values())) == len(list(model.named_parameters()))
    assert not set(groups["encoder"]) & set(groups["llm"])


def test_adapters_start_at_zero_and_fit_an_encoder_too():
    model, tokens = decoder().eval(), torch.arange(6)[None]
    before = model(tokens).logits
    adapted = with_lora(model, rank=2)
    assert torch.allclose(adapted(tokens).logits, before, atol=1e-6)
    seen = with_lora(tower(), rank=2)
    assert {name.split(".lora_")[0].rpartition(".")[2] for name in lora_names(seen)} == {
        *("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
    }
    assert seen(torch.zeros(1, 3, 8, 8)).last_hidden_state.shape == (1, 5, 16)


def test_twice_or_nowhere_is_refused():
    adapted = with_lora(decoder(), rank=2)
    with pytest.raises(InvalidGroups, match="has LoRA already"):
        with_lora(adapted)
    with pytest.raises(InvalidGroups, match="none of the linear maps"):
        with_lora(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(InvalidGroups, match="none of the linear maps self_attn"):
        with_lora(decoder(), targets=("self_attn",))  # a module that is no linear map
