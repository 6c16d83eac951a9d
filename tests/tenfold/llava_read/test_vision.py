"""As many tokens as the low-resolution grid has places, both images used, and nothing of adapters at the start."""

from __future__ import annotations

import pytest
import torch
from transformers import CLIPVisionConfig, ConvNextConfig

from tenfold.llava_read.config import LlavaReadConfig, TinyConvNetConfig, TinyViTConfig
from tenfold.llava_read.errors import InvalidInputs, InvalidParts
from tenfold.llava_read.vision import VisionEncoder
from tenfold.nn.errors import InvalidConfig
from tests.tenfold.llava_read.small_models import drawn_model, small_config, stirred

CLIP = {
    "vision_low_config": CLIPVisionConfig(
        image_size=56, patch_size=14, hidden_size=16, intermediate_size=24, num_hidden_layers=4, num_attention_heads=2
    ),
    "vision_high_config": ConvNextConfig(hidden_sizes=[4, 4, 8, 12], depths=[1, 1, 1, 1]),
    "merge_layers": [1, 3],
    "image_side_high": 128,
    "feature_layer": -2,
}


def images(low: int, high: int, rows: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, 3, low, low, generator=generator), torch.randn(rows, 3, high, high, generator=generator)


@torch.inference_mode()
@pytest.mark.parametrize("low", [12, 24, 48, 96, 108])
@pytest.mark.parametrize("high", [32, 96, 128, 256])
def test_the_low_grid_alone_says_how_many_tokens_there_are(model, low, high):
    tokens = model.vision(*images(low, high))
    assert tokens.shape == (2, (low // 12) ** 2, 32) and torch.isfinite(tokens).all()


@torch.inference_mode()
@pytest.mark.parametrize("low, high", [(56, 128), (84, 192), (56, 64)])
def test_clip_and_convnext_keep_the_grid_at_other_sides(low, high):
    torch.manual_seed(0)
    vision = VisionEncoder(LlavaReadConfig(**CLIP)).eval()
    assert vision(*images(low, high)).shape == (2, (low // 14) ** 2, 16)


@torch.inference_mode()
@pytest.mark.parametrize("settings", [{}, CLIP, {**CLIP, "class_token": "kept"}])
def test_adapters_on_and_off_agree_at_update_0(settings):
    gated = drawn_model(**settings)
    off = drawn_model(**{**settings, "merge": "sum", "merge_layers": None})
    missing, unknown = off.load_state_dict(gated.state_dict(), strict=False)
    assert not missing and all(name.startswith("vision.adapters.") for name in unknown)
    low, high = images(gated.config.image_side_low, gated.config.image_side_high)
    assert torch.allclose(gated.encode_images(low, high), off.encode_images(low, high), atol=1e-6)
    stirred(gated)
    off.load_state_dict(gated.state_dict(), strict=False)
    assert not torch.allclose(gated.encode_images(low, high), off.encode_images(low, high), atol=1e-3)


@torch.inference_mode()
def test_clip_without_adapters_and_with_its_class_token_is_transformers_own_feature():
    torch.manual_seed(0)
    vision = VisionEncoder(
        LlavaReadConfig(vision_low_config=CLIP["vision_low_config"], merge="none", feature_layer=-2, class_token="kept")
    ).eval()
    low, _ = images(56, 32)
    expected = vision.low(low, output_hidden_states=True).hidden_states[-2][:, 1:]
    assert torch.allclose(vision(low, None), expected, atol=1e-5)


@torch.inference_mode()
def test_both_resolutions_count_and_each_image_for_itself(model):
    stirred(model)
    low, high = images(48, 128)
    found = model.encode_images(low, high)
    assert torch.allclose(model.encode_images(low[1:], high[1:]), found[1:], atol=1e-5)
    assert (model.encode_images(low.flip(0), high) - found).abs().max() > 1e-3
    assert (model.encode_images(low, high.flip(0)) - found).abs().max() > 1e-3


@pytest.mark.parametrize(
    "changes, low, high, error, words",
    [
        ({}, 48, None, InvalidInputs, "the high one is missing"),
        ({"merge": "none"}, 48, 128, InvalidInputs, "reads no images of high resolution"),
        ({}, 50, 128, InvalidConfig, "no multiple of the patch's 12"),
        ({}, 48, 100, InvalidConfig, "stride 32"),
    ],
)
def test_images_that_do_not_fit_are_refused(changes, low, high, error, words):
    vision = VisionEncoder(small_config(**changes))
    with pytest.raises(error, match=words):
        vision(torch.zeros(1, 3, low, low), None if high is None else torch.zeros(1, 3, high, high))


def test_oblong_and_uneven_images_are_refused(model):
    with pytest.raises(InvalidInputs, match="squares"):
        model.vision(torch.zeros(1, 3, 48, 24), torch.zeros(1, 3, 128, 128))
    with pytest.raises(InvalidInputs, match="2 images of low resolution and 1 of high"):
        model.vision(torch.zeros(2, 3, 48, 48), torch.zeros(1, 3, 128, 128))


def test_a_low_resolution_encoder_of_another_kind_is_refused():
    config = LlavaReadConfig(vision_low_config=TinyViTConfig(), merge="none")
    config.vision_low_config = TinyConvNetConfig()
    with pytest.raises(InvalidParts, match="TinyConvNet"):
        VisionEncoder(config)
