"""LLaVA, BLIP-2 and Qwen2-Audio of a few thousand weights, in transformers' own classes, and examples for each."""

from __future__ import annotations

from typing import Any

import torch

from tenfold.commit_tuning import Components, known_components, linear_paths
from tenfold.multimodal.labels import IGNORED

WORDS, PLACEHOLDER = 40, 39
FAMILIES = ("llava", "blip2", "qwen2_audio")
FEATURES = {"llava": 4, "blip2": 3, "qwen2_audio": 4}  # placeholders of one image or sound
VISION = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 8,
    "patch_size": 4,
}
TEXT = {"vocab_size": WORDS, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "pad_token_id": 0}


def backbone(family: str, seed: int = 0) -> Any:
    """Return the model with weights drawn from a seed."""
    torch.manual_seed(seed)
    model = {"llava": _llava, "blip2": _blip2, "qwen2_audio": _qwen2_audio}[family]()
    with torch.no_grad():
        for one in model.parameters():
            if one.requires_grad and one.ndim > 1:
                one.normal_(0, 0.3)
    return model


def _llava() -> Any:
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

    text = LlamaConfig(**TEXT, intermediate_size=24, num_key_value_heads=2)
    vision = CLIPVisionConfig(**VISION, projection_dim=16)
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_id=PLACEHOLDER, vision_feature_layer=-2)
    return LlavaForConditionalGeneration(config)


def _blip2() -> Any:
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2QFormerConfig,
        Blip2VisionConfig,
        OPTConfig,
    )

    qformer = Blip2QFormerConfig(
        vocab_size=WORDS, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24
    )
    text = OPTConfig(**TEXT, ffn_dim=24, max_position_embeddings=64, word_embed_proj_dim=16, dropout=0.1)
    config = Blip2Config(
        vision_config=Blip2VisionConfig(**VISION),
        qformer_config=qformer,
        text_config=text,
        num_query_tokens=FEATURES["blip2"],
        image_token_index=PLACEHOLDER,
    )
    return Blip2ForConditionalGeneration(config)


def _qwen2_audio() -> Any:
    from transformers import (
        Qwen2AudioConfig,
        Qwen2AudioEncoderConfig,
        Qwen2AudioForConditionalGeneration,
        Qwen2Config,
    )

    audio = Qwen2AudioEncoderConfig(
        num_mel_bins=8,
        encoder_layers=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=24,
        d_model=16,
        max_source_positions=8,
    )
    text = Qwen2Config(**TEXT, intermediate_size=24, num_key_value_heads=2)
    return Qwen2AudioForConditionalGeneration(
        Qwen2AudioConfig(audio_config=audio, text_config=text, audio_token_index=PLACEHOLDER)
    )


def backbone_examples(family: str, count: int, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    """Return examples: a drawn image or sound, its placeholders, two words of a prompt and two of an answer."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        words = torch.randint(3, 30, (4,), generator=generator)
        tokens = torch.cat([torch.full((FEATURES[family],), PLACEHOLDER), words])
        example = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
        if family == "qwen2_audio":
            example["input_features"] = torch.randn(8, 16, generator=generator)
            example["feature_attention_mask"] = torch.ones(16, dtype=torch.int64)
        else:
            example["pixel_values"] = torch.randn(3, 8, 8, generator=generator)
        example["labels"] = torch.cat([torch.full((len(tokens) - 2,), IGNORED), words[2:]])
        made.append(example)
    return made


def with_lora(model: Any, family: str) -> tuple[Any, Components]:
    """Return the model with LoRA on the linear maps of both towers, by path, and its components."""
    from peft import LoraConfig, get_peft_model

    plain = known_components(model, projector_group="own")
    targets = [*linear_paths(model, plain, "encoder"), *linear_paths(model, plain, "llm")]
    targets = [path for path in targets if not path.endswith("lm_head")]
    kept = ["language_projection" if family == "blip2" else "multi_modal_projector"]
    settings = LoraConfig(r=2, lora_dropout=0.1, target_modules=targets, modules_to_save=kept)
    wrapped = get_peft_model(model, settings)
    return wrapped, known_components(wrapped)
