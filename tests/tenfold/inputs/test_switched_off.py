"""Kind: a setting of another library that turns what was put in off says so, or changes nothing; so does a state dict.

Joins: every package that puts modules into other libraries' models.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from tenfold.ntk_attention.backbone_layers import NAME
from tenfold.ntk_attention.config import NTKAttentionConfig
from tenfold.ntk_attention.errors import InvalidAdapter
from tenfold.ntk_attention.model import disable_adapter, inject, set_adapter
from tests.tenfold.ntk_attention.models import inputs, tiny


@torch.no_grad()
def logits(model: Any, kind: str = "vit") -> torch.Tensor:
    return model(**inputs(kind)).logits


@pytest.mark.parametrize("kind", ["vit", "bert", "gpt2", "llama", "mistral", "qwen2"])
def test_another_attention_function_is_refused_while_an_adapter_is_active(kind: str) -> None:
    model, backbone = inject(tiny(kind), NTKAttentionConfig(init="unit_k")), tiny(kind)
    adapted = logits(model, kind)
    for name in ("eager", "sdpa"):
        model.set_attn_implementation(name)
        with pytest.raises(InvalidAdapter, match=f"{name}.*leaves adapter 'default' out.*set_attn_implementation"):
            logits(model, kind)
        with disable_adapter(model):
            torch.testing.assert_close(logits(model, kind), logits(backbone, kind), rtol=0, atol=1e-5)
    model.set_attn_implementation(NAME)
    assert torch.equal(logits(model, kind), adapted)


@pytest.mark.parametrize("active", ["first", "second"])
def test_a_state_dict_carries_every_adapters_own_head(active: str) -> None:
    def adapted() -> Any:
        model = tiny("vit")
        for name in ("first", "second"):
            inject(model, NTKAttentionConfig(modules_to_save=("classifier",)), name)
        return inject(model, NTKAttentionConfig(), "without_a_head")

    source, target = adapted(), adapted()
    for name, bias in (("first", 1.0), ("second", 2.0)):
        set_adapter(source, name)
        with torch.no_grad():
            source.classifier.bias.fill_(bias)
    set_adapter(source, active)
    state = copy.deepcopy(source).state_dict()
    target.load_state_dict(state)
    wrapped = torch.nn.Sequential(adapted())
    wrapped.load_state_dict(torch.nn.Sequential(source).state_dict())
    for loaded in (target, wrapped[0]):
        for name in ("without_a_head", "first", "second"):
            set_adapter(source, name), set_adapter(loaded, name)
            assert torch.equal(logits(loaded), logits(source)), name
        with disable_adapter(source), disable_adapter(loaded):
            assert torch.equal(logits(loaded), logits(source))
    wrong = {name: tensor[:1] if name.endswith("first.classifier.bias") else tensor for name, tensor in state.items()}
    with pytest.raises(RuntimeError, match="adapter 'first'"):
        adapted().load_state_dict(wrong)
