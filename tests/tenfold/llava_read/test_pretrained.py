"""The paper's build on checkpoints of the same classes, made here: CLIP, ConvNeXt in both forms, Llama."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    AutoTokenizer,
    CLIPConfig,
    CLIPModel,
    CLIPVisionModel,
    ConvNextConfig,
    ConvNextForImageClassification,
    ConvNextModel,
)

from tenfold.language.decoder import load_decoder
from tenfold.llava_read.config import LlavaReadConfig
from tenfold.llava_read.errors import InvalidParts
from tenfold.llava_read.model import LlavaReadForConditionalGeneration
from tenfold.llava_read.pretrained import VICUNA, Parts, from_parts, multimodal_template
from tenfold.llava_read.training_parts import add_lora, set_trained
from tenfold.nn.errors import InvalidConfig
from tenfold.vision.efficientnet_lite0 import EfficientNetLite0, EfficientNetLite0Config
from tests.tenfold.language.conftest import save as save_llama
from tests.tenfold.llava_read.small_models import noise_image
from tests.tenfold.llava_read.timm_names import timm_weights

VISION = {
    "image_size": 56, "patch_size": 14, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 8,
    "num_attention_heads": 2, "projection_dim": 8,
}  # fmt: skip
TEXT = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "vocab_size": 9}
CONVNEXT = ConvNextConfig(hidden_sizes=[4, 4, 8, 12], depths=[1, 1, 1, 1], layer_scale_init_value=0.5)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("parts")
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=8)).save_pretrained(root / "clip")
    ConvNextForImageClassification(CONVNEXT).save_pretrained(root / "convnext")
    trunk = ConvNextModel.from_pretrained(root / "convnext")
    (root / "open_clip").mkdir()
    save_file(timm_weights(trunk, "visual.trunk."), root / "open_clip" / "open_clip_model.safetensors")
    (root / "open_clip" / "open_clip_config.json").write_text(
        json.dumps({"preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}})
    )
    save_llama(root / "llama", context=256)
    save_llama(root / "vicuna", template=None, context=256)
    EfficientNetLite0(EfficientNetLite0Config()).save_pretrained(root / "lite0")
    return {path.name: path for path in root.iterdir()}


@pytest.fixture(scope="module")
def parts(folders) -> Parts:
    return Parts(text=str(folders["llama"]), low=str(folders["clip"]), high=str(folders["convnext"]))


def asked(processor, answer=None):
    return processor.messages("Total?", noise_image(50, 30), answer)


def test_the_loaded_weights_are_the_checkpoints_and_the_rest_is_drawn(parts, folders):
    model, _ = from_parts(parts, image_side_high=128)
    clip, trunk = CLIPVisionModel.from_pretrained(parts.low), ConvNextModel.from_pretrained(parts.high)
    for tower, original in ((model.vision.low, clip), (model.vision.high, trunk)):
        own = tower.state_dict()
        assert all(torch.equal(one, own[name]) for name, one in original.state_dict().items())
    assert model.config.merge_layers == [1, 4, 7] and model.config.blocks == 7
    assert not model.vision.adapters["4"].high_out.weight.any() and model.vision.sum.high.weight.any()
    again, _ = from_parts(parts, image_side_high=128)
    other, _ = from_parts(parts, image_side_high=128, seed=1)
    assert torch.equal(model.projector[0].weight, again.projector[0].weight)
    assert not torch.equal(model.projector[0].weight, other.projector[0].weight)


@torch.inference_mode()
def test_the_parts_read_as_they_did_alone(parts):
    model, processor = from_parts(parts, image_side_high=128)
    original = load_decoder(parts.text).model
    batch = processor.prompts([processor.messages("no image"), processor.messages("and a longer text")])
    kept = original.config.vocab_size
    assert torch.allclose(model(**batch).logits[..., :kept], original(**batch).logits, atol=1e-4)
    images = torch.randn(1, 3, 128, 128)
    expected = ConvNextModel.from_pretrained(parts.high)(images).last_hidden_state
    assert torch.equal(model.vision.high(images).last_hidden_state, expected)


def test_a_configuration_that_is_a_parts_own_is_refused(parts):
    decoder = load_decoder(parts.text).model
    config = LlavaReadConfig(merge="none", text_config=decoder.config)
    with pytest.raises(InvalidParts, match="a copy of the configuration of LlamaForCausalLM"):
        LlavaReadForConditionalGeneration.assembled(config, None, None, decoder)


@pytest.mark.parametrize("high, sides", [(128, (56, 16)), (192, (84, 36)), (96, (56, 16))])
def test_sides_follow_the_rule_of_llava_hr(parts, high, sides):
    model, processor = from_parts(parts, image_side_high=high)
    assert (model.config.image_side_low, model.config.image_tokens) == sides
    batch = processor.prompts([asked(processor)])
    assert (batch["input_ids"] == model.config.image_token_id).sum() == sides[1]
    with torch.inference_mode():
        model(**batch)


def test_more_pixels_with_the_same_tokens_need_no_common_divisor(parts):
    model, processor = from_parts(parts, image_side_high=192, image_side_low=56)  # 6 × 6 places on 4 × 4 tokens
    with torch.inference_mode():
        assert model(**processor.prompts([asked(processor)])).image_hidden_states.shape[1] == 16


def test_it_learns_replies_saves_and_loads(parts, tmp_path):
    model, processor = from_parts(parts, image_side_high=128)
    add_lora(model, rank=2)
    sizes = set_trained(model, vision="adapters", decoder="lora")
    assert set(sizes) == {"adapters", "projector", "decoder"} and sizes["decoder"] > 0
    model.train()
    batch = processor.supervised([asked(processor, "12")])
    model(**batch).loss.backward()
    trained = [name for name, one in model.named_parameters() if one.requires_grad]
    assert all(model.get_parameter(name).grad is not None for name in trained)
    model.eval()
    model.language_model = model.language_model.merge_and_unload()
    prompts = processor.prompts([asked(processor), processor.messages("no image")])
    reply = model.generate(**prompts, max_new_tokens=4, do_sample=False)
    model.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    again = LlavaReadForConditionalGeneration.from_pretrained(tmp_path)
    assert torch.equal(again.generate(**prompts, max_new_tokens=4, do_sample=False), reply)
    assert torch.equal(type(processor).from_pretrained(tmp_path).prompts([asked(processor)])["input_ids"],
                       processor.prompts([asked(processor)])["input_ids"])  # fmt: skip


def test_half_precision_reads_the_processors_pixels(parts):
    model, processor = from_parts(parts, image_side_high=128, dtype="bfloat16")
    assert {one.dtype for one in model.parameters()} == {torch.bfloat16}
    loss = model(**processor.supervised([asked(processor, "12")])).loss
    whole, _ = from_parts(parts, image_side_high=128)
    assert loss.item() == pytest.approx(whole(**processor.supervised([asked(processor, "12")])).loss.item(), rel=0.1)


def test_gradient_checkpoints_change_no_gradient(parts):
    model, processor = from_parts(parts, image_side_high=128)
    model.train()
    batch = processor.supervised([asked(processor, "12")])
    found = []
    for checkpoints in (False, True):
        if checkpoints:
            model.gradient_checkpointing_enable()
        model.zero_grad()
        model(**batch, use_cache=False).loss.backward()
        found.append({name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None})
    assert found[0].keys() == found[1].keys() and len(found[0]) > 100
    assert all(torch.allclose(one, found[1][name], atol=1e-5) for name, one in found[0].items())


def test_open_clips_checkpoint_is_the_same_encoder_with_its_own_normalisation(parts, folders):
    model, processor = from_parts(replace(parts, high=str(folders["open_clip"])), image_side_high=128)
    same, _ = from_parts(parts, image_side_high=128)
    images = torch.randn(1, 3, 128, 128)
    with torch.inference_mode():
        ours = model.vision.high(images).last_hidden_state
        assert torch.equal(ours, same.vision.high(images).last_hidden_state)
    assert processor.image_processor.high_mean == [0.1, 0.2, 0.3] and processor.image_processor.low_mean[0] < 0.49


def test_a_small_encoder_and_efficientnet_beside_a_language_model(folders):
    model, processor = from_parts(
        Parts(text=str(folders["llama"]), high=str(folders["lite0"])), merge="sum", image_side_high=256
    )
    assert model.config.image_tokens == 64 and model.vision.high.config.hidden_sizes[-1] == 320
    original = EfficientNetLite0.from_pretrained(folders["lite0"])
    assert torch.equal(model.vision.high.stem.weight, original.stem.weight)
    assert processor.image_processor.high_mean[0] == pytest.approx(127 / 255)
    model.train()
    assert model(**processor.supervised([asked(processor, "12")])).loss > 0


def test_clip_alone_is_the_plain_llava(folders):
    parts = Parts(text=str(folders["llama"]), low=str(folders["clip"]))
    model, processor = from_parts(parts, merge="none")
    assert model.vision.high is None and set(processor(images=noise_image(8, 8), text="<image>")) == {
        "input_ids", "attention_mask", "pixel_values_low",
    }  # fmt: skip


def test_vicunas_conversation_where_the_tokenizer_brings_none(parts, folders):
    _, processor = from_parts(replace(parts, text=str(folders["vicuna"])), image_side_high=128)
    text = processor.apply_chat_template(asked(processor, "12"), tokenize=False)
    assert text.endswith("user's questions. USER: <image>Total? ASSISTANT: 12<|end|>")
    assert processor.apply_chat_template(asked(processor), add_generation_prompt=True, tokenize=False).endswith(
        "Total? ASSISTANT:"
    )
    assert multimodal_template(None).endswith(VICUNA)


def test_a_text_template_reads_messages_of_parts(parts):
    _, processor = from_parts(parts, image_side_high=128)
    assert processor.apply_chat_template(asked(processor), add_generation_prompt=True, tokenize=False) == (
        "<|user|><image>Total?<|end|><|assistant|>"
    )
    tokens = processor.prompts([processor.messages("<image>", noise_image(9, 9))])["input_ids"][0].tolist()
    assert tokens.count(processor.image_token_id) == 16


def test_a_template_that_asks_for_the_first_role_and_joins_texts_is_read_too(parts):
    _, processor = from_parts(parts, image_side_high=128)
    joined = (
        "{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|system|>Help.<|end|>' }}"
        "{% endif %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    )  # as SmolLM2's
    text = processor.apply_chat_template(asked(processor), chat_template=multimodal_template(joined), tokenize=False)
    assert text == "<|system|>Help.<|end|><|user|><image>Total?<|end|>"


def test_the_image_token_fits_the_decoders_embeddings(parts):
    model, processor = from_parts(parts, image_side_high=128)
    there = len(AutoTokenizer.from_pretrained(parts.text))
    assert processor.image_token_id == there and model.get_input_embeddings().num_embeddings == there + 1
    assert model.config.text_config.vocab_size == there + 1


@pytest.mark.parametrize(
    "changes, settings, words",
    [
        ({"high": None}, {}, "do not go together"),
        ({}, {"merge": "none"}, "do not go together"),
        ({"low": "convnext"}, {}, "holds a convnext, not a clip"),
        ({"low": "open_clip"}, {}, "holds a model without config.json"),
        ({"high": "llama"}, {}, "holds no ConvNeXt under timm's names"),
        ({"text": "open_clip"}, {}, "no decoder with a tokenizer"),
    ],
)
def test_parts_that_make_no_model_are_refused(parts, folders, changes, settings, words):
    named = {name: None if place is None else str(folders[place]) for name, place in changes.items()}
    with pytest.raises(InvalidParts, match=words):
        from_parts(replace(parts, **named), image_side_high=128, **settings)


def test_a_side_that_the_stride_does_not_divide_is_refused(parts):
    with pytest.raises(InvalidConfig, match="stride 32"):
        from_parts(parts, image_side_high=100)
