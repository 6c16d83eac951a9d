"""Models of a few thousand parameters, and images for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

from tenfold.llava_read.characters import IMAGE, character_tokenizer
from tenfold.llava_read.config import LlavaReadConfig, TinyConvNetConfig, TinyDecoderConfig, TinyViTConfig
from tenfold.llava_read.model import LlavaReadForConditionalGeneration


def small_config(**changes: Any) -> LlavaReadConfig:
    tokenizer = character_tokenizer()
    high = None if changes.get("merge") == "none" else TinyConvNetConfig(hidden_sizes=[8, 8, 8, 16])
    settings: dict[str, Any] = {
        "vision_low_config": TinyViTConfig(image_size=48, hidden_size=32, num_hidden_layers=3, num_attention_heads=2),
        "vision_high_config": high,
        "text_config": TinyDecoderConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2
        ),
        "image_token_id": tokenizer.convert_tokens_to_ids(IMAGE),
        "image_side_high": None if high is None else 128,
    }
    return LlavaReadConfig(**(settings | changes))


def drawn_model(**changes: Any) -> LlavaReadForConditionalGeneration:
    torch.manual_seed(0)
    return LlavaReadForConditionalGeneration(small_config(**changes)).eval()


def stirred(model: LlavaReadForConditionalGeneration) -> LlavaReadForConditionalGeneration:
    """Move every parameter a little, so that nothing is zero or one by its start alone."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in model.parameters():
            one.add_(0.1 * torch.randn(one.shape, generator=generator))
    return model


def noise_image(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)
