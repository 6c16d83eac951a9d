"""Prefixes for BERT: ours gives what PEFT's prefix tuning does, for the same keys, values and positions."""

from __future__ import annotations

import pytest
import torch

from tenfold.ntk_attention.config import PrefixConfig
from tenfold.ntk_attention.model import adapter_modules, inject
from tests.tenfold.ntk_attention.models import inputs, tiny

LENGTH = 3


@pytest.mark.parametrize("padded", [False, True])
def test_a_prefix_for_bert_is_pefts(padded: bool) -> None:
    """PEFT puts the prefix before the text, whose positions it moves on by the prefix's length."""
    from peft import PrefixTuningConfig, get_peft_model

    theirs = get_peft_model(tiny("bert"), PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=LENGTH)).eval()
    ours = inject(tiny("bert"), PrefixConfig(length=LENGTH))
    kept = theirs.prompt_encoder["default"].embedding.weight.detach()
    with torch.no_grad():
        kept.copy_(torch.randn(kept.shape, generator=torch.Generator().manual_seed(2)))
        layers = kept.view(LENGTH, 2, 2, 4, 4).permute(1, 2, 3, 0, 4)  # (layer, key or value, head, m, d)
        for module, (key, value) in zip(adapter_modules(ours), layers, strict=True):
            module.key.copy_(key)
            module.value.copy_(value)
        text = inputs("bert")
        if padded:
            text["attention_mask"][0, 5:] = 0
        positions = torch.arange(LENGTH, LENGTH + text["input_ids"].shape[1])[None]
        moved, unmoved = ours(**text, position_ids=positions).logits, ours(**text).logits
        torch.testing.assert_close(theirs(**text).logits, moved)
        assert not torch.allclose(moved, unmoved)
