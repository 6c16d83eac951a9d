"""A ConvNeXt under timm's names is the same network as under transformers', with and without OpenCLIP around it."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from transformers import ConvNextConfig, ConvNextModel

from tenfold.llava_read.convnext_weights import load_timm_convnext
from tenfold.llava_read.errors import InvalidParts
from tests.tenfold.llava_read.timm_names import timm_weights


@pytest.fixture(scope="module")
def original():
    torch.manual_seed(0)
    config = ConvNextConfig(
        hidden_sizes=[4, 6, 8, 10], depths=[1, 2, 3, 1], layer_scale_init_value=0.5, layer_norm_eps=1e-6
    )
    model = ConvNextModel(config).eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(0.1 * torch.randn(one.shape))
    return model


@pytest.mark.parametrize("prefix, more", [("", ()), ("visual.trunk.", ("text.positional_embedding", "logit_scale"))])
def test_the_maps_are_the_same(original, prefix, more, tmp_path):
    weights = timm_weights(original, prefix) | {name: torch.ones(2) for name in more}
    save_file(weights, tmp_path / "model.safetensors")
    found = load_timm_convnext(tmp_path / "model.safetensors")
    assert found.config.depths == [1, 2, 3, 1] and found.config.hidden_sizes == [4, 6, 8, 10]
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        theirs, ours = original(images), found(images)
    assert torch.equal(theirs.last_hidden_state, ours.last_hidden_state)
    assert torch.equal(theirs.pooler_output, ours.pooler_output)


@pytest.mark.parametrize("change", ["missing", "unknown", "other"])
def test_other_weights_are_refused_by_name(original, change, tmp_path):
    weights = timm_weights(original, "")
    if change == "missing":
        del weights["stages.1.blocks.1.norm.bias"]
    elif change == "unknown":
        weights["stages.1.blocks.1.grn.weight"] = torch.ones(1)  # ConvNeXt V2's
    else:
        weights = {"classifier.weight": torch.ones(1)}
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(InvalidParts, match="holds no ConvNeXt under timm's names"):
        load_timm_convnext(tmp_path / "model.safetensors")
