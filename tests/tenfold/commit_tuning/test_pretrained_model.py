"""Parts that others trained, in checkpoints of the same classes: EfficientNet-Lite0, Whisper, a chat Llama, LoRA."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tenfold.audio import InvalidSound, LogMel
from tenfold.audio.whisper import convert_whisper
from tenfold.commit_tuning import (
    InvalidMedia,
    InvalidModelParts,
    ask,
    from_pretrained_parts,
    known_components,
    parameters_by_component,
)
from tenfold.commit_tuning.media import lite0_images, small_images, small_sounds, whisper_sounds
from tenfold.commit_tuning.pretrained_model import LoraSettings, lite0_tokens, whisper_tokens
from tenfold.commit_tuning.questions import CIFAR10, SPOKEN_DIGITS
from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.language.errors import EmptyAnswer
from tenfold.multimodal import lora_names
from tenfold.multimodal.labels import IGNORED
from tenfold.nn.pretrained import weights_sha256
from tenfold.nn.token_convnet import TokenConvNetConfig
from tenfold.vision.efficientnet_lite0 import EfficientNetLite0, EfficientNetLite0Config

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
SOUNDS = [np.random.default_rng(place).integers(-9_000, 9_000, 3_000 + place, dtype=np.int16) for place in range(3)]


def made(folder: Path, maker: str, width: int) -> Path:
    folder.mkdir()
    for name, content in made_up_files(StandIn(maker=maker, seed=1, width=width))[1].items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("parts")
    found = {"decoder": made(root / "decoder", "decoder", 32), "lite0": root / "lite0", "whisper": root / "whisper"}
    torch.manual_seed(0)
    network = EfficientNetLite0(EfficientNetLite0Config())
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    network.save_pretrained(found["lite0"])
    convert_whisper(made(root / "packed", "whisper", 32) / "model.bin", found["whisper"])
    return found


def one_update(model, batch) -> set[str]:
    """Return the names of the parameters that an update moved."""
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    optimiser = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], lr=1.0)
    model.train()
    model(**batch).loss.backward()
    optimiser.step()
    return {name for name, one in model.named_parameters() if not torch.equal(before[name], one)}


def test_lite0_and_a_chat_decoder_with_lora(folders):
    encoder = lite0_tokens(folders["lite0"])
    model, encode = from_pretrained_parts(folders["decoder"], encoder, lora=LoraSettings(rank=2), seed=0)
    assert (encoder.tokens, encoder.width) == (4, 320) == (model.media_tokens, model.projector.in_features)
    questions = ask(CIFAR10, ["a", "b", "c"], np.array([1, 2, 3]), seed=0)[::3]
    batch = encode.batch(questions, lite0_images(PIXELS))
    assert batch["media"].shape == (3, 3, 96, 96)
    counted = batch["labels"] != IGNORED
    for row, one in enumerate(questions):  # the answer, and what ends a turn
        words = encode.tokenizer.decode(batch["labels"][row][counted[row]])
        assert words == f"{one.answer}{encode.tokenizer.eos_token}"
        whole = encode.tokenizer.decode(batch["input_ids"][row])
        assert "<|im_start|>user" in whole and whole.count("<media>") == 4
    moved = one_update(model, batch)
    assert any(name.startswith("encoder.network.") for name in moved) and "projector.weight" in moved
    assert {name for name in moved if name.startswith("language_model.")} <= {
        f"language_model.{name}" for name in lora_names(model.language_model)
    }
    groups = parameters_by_component(model, known_components(model))
    assert sum(map(len, groups.values())) == len(list(model.named_parameters())) and not lora_names(model.encoder)


def test_whisper_with_lora_on_both_sides(folders):
    encoder = whisper_tokens(folders["whisper"], seconds=0.5)
    model, encode = from_pretrained_parts(
        folders["decoder"], encoder, lora=LoraSettings(rank=2, encoder_rank=2), seed=0
    )
    questions = ask(SPOKEN_DIGITS, ["a", "b", "c"], np.array([1, 2, 3]), seed=0)[::3]
    media = whisper_sounds(SOUNDS, 8_000, seconds=0.5)
    assert media.shape == (3, 80, 50) and model.media_tokens == 4
    moved = one_update(model, encode.batch(questions, media))
    assert moved and all(".lora_" in name or name.startswith("projector.") for name in moved)
    assert any(name.startswith("encoder.") for name in moved) and any(
        name.startswith("language_model.") for name in moved
    )


def test_an_own_encoder_before_a_decoder_and_one_seed_alike(folders):
    config = TokenConvNetConfig(channels=3)
    first, encode = from_pretrained_parts(folders["decoder"], config, lora=LoraSettings(rank=2), seed=1)
    again, _ = from_pretrained_parts(folders["decoder"], config, lora=LoraSettings(rank=2), seed=1)
    other, _ = from_pretrained_parts(folders["decoder"], config, lora=LoraSettings(rank=2), seed=2)
    assert weights_sha256(first) == weights_sha256(again) != weights_sha256(other)
    questions = ask(CIFAR10, ["a", "b", "c"], np.array([1, 2, 3]), seed=0)[:3]
    assert torch.isfinite(first(**encode.batch(questions, small_images(PIXELS))).loss)
    with pytest.raises(EmptyAnswer, match="nothing"):
        encode.answered("what is it ?", "", name="nothing")


def test_parts_that_make_no_model_are_refused(folders, tmp_path):
    with pytest.raises(InvalidModelParts, match="no decoder with a tokenizer"):
        from_pretrained_parts(tmp_path, TokenConvNetConfig())
    with pytest.raises(InvalidModelParts, match="no EfficientNet-Lite0"):
        lite0_tokens(tmp_path)
    with pytest.raises(InvalidModelParts, match="trained whole"):
        from_pretrained_parts(folders["decoder"], TokenConvNetConfig(), lora=LoraSettings(encoder_rank=2))
    with pytest.raises(InvalidModelParts, match="none of the linear maps"):
        from_pretrained_parts(
            folders["decoder"], lite0_tokens(folders["lite0"]), lora=LoraSettings(rank=2, encoder_rank=2)
        )


def test_media_have_the_shapes_and_values_that_encoders_read():
    grey = np.array([[[0, 255], [127, 128]]], np.uint8)
    assert small_images(grey).shape == (1, 1, 2, 2) and small_images(grey).flatten().tolist()[:2] == [-2.0, 2.0]
    lite0 = lite0_images(np.full((1, 28, 28), 255, np.uint8))
    assert lite0.shape == (1, 3, 96, 96) and torch.allclose(lite0, torch.tensor(1.0))
    mel = LogMel(sample_rate=8_000, fft=256, hop=128, mels=32)
    assert small_sounds(SOUNDS, mel, seconds=0.5).shape == (3, 1, 32, 31)
    with pytest.raises(InvalidSound, match="sound 0 has 3000 samples"):
        small_sounds(SOUNDS, mel, seconds=0.25)
    for wrong in (PIXELS.astype(np.float32), PIXELS[..., :2], PIXELS[0, 0]):
        with pytest.raises(InvalidMedia, match="images are bytes"):
            small_images(wrong)
    with pytest.raises(InvalidMedia, match="16 bits"):
        small_sounds([SOUNDS[0].astype(np.float32)], mel, seconds=0.5)
