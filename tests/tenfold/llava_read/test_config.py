"""Configurations say what fits together, and are the same after a round trip."""

from __future__ import annotations

import pytest
from transformers import AutoConfig, CLIPVisionConfig, ConvNextConfig, LlamaConfig

from tenfold.llava_read.config import LlavaReadConfig, high_stride
from tenfold.nn.errors import InvalidConfig


def test_the_default_is_the_tiny_model():
    config = LlavaReadConfig()
    assert (config.image_side_low, config.image_side_high, config.image_tokens) == (96, 256, 64)
    assert config.merge_layers == [1, 2, 3] and high_stride(config.vision_high_config) == 32


@pytest.mark.parametrize(
    "settings", [{}, {"merge": "none"}, {"merge": "sum"}, {"merge_layers": [2], "projector": "linear"}]
)
def test_a_round_trip_changes_nothing(settings, tmp_path):
    config = LlavaReadConfig(**settings)
    config.save_pretrained(tmp_path)
    found = AutoConfig.from_pretrained(tmp_path)
    assert type(found) is LlavaReadConfig
    assert found.to_dict() | {"_name_or_path": ""} == config.to_dict()


def test_hub_parts_are_configured_as_the_paper_has_them():
    low = CLIPVisionConfig(
        image_size=336, patch_size=14, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16
    )
    high = ConvNextConfig(hidden_sizes=[192, 384, 768, 1536])
    config = LlavaReadConfig(
        vision_low_config=low, vision_high_config=high, text_config=LlamaConfig(), merge_layers=[1, 4, 7],
        image_side_high=1024, feature_layer=-2,
    )  # fmt: skip
    assert config.blocks == 23 and config.image_tokens == 576


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"merge": "mixed"}, "merge is one of none, sum, gated"),
        ({"projector": "deep"}, "projector is one of"),
        ({"merge": "none", "image_side_high": 256}, "uses no high-resolution encoder"),
        ({"merge": "sum", "merge_layers": [1]}, "has no adapters"),
        ({"merge_layers": []}, "needs merge_layers"),
        ({"merge_layers": [0, 1]}, "from 1 to 4"),
        ({"merge_layers": [2, 2]}, "each once"),
        ({"merge_layers": [4], "feature_layer": -2}, "from 1 to 3"),
        ({"feature_layer": 0}, "counts from the end"),
        ({"feature_layer": -5}, "counts from the end"),
        ({"image_side_low": 100}, "no multiple of the patch's 12"),
        ({"image_side_high": 250}, "no multiple of the encoder's stride 32"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(settings, words):
    with pytest.raises(InvalidConfig, match=words):
        LlavaReadConfig(**settings)
